// The official clients of four generations behind one face.

import { createRequire } from 'node:module';

import { until, within } from './wait.mjs';

const load = createRequire(import.meta.url);

export const VERSIONS = [1, 2, 3, 4];
export const MODES = ['polling', 'websocket', 'upgrade'];

const TRANSPORTS = { polling: ['polling'], websocket: ['websocket'], upgrade: ['polling', 'websocket'] };

/** Generations 1 and 2 speak protocol 4 of Socket.IO over Engine.IO 3, the others protocol 5 over Engine.IO 4. */
export const isOld = (version) => version < 3;

/** What a connection attempt of `version` names its refusal. */
export const refusalEvent = (version) => (isOld(version) ? 'error' : 'connect_error');

/** One namespace of one connection, with everything that arrived. */
export class Connection {
  /** Every event in order: { name, args, id, ack }. */
  events = [];
  /** Every refusal, as the client library hands it over. */
  refusals = [];
  /** Reasons of the disconnects. */
  disconnects = [];
  /** Times 'connect' fired. */
  connects = 0;

  /** @param acks whether what asks for an acknowledgement gets it at once */
  constructor(version, mode, socket, { acks = true } = {}) {
    Object.assign(this, { version, mode, socket, acks });
    // Reserved names and events before 'connect' are seen too, other than by listeners.
    socket.onevent = (packet) => this.#arrived(packet);
    socket.on('connect', () => (this.connects += 1));
    socket.on('disconnect', (reason) => this.disconnects.push(reason));
    socket.on(refusalEvent(version), (refusal) => this.refusals.push(refusal));
  }

  #arrived(packet) {
    const [name, ...args] = packet.data;
    const ack = packet.id == null ? undefined : this.socket.ack(packet.id);
    this.events.push({ name, args, id: packet.id, ack });
    if (ack && this.acks) ack();
  }

  get engine() {
    return this.socket.io.engine;
  }

  get transport() {
    return this.engine.transport.name;
  }

  /** Waits until the namespace is joined and, in mode `upgrade`, until the connection is a WebSocket. */
  async joined() {
    await until(() => this.socket.connected, () => `client ${this.version} (${this.mode}) to connect; ${this}`);
    if (this.mode === 'upgrade') await this.upgraded();
    return this;
  }

  upgraded() {
    const done = () => this.transport === 'websocket' && !this.engine.upgrading;
    return until(done, () => `the upgrade of client ${this.version}; ${this}`);
  }

  /** Waits for the `count`th event of this name (the first unless told). */
  async event(name, count = 1) {
    const found = () => this.events.filter((event) => event.name === name)[count - 1];
    return until(found, () => `event ${count} named ${name}; ${this}`);
  }

  /** Waits for a refusal and hands over its text, after checking its kind. */
  async refusal(count = 1) {
    const refusal = await until(() => this.refusals[count - 1], () => `refusal ${count}; ${this}`);
    if (isOld(this.version)) {
      if (typeof refusal !== 'string') throw new Error(`a string was wanted, not ${JSON.stringify(refusal)}`);
      return refusal;
    }
    if (!(refusal instanceof Error)) throw new Error(`an Error was wanted, not ${JSON.stringify(refusal)}`);
    return refusal.message;
  }

  /** Messages in the order they came, those of a `_batch` taken out of it: [[event, ...args], ...]. */
  messages() {
    return this.events.flatMap(({ name, args }) => {
      if (name === '_settings') return [];
      return name === '_batch' ? args[0] : [[name, ...args]];
    });
  }

  /** Names of the events in order, without `_settings`. */
  names() {
    return this.events.map((event) => event.name).filter((name) => name !== '_settings');
  }

  /** Leaves and waits until the connection is closed, with everything written before. */
  async leave() {
    const engine = this.engine;
    const closed = engine.readyState === 'closed' ? undefined : new Promise((resolve) => engine.once('close', resolve));
    this.socket.disconnect();
    this.socket.io.reconnection(false);
    await within(closed, `client ${this.version} to close`);
  }

  /** Ends the connection at once, like a lost network. */
  drop() {
    this.socket.io.reconnection(false);
    this.socket.io.skipReconnect = true;
    this.socket.disconnect();
    this.engine?.close();
  }

  toString() {
    const brief = this.events.slice(-20).map(({ name, args }) => `${name} ${JSON.stringify(args).slice(0, 120)}`);
    const refusals = this.refusals.slice(-3).map(String);
    const disconnects = this.disconnects.slice(-3);
    return `so far ${JSON.stringify({ events: brief, refusals, connects: this.connects, disconnects })}`;
  }
}

/**
 * Opens a connection; does not wait.
 * @param via where the token travels: `query` (default), `auth` (generations 3 and 4) or `header`
 */
export function open(url, version, mode, options = {}) {
  const { ns = 'demo', token, deviceId, meta, via = 'query', acks, ...rest } = options;
  const credentials = defined({ token: via === 'header' ? undefined : token, deviceId, meta });
  const io = load(`socket.io-client-${version}`);
  const settings = {
    transports: TRANSPORTS[mode],
    forceNew: true,
    reconnection: true,
    reconnectionDelay: 50,
    reconnectionDelayMax: 200,
    ...(via === 'auth' ? { auth: credentials } : { query: credentials }),
    ...(via === 'header' && token !== undefined ? { extraHeaders: { Authorization: `Bearer ${token}` } } : {}),
    ...rest,
  };
  return new Connection(version, mode, io(`${url}/${ns}`, settings), { acks });
}

/** Joins one more namespace over the connection that is there. */
export function openAnother(connection, ns, { auth, acks } = {}) {
  const socket = connection.socket.io.socket(`/${ns}`, auth ? { auth } : {});
  return new Connection(connection.version, connection.mode, socket, { acks });
}

function defined(values) {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
}
