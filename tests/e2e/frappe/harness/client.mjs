// The official client at a Frappe site, with everything that it heard.

import { createRequire } from 'node:module';

import { until, within } from '../../clients/harness/wait.mjs';
import { SITE } from './bench.mjs';

export const { io } = createRequire(import.meta.url)('socket.io-client-4');

/** Follows a socket of the official client. */
export function follow(socket) {
  const client = {
    socket,
    /** Every event in order: [name, ...args]. */
    events: [],
    refusals: [],
    disconnects: [],
    /** The transport at this moment. */
    transport: () => socket.io.engine?.transport?.name,
    async joined() {
      await until(() => socket.connected, () => `the client to join; ${client}`);
      return client;
    },
    /** Waits for the first event of this name, or one with this argument. */
    event: (name, test = () => true) =>
      until(() => client.events.find(([known, arg]) => known === name && test(arg)), () => `the event ${name}; ${client}`),
    names: () => client.events.map(([name]) => name),
    refusal: () => until(() => client.refusals[0], () => `a refusal; ${client}`),
    /** Asks for an answer, which comes after everything that was sent before. */
    async pinged() {
      const before = client.names().filter((name) => name === 'pong').length;
      socket.emit('ping');
      await until(() => client.names().filter((name) => name === 'pong').length > before, () => `a pong; ${client}`);
    },
    async leave() {
      const engine = socket.io.engine;
      const closed = engine.readyState === 'closed' ? undefined : new Promise((resolve) => engine.once('close', resolve));
      socket.disconnect();
      await within(closed, 'the client to close');
    },
    toString: () => `so far ${JSON.stringify({ events: client.events, refusals: client.refusals, disconnects: client.disconnects })}`,
  };
  socket.onAny((...event) => client.events.push(event));
  socket.on('connect_error', (error) => client.refusals.push(error.message));
  socket.on('disconnect', (reason) => client.disconnects.push(reason));
  return client;
}

/**
 * Opens a socket as Frappe's own browser client does; does not wait. What a browser would add of its own accord
 * (cookies, and through nginx the name of the site) is in `headers`; `cookie` in lower case, since in Node the client's
 * own jar adds a header of that name when it upgrades, which would count in its place after a reconnect.
 */
export function open(url, { headers = {}, ...options } = {}) {
  const settings = { withCredentials: true, reconnectionAttempts: 3, forceNew: true, ...options };
  return follow(io(`${url}/${SITE}`, { extraHeaders: { 'X-Frappe-Site-Name': SITE, ...headers }, ...settings }));
}

/** A logged-in user's socket, joined and upgraded. */
export async function enter(url, sid) {
  const client = await open(url, { headers: { cookie: `system_user=yes; sid=${sid}; full_name=A%20B` } }).joined();
  await until(() => client.transport() === 'websocket', () => `the upgrade; ${client}`);
  return client;
}
