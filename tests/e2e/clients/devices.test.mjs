// Several devices, several tabs, long queues, order under load.

import assert from 'node:assert/strict';

import { MODES, STORE, VERSIONS, matrix, until, world } from './harness.mjs';

const here = world();

matrix(here, 'two devices of one user have a queue each', async (scene) => {
  const phone = await scene.connect({ deviceId: 'phone' });
  const laptop = await scene.connect({ deviceId: 'laptop', acks: false });
  await scene.send('note', 1);
  await phone.event('note');
  await laptop.event('note');
  await laptop.leave();
  await scene.send('note', 2);
  await phone.event('note', 2);
  await phone.leave();

  const back = await scene.connect({ deviceId: 'laptop' });
  assert.deepEqual((await back.event('_batch')).args, [[['note', 1], ['note', 2]]]);
  const other = await scene.connect({ deviceId: 'phone' });
  assert.deepEqual((await scene.fence(back, other))[1], []);
});

matrix(here, 'a device id is taken literally, whatever signs it has', async (scene) => {
  for (const deviceId of ['a', 'a:b', '*', '%_', "'"]) await (await scene.connect({ deviceId })).leave();
  await scene.send('note', 1);
  const star = await scene.connect({ deviceId: '*' });
  assert.deepEqual((await star.event('_batch')).args, [[['note', 1]]]);
  await star.leave();
  for (const deviceId of ["'", '%_', 'a:b', 'a']) {
    const other = await scene.connect({ deviceId });
    assert.deepEqual((await other.event('_batch')).args, [[['note', 1]]], deviceId);
    await other.leave();
  }
}, { modes: ['websocket'] });

matrix(here, 'two tabs of one device both get a message, and the first acknowledgement settles it', async (scene) => {
  const one = await scene.connect({ acks: false });
  const two = await scene.connect({ acks: false });
  await scene.send('note', 1);
  await one.event('note');
  (await two.event('note')).ack();
  const [seenByOne, seenByTwo] = await scene.fence(one, two);
  assert.deepEqual([seenByOne, seenByTwo], [[['note', 1]], [['note', 1]]]);
  (await one.event('fence 1')).ack();
  await one.leave();
  // One tab remains: the device is still there.
  await scene.send('note', 2);
  (await two.event('note', 2)).ack();
  await two.leave();
  const again = await scene.connect();
  assert.deepEqual(await scene.fence(again), []);
});

matrix(here, 'a tab opened later gets what waits, the tab before it nothing twice', async (scene) => {
  const one = await scene.connect({ acks: false });
  await scene.send('note', 1);
  await one.event('note');
  const two = await scene.connect({ acks: false });
  assert.deepEqual((await two.event('_batch')).args, [[['note', 1]]]);
  const [seenByOne, seenByTwo] = await scene.fence(one, two);
  assert.deepEqual([seenByOne, seenByTwo], [[['note', 1]], [['note', 1]]]);
});

// How many POSTs are under way at once; each lane sends one after the other, so its own order is known.
const LANES = 8;

async function sendMany(scene, total, args) {
  const lane = async (lane) => {
    for (let at = 0; at < total / LANES; at += 1) await scene.send('load', args(lane, at));
  };
  await Promise.all(Array.from({ length: LANES }, (_, number) => lane(number)));
}

function assertLanes(messages, total) {
  const loads = messages.filter(([name]) => name === 'load');
  assert.equal(loads.length, total);
  const next = new Array(LANES).fill(0);
  for (const [, lane, at] of loads) {
    assert.equal(at, next[lane], `lane ${lane} out of order`);
    next[lane] += 1;
  }
}

matrix(here, '500 messages under load keep their order while the client comes and goes', async (scene) => {
  let client = await scene.connect();
  const all = [];
  const sending = sendMany(scene, 504, (lane, at) => [lane, at]);
  await client.event('load', 50);
  await client.leave();
  all.push(...client.messages());
  client = await scene.connect();
  await sending;
  const last = await scene.fence(client);
  // What was on its way when the first client left may come again, in order; nothing may be missing.
  const seen = new Set(all.map(String));
  const repeats = last.filter((message) => seen.has(String(message)));
  assert.ok(repeats.length < 500, `${repeats.length} repeats`);
  assertLanes([...all, ...last.filter((message) => !seen.has(String(message)))], 504);
  await client.leave();
  const again = await scene.connect();
  assert.deepEqual(await scene.fence(again), []);
});

matrix(here, '500 messages under load arrive once and in order', async (scene) => {
  const client = await scene.connect();
  await sendMany(scene, 504, (lane, at) => [lane, at]);
  assertLanes(await scene.fence(client), 504);
});

const filler = 'y'.repeat(1000);
const LONG = 5000;
// 60,000 messages with an fsync each time are for the store that is alone on its disk.
const some = STORE === 'redis' ? { versions: [2, 4], modes: ['websocket'] } : { versions: VERSIONS, modes: MODES };
matrix(here, 'a queue of 5,000 messages of 1 kB comes in several batches, in order, each after the ack of the one before', async (scene) => {
  await (await scene.connect()).leave();
  await sendMany(scene, LONG, (lane, at) => [lane, at, filler]);
  const client = await scene.connect({ acks: false });
  const first = await client.event('_batch');
  await scene.send('live', 'waits behind the queue');
  assert.equal(client.names().length, 1, 'nothing may follow before the first batch is acknowledged');
  client.acks = true;
  first.ack();
  await until(() => client.messages().length > LONG, () => `the whole queue; ${client.messages().length} so far`, 30_000);
  const batches = client.events.filter(({ name }) => name === '_batch').map(({ args }) => JSON.stringify(args[0]).length);
  assert.ok(batches.length > 5, `${batches.length} batches`);
  assert.ok(Math.max(...batches) < 1_000_000, `a batch of ${Math.max(...batches)} bytes`);
  assertLanes(client.messages(), LONG);
  assert.deepEqual(client.messages().at(-1), ['live', 'waits behind the queue']);
  await client.leave();
  const again = await scene.connect();
  assert.deepEqual(await scene.fence(again), []);
}, { ...some, timeout: 120_000 });
