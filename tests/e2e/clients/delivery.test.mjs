// What one device gets: live, after an absence, and never again once acknowledged.

import assert from 'node:assert/strict';

import { matrix, until, world } from './harness.mjs';

const here = world();

matrix(here, '_settings comes first and its device_ttl is a number', async (scene) => {
  const client = await scene.connect();
  await client.event('_settings');
  assert.equal(client.events[0].name, '_settings');
  assert.deepEqual(client.events[0].args, [{ device_ttl: 3600 }]);
  assert.equal(client.events[0].ack, undefined);
});

matrix(here, 'a message to a shared room reaches its members once, whatever its case', async (scene) => {
  const other = scene.anotherUser();
  const client = await scene.connect();
  const stranger = await scene.connect({ token: other.token });
  await scene.gateway.send({ rooms: [scene.staff.toUpperCase(), scene.room], event: 'news', args: { a: 1 } });
  await scene.gateway.send({ rooms: scene.staff.toUpperCase(), event: 'more', args: 2 });
  assert.deepEqual(await scene.fence(client), [['news', { a: 1 }], ['more', 2]]);
  await scene.gateway.send({ rooms: other.room, event: 'last' });
  await stranger.event('last');
  assert.deepEqual(stranger.messages(), [['last', null]]);
});

matrix(here, 'args arrive as they were sent', async (scene) => {
  const client = await scene.connect();
  await scene.send('many', [[1, 2], [3], 'x', null, true]);
  await scene.send('object', { deep: { er: [{}] } });
  await scene.send('scalar', 7.5);
  await scene.gateway.send({ rooms: scene.room, event: 'none' });
  await scene.send('empty', []);
  assert.deepEqual(await scene.fence(client), [
    ['many', [1, 2], [3], 'x', null, true],
    ['object', { deep: { er: [{}] } }],
    ['scalar', 7.5],
    ['none', null],
    ['empty'],
  ]);
});

matrix(here, 'an acknowledged message never comes again', async (scene) => {
  const first = await scene.connect();
  await scene.send('update_store', ['user', { id: 1 }]);
  const event = await first.event('update_store');
  assert.deepEqual(event.args, ['user', { id: 1 }]);
  assert.equal(typeof event.id, 'number');
  await first.leave();
  const second = await scene.connect();
  assert.deepEqual(await scene.fence(second), []);
});

matrix(here, 'what was sent while away comes as one _batch, in order, and is gone once acknowledged', async (scene) => {
  const first = await scene.connect();
  await first.leave();
  await scene.send('zeta', '1st');
  await scene.send('alpha', '2nd');
  await scene.send('zeta', ['3rd', { x: null }]);
  await scene.gateway.send({ rooms: [scene.staff], event: 'none' });

  const second = await scene.connect();
  const batch = await second.event('_batch');
  assert.equal(typeof batch.id, 'number');
  assert.deepEqual(batch.args, [[['zeta', '1st'], ['alpha', '2nd'], ['zeta', '3rd', { x: null }], ['none', null]]]);
  assert.deepEqual((await scene.fence(second)).length, 4);
  await second.leave();

  const third = await scene.connect();
  assert.deepEqual(await scene.fence(third), []);
});

matrix(here, 'a _batch that was not acknowledged comes again', async (scene) => {
  await (await scene.connect()).leave();
  await scene.send('kept', 1);
  const second = await scene.connect({ acks: false });
  assert.deepEqual((await second.event('_batch')).args, [[['kept', 1]]]);
  await second.leave();
  const third = await scene.connect();
  assert.deepEqual((await third.event('_batch')).args, [[['kept', 1]]]);
});

matrix(here, 'a live message that was not acknowledged comes in the next _batch', async (scene) => {
  const first = await scene.connect({ acks: false });
  await scene.send('one', 1);
  await scene.send('two', 2);
  await scene.send('three', 3);
  await first.event('three');
  (await first.event('two')).ack();
  await first.leave();
  const second = await scene.connect();
  assert.deepEqual((await second.event('_batch')).args, [[['one', 1], ['three', 3]]]);
  assert.deepEqual(await scene.fence(second), [['one', 1], ['three', 3]]);
});

matrix(here, 'resync: acknowledging the newer first clears the queue and asks for one _resync', async (scene) => {
  const first = await scene.connect({ acks: false });
  await scene.send('up', 'm1', { resync: 'true' });
  await scene.send('up', 'm2', { resync: 'true' });
  const newer = await first.event('up', 2);
  newer.ack();
  const told = await first.event('_resync');
  assert.deepEqual(told.args, []);
  assert.equal(told.ack, undefined);
  (await first.event('up', 1)).ack();
  await scene.fence(first);
  assert.equal(first.names().filter((name) => name === '_resync').length, 1);
  (await first.event('fence 1')).ack();
  await first.leave();
  const second = await scene.connect();
  assert.deepEqual(await scene.fence(second), []);
});

matrix(here, 'resync: in order there is nothing to resync, and false, 0 and no mean off', async (scene) => {
  const client = await scene.connect({ acks: false });
  await scene.send('up', 'm1', { resync: 'true' });
  (await client.event('up')).ack();
  for (const off of ['false', '0', 'no', '']) {
    await scene.send(`off-${off}`, 'older', { resync: off });
    await scene.send(`off-${off}`, 'newer', { resync: off });
    (await client.event(`off-${off}`, 2)).ack();
  }
  await scene.fence(client);
  assert.ok(!client.names().includes('_resync'), client.toString());
  await client.leave();
  const kept = await scene.connect();
  const olders = (await scene.fence(kept)).filter(([, which]) => which === 'older');
  assert.equal(olders.length, 4);
});

matrix(here, 'binary acknowledgements and binary events from the client are taken', async (scene) => {
  const client = await scene.connect({ acks: false });
  const session = client.engine.id;
  await scene.send('update_store', 1);
  (await client.event('update_store')).ack(Buffer.from([1, 2, 0xff]), { nested: Buffer.alloc(300, 7) });
  client.socket.emit('picture', Buffer.alloc(2000, 0xe2), { more: Buffer.from([0]) });
  client.socket.emit('words', 'naïve 😀', { κλειδί: 1 });
  client.socket.emit('wants an answer', 1, () => {});
  client.acks = true;
  assert.deepEqual(await scene.fence(client), [['update_store', 1]]);
  assert.equal(client.engine.id, session);
  assert.deepEqual(client.disconnects, []);
  await client.leave();
  const again = await scene.connect();
  assert.deepEqual(await scene.fence(again), []);
});

const ascii = 'x'.repeat(200_000);
matrix(here, 'a message of 200 kB arrives whole, live and in a _batch', async (scene) => {
  const first = await scene.connect({ acks: false });
  await scene.send('big', ascii);
  assert.equal((await first.event('big')).args[0], ascii);
  await first.leave();
  const second = await scene.connect();
  const [[, text]] = (await second.event('_batch')).args[0];
  assert.equal(text, ascii);
  second.socket.emit('big from the client', ascii);
  assert.equal((await scene.fence(second)).length, 1);
  assert.deepEqual(second.disconnects, []);
});

// Emoji, astral letters, line separators that JavaScript once disliked, combining marks, bidi, NUL, the last of the BMP.
const beyond = ['é', 'ÿ', 'Ω', '日本語', '😀', '👩‍👩‍👧‍👦', '𝔘𝔫𝔦', 'a\u2028b\u2029c', 'e\u0301', '\u202eabc', '\u0000', '\uffff', '"\\\u001f'];
matrix(here, 'text beyond ASCII survives in args, keys and event names, live and in a _batch', async (scene) => {
  const object = Object.fromEntries(beyond.map((text, at) => [`${text}${at}`, text]));
  const sent = [...beyond.map((text) => ['text', text]), ['object', object], ['événement 😀', 'x'.repeat(5000) + '𝔘']];
  const live = await scene.connect({ acks: false });
  for (const [event, ...args] of sent) await scene.send(event, args);
  await live.event('événement 😀');
  assert.deepEqual(live.messages(), sent);
  await live.leave();
  const batched = await scene.connect();
  await batched.event('_batch');
  assert.deepEqual(await scene.fence(batched), sent);
});

matrix(here, 'messages sent during the upgrade arrive once and in order', async (scene) => {
  const client = scene.open({ acks: false });
  await until(() => client.socket.connected, 'the connect');
  const sent = [];
  for (let at = 0; at < 60; at += 1) {
    await scene.send('tick', at);
    sent.push(['tick', at]);
  }
  await client.upgraded();
  assert.deepEqual(await scene.fence(client), sent);
}, { modes: ['upgrade'] });
