// Engine.IO without a library: what is on the wire, byte for byte.

import { randomBytes } from 'node:crypto';
import http from 'node:http';
import net from 'node:net';

import { until } from './wait.mjs';

/** A WebSocket over a bare socket: frames as text, exactly as they came. */
export class RawWebSocket {
  #buffer = Buffer.alloc(0);
  #taken = 0;
  /** Text frames in order. */
  frames = [];
  closed = false;

  /** Connects to `path` and waits for the 101. */
  static async open(port, path) {
    const raw = new RawWebSocket();
    raw.socket = net.connect(port, '127.0.0.1');
    const key = randomBytes(16).toString('base64');
    raw.socket.write(`GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n`
      + `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\n\r\n`);
    raw.socket.on('data', (bytes) => raw.#arrived(bytes));
    raw.socket.on('error', () => (raw.closed = true));
    raw.socket.on('close', () => (raw.closed = true));
    await until(() => raw.head !== undefined || raw.closed, 'the answer to the upgrade');
    if (!raw.head?.startsWith('HTTP/1.1 101')) throw new Error(`no WebSocket: ${raw.head}`);
    return raw;
  }

  #arrived(bytes) {
    this.#buffer = Buffer.concat([this.#buffer, bytes]);
    if (this.head === undefined) {
      const end = this.#buffer.indexOf('\r\n\r\n');
      if (end < 0) return;
      this.head = this.#buffer.subarray(0, end).toString();
      this.#buffer = this.#buffer.subarray(end + 4);
    }
    while (this.#frame());
  }

  #frame() {
    const bytes = this.#buffer;
    if (bytes.length < 2) return false;
    let size = bytes[1] & 0x7f;
    let at = 2;
    if (size === 126) [size, at] = bytes.length < 4 ? [Infinity, 4] : [bytes.readUInt16BE(2), 4];
    else if (size === 127) [size, at] = bytes.length < 10 ? [Infinity, 10] : [Number(bytes.readBigUInt64BE(2)), 10];
    if (bytes.length < at + size) return false;
    const payload = bytes.subarray(at, at + size);
    const opcode = bytes[0] & 0x0f;
    if (opcode === 1) this.frames.push(payload.toString());
    if (opcode === 8) this.#answerClose();
    this.#buffer = bytes.subarray(at + size);
    return true;
  }

  #answerClose() {
    this.closed = true;
    this.socket.end(Buffer.from([0x88, 0x80, 0, 0, 0, 0]));
  }

  /** Sends one text frame. */
  send(text) {
    const payload = Buffer.from(text);
    if (payload.length > 125) throw new Error('longer than these tests need');
    const mask = randomBytes(4);
    const masked = payload.map((byte, at) => byte ^ mask[at % 4]);
    this.socket.write(Buffer.concat([Buffer.from([0x81, 0x80 | payload.length]), mask, masked]));
  }

  /** The next text frame. */
  async next() {
    const at = this.#taken;
    this.#taken += 1;
    return until(() => this.frames[at], () => `frame ${at}; so far ${JSON.stringify(this.frames)}, closed ${this.closed}`);
  }

  close() {
    this.socket.destroy();
  }
}

/** Engine.IO polling over plain HTTP requests. */
export class RawPolling {
  constructor(port, query, unpack) {
    Object.assign(this, { port, query, unpack, packets: [], bodies: [] });
    this.taken = 0;
  }

  /** One GET; keeps its body, and the packets in it. */
  async poll() {
    const answer = await request(this.port, 'GET', this.#path());
    if (answer.status !== 200) throw new Error(`poll answered ${answer.status} ${answer.body}`);
    this.bodies.push(answer);
    this.packets.push(...this.unpack(answer.body, answer.headers['content-type']));
    return answer;
  }

  /** One POST with a body as it stands. */
  post(body, type = 'text/plain;charset=UTF-8') {
    return request(this.port, 'POST', this.#path(), body, type);
  }

  /** The next packet, polling for it when it is not there yet. */
  async next() {
    for (let polls = 0; this.packets.length <= this.taken; polls += 1) {
      if (polls > 20) throw new Error(`nothing came; so far ${JSON.stringify(this.packets)}`);
      await this.poll();
    }
    this.taken += 1;
    return this.packets[this.taken - 1];
  }

  #path() {
    return `/socket.io/?${this.query}&transport=polling${this.sid ? `&sid=${this.sid}` : ''}`;
  }
}

/** One HTTP request; resolves with { status, headers, body: Buffer }. */
export function request(port, method, path, body, type) {
  return new Promise((resolve, reject) => {
    const bytes = body === undefined ? undefined : Buffer.from(body);
    const headers = bytes ? { 'content-type': type, 'content-length': bytes.length } : {};
    const sent = http.request({ port, host: '127.0.0.1', method, path, headers, agent: false }, (response) => {
      const parts = [];
      response.on('data', (part) => parts.push(part));
      response.on('end', () => resolve({ status: response.statusCode, headers: response.headers, body: Buffer.concat(parts) }));
      response.on('error', reject);
    });
    sent.on('error', reject);
    sent.end(bytes);
  });
}

/** `<length>:<packet>...`, the length in UTF-16 units; Engine.IO 3 with b64=1. */
export const textPayload = {
  type: /^text\/plain; ?charset=utf-8$/i,
  pack: (...packets) => packets.map((packet) => `${packet.length}:${packet}`).join(''),
  unpack(body) {
    const packets = [];
    for (let text = body.toString(); text; ) {
      const [, digits] = /^(\d+):/.exec(text) ?? [];
      if (!digits) throw new Error(`not a payload: ${JSON.stringify(text)}`);
      const start = digits.length + 1;
      packets.push(text.slice(start, start + Number(digits)));
      text = text.slice(start + Number(digits));
    }
    return packets;
  },
};

/** `00 <digits of the length> ff <packet>...`, the length in bytes; Engine.IO 3 without b64. */
export const binaryPayload = {
  type: /^application\/octet-stream$/,
  pack: (...packets) => Buffer.concat(packets.map((packet) => {
    const bytes = Buffer.from(packet);
    return Buffer.concat([Buffer.from([0, ...String(bytes.length)].map(Number)), Buffer.from([0xff]), bytes]);
  })),
  unpack(body) {
    const packets = [];
    for (let at = 0; at < body.length; ) {
      const end = body.indexOf(0xff, at);
      if (body[at] !== 0 || end < 0) throw new Error(`not a payload of text packets: ${body.toString('hex')}`);
      const size = Number([...body.subarray(at + 1, end)].join(''));
      packets.push(body.subarray(end + 1, end + 1 + size).toString());
      at = end + 1 + size;
    }
    return packets;
  },
};

/** Without b64 an Engine.IO 3 server is free to answer in either; it must take both. */
export const eitherPayload = {
  type: new RegExp(`${textPayload.type.source}|${binaryPayload.type.source}`, 'i'),
  pack: binaryPayload.pack,
  packedAs: 'application/octet-stream',
  unpack: (body, type) => (type.startsWith('text/') ? textPayload : binaryPayload).unpack(body),
};

/** Packets separated by U+001E; Engine.IO 4. */
export const separatedPayload = {
  type: /^text\/plain; ?charset=utf-8$/i,
  pack: (...packets) => packets.join('\x1e'),
  unpack: (body) => body.toString().split('\x1e'),
};
