// The JavaScript of the README, as it stands but for its addresses. The rest of it is tested by tests/it/readme.rs.

import assert from 'node:assert/strict';
import http from 'node:http';
import { after, before, test } from 'node:test';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';

import { startGateway } from './harness/gateway.mjs';
import { until } from './harness/wait.mjs';

const { io } = createRequire(import.meta.url)('socket.io-client-4');
const readme = await readFile(new URL('../../../README.md', import.meta.url), 'utf8');
let auth, gateway;

/** The block behind a mark, without its imports: what they name is handed to it. */
function example(name) {
  const [, block] = readme.match(new RegExp(`<!-- test: ${name} -->\n\`\`\`js\n([^]*?)\n\`\`\``)) ?? [];
  assert.ok(block, `the README has no example ${name}`);
  return block.replace(/^import .*$/gm, '');
}

function run(name, given) {
  new Function(...Object.keys(given), example(name))(...Object.values(given));
}

/** Runs the client of the README; resolves with its socket and what it printed. */
function runClient() {
  const printed = [];
  let socket;
  const connect = (url, options) => {
    assert.equal(url, 'http://localhost:1337/shop');
    socket = io(`${gateway.url}/shop`, { ...options, forceNew: true });
    return socket;
  };
  run('client.mjs', { io: connect, console: { log: (...words) => printed.push(words) } });
  return { socket, printed };
}

before(async () => {
  const server = { listen: (...args) => (assert.deepEqual(args, [3000, '127.0.0.1']), auth.listen(0, '127.0.0.1')) };
  run('auth.mjs', { http: { createServer: (answer) => ((auth = http.createServer(answer)), server) } });
  await until(() => auth.listening, 'the stand-in for the auth server');
  const authUrl = `http://127.0.0.1:${auth.address().port}/`;
  gateway = await startGateway({ sites: { shop: { authUrl, userRoomPrefix: 'user_' } } });
});

after(async () => {
  await gateway?.close();
  auth?.closeAllConnections();
  auth?.close();
});

test('the client of the README receives, acknowledges, and gets what waited', { timeout: 30_000 }, async () => {
  const queued = async () => {
    const query = { site: 'shop', apiKey: 'a-long-enough-api-key' };
    const body = JSON.stringify({ rooms: ['user_alice'], event: 'order', args: [{ id: 7 }] });
    return JSON.parse((await gateway.post(query, body, { accept: 'application/json' })).text);
  };

  const first = runClient();
  await until(() => first.printed.length === 1, 'the settings');
  assert.deepEqual(first.printed[0], ['connected, device_ttl', 3600]);
  assert.equal((await queued()).online, 1);
  await until(() => first.printed.length === 2, 'the order');
  assert.deepEqual(first.printed[1], ['received', 'order', { id: 7 }]);
  first.socket.disconnect();

  let receipt;
  await until(async () => (receipt = await queued()).online === 0, 'the gateway to see the client go');
  assert.equal(receipt.queued, 1);
  const second = runClient();
  await until(() => second.printed.some(([word]) => word === 'received'), 'what waited');
  const received = second.printed.filter(([word]) => word === 'received');
  assert.deepEqual(received.at(-1), ['received', 'order', { id: 7 }]);
  second.socket.disconnect();
});

test('a token that is not known is told so', { timeout: 30_000 }, async () => {
  const socket = io(`${gateway.url}/shop`, { auth: { token: 'other' }, forceNew: true, reconnection: false });
  const error = await new Promise((resolve) => socket.on('connect_error', resolve));
  assert.equal(error.message, 'Authentication failed');
  socket.disconnect();
});
