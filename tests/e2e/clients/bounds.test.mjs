// What happens at the edges: full queues, missing acknowledgements, devices that stay away, connections that join nothing.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { API_KEY, keepingSite, matrix, until, world } from './harness.mjs';
import { RawWebSocket } from './harness/raw.mjs';

const few = { versions: [2, 4], modes: ['websocket', 'polling'] };

const here = world((backend) => ({
  sites: {
    demo: keepingSite(backend, 'demo', { ackTimeout: 1 }),
    small: keepingSite(backend, 'small', { queue: { maxMessages: 3, policy: 'resync' } }),
    sliding: keepingSite(backend, 'sliding', { queue: { maxMessages: 3, policy: 'dropOldest' } }),
  },
  config: { connectTimeout: 2, device_ttl: 0 },
}));

const brief = world((backend) => ({
  sites: { demo: keepingSite(backend, 'demo') },
  config: { device_ttl: 1 },
}));

/** A user of `site` who was there once and is away while five messages are sent. */
async function missFive(scene, site) {
  scene.backend.user(site, scene.token, [scene.room]);
  await (await scene.connect({ ns: site })).leave();
  for (const n of [1, 2, 3, 4, 5]) await scene.send('n', n, { site });
}

/** Everything that reached `connection` until a last message did. */
async function untilLast(scene, connection, site) {
  await scene.send('last', 'one', { site });
  await until(() => connection.messages().some(([name]) => name === 'last'), () => `the last message; ${connection}`);
  return connection.messages().filter(([name]) => name !== 'last');
}

matrix(here, 'a full queue is cleared, and the device is told _resync once', async (scene) => {
  await missFive(scene, 'small');
  const back = await scene.connect({ ns: 'small' });
  const [first, ...others] = await untilLast(scene, back, 'small');
  assert.deepEqual(first, ['_resync']);
  assert.ok(others.every(([name, n]) => name === 'n' && n > 3), back.toString());
  await back.leave();
  const again = await scene.connect({ ns: 'small' });
  assert.deepEqual(await untilLast(scene, again, 'small'), []);
}, few);

matrix(here, 'with dropOldest a full queue keeps the newest', async (scene) => {
  await missFive(scene, 'sliding');
  const back = await scene.connect({ ns: 'sliding' });
  assert.deepEqual((await back.event('_batch')).args, [[['n', 3], ['n', 4], ['n', 5]]]);
  assert.ok(!back.names().includes('_resync'));
}, few);

matrix(here, 'with ackTimeout a message comes again until it is acknowledged', async (scene) => {
  const client = await scene.connect({ acks: false });
  await scene.send('again', 1);
  // As an event or in a `_batch`: both are the gateway's to choose.
  const times = () => client.messages().filter(([name, n]) => name === 'again' && n === 1).length;
  await until(() => times() >= 2, () => `the message to come again; ${client}`);
  const second = client.events.at(-1);
  second.ack();
  await client.leave();
  const back = await scene.connect();
  assert.deepEqual(await scene.fence(back), []);
}, few);

matrix(here, 'device_ttl 0 is told as the number 0', async (scene) => {
  const client = await scene.connect();
  assert.deepEqual((await client.event('_settings')).args, [{ device_ttl: 0 }]);
}, few);

matrix(brief, 'a device that stays away for longer than device_ttl is forgotten with its queue', async (scene) => {
  const client = await scene.connect();
  assert.deepEqual((await client.event('_settings')).args, [{ device_ttl: 1 }]);
  await client.leave();
  const query = { site: 'demo', apiKey: API_KEY };
  const body = JSON.stringify({ rooms: scene.room, event: 'lost' });
  await until(async () => {
    const { text } = await scene.gateway.post(query, body, { accept: 'application/json' });
    return JSON.parse(text).devices === 0;
  }, 'the device to be forgotten');
  const back = await scene.connect();
  assert.deepEqual(await scene.fence(back), []);
}, few);

test('a connection that joins no namespace is closed, one that does stays', { timeout: 30_000 }, async () => {
  here.backend.user('demo', 'raw', ['user_raw']);
  const path = '/socket.io/?EIO=4&transport=websocket&token=raw';
  const [idle, joined] = await Promise.all([path, path].map((one) => RawWebSocket.open(here.gateway.port, one)));
  joined.send('40/demo,');
  const started = Date.now();
  await until(() => idle.closed, 'the idle connection to be closed');
  assert.ok(Date.now() - started > 1000, 'not before connectTimeout');
  await here.gateway.send({ rooms: 'user_raw', event: 'still', args: [] });
  await until(() => joined.frames.some((frame) => frame.endsWith('["still"]')), 'the other one to be served');
  assert.equal(joined.closed, false);
  joined.close();
});
