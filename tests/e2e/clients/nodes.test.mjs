// Two gateways on one Redis: it does not matter where a client connects, nor where a message is sent.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { API_KEY, MODES, Scene, VERSIONS, matrix, until, worldOfTwo } from './harness.mjs';

const here = worldOfTwo();

matrix(here, 'what is sent to one gateway arrives from the other, once and in order', async (scene) => {
  const { a, b } = here;
  const client = await scene.connect({ at: b });
  const sent = [];
  for (let at = 0; at < 20; at += 1) {
    await scene.send('tick', at, { at: at % 2 ? b : a });
    sent.push(['tick', at]);
  }
  assert.deepEqual(await scene.fence(client), sent);
  await client.leave();
  await scene.gone();
  const again = await scene.connect({ at: a });
  assert.deepEqual(await scene.fence(again), []);
});

matrix(here, 'what was not acknowledged at one gateway comes as _batch at the other, and what was does not', async (scene) => {
  const { a, b } = here;
  const first = await scene.connect({ at: a, acks: false });
  await scene.send('one', 1, { at: b });
  await scene.send('two', 2, { at: a });
  await scene.send('three', 3, { at: b });
  await first.event('three');
  (await first.event('two')).ack();
  await first.leave();
  await scene.gone();
  const second = await scene.connect({ at: b });
  await second.event('_batch');
  assert.deepEqual(await scene.fence(second), [['one', 1], ['three', 3]]);
  assert.equal(second.names()[0], '_batch');
  await second.leave();
  await scene.gone();
  const third = await scene.connect({ at: a });
  assert.deepEqual(await scene.fence(third), []);
});

matrix(here, 'what was sent to both while away comes as one _batch, in order', async (scene) => {
  const { a, b } = here;
  await (await scene.connect({ at: a })).leave();
  await scene.send('zeta', '1st', { at: b });
  await scene.send('alpha', '2nd', { at: a });
  await scene.send('zeta', '3rd', { at: b, rooms: [scene.staff.toUpperCase()] });
  const second = await scene.connect({ at: b });
  const batch = await second.event('_batch');
  assert.deepEqual(batch.args, [[['zeta', '1st'], ['alpha', '2nd'], ['zeta', '3rd']]]);
});

matrix(here, 'a shared room has members at both gateways; who is not in it gets nothing', async (scene) => {
  const { a, b } = here;
  const [colleague, stranger] = [scene.anotherUser(), scene.anotherUser()];
  scene.backend.user('demo', colleague.token, [colleague.room, scene.staff]);
  const one = await scene.connect({ at: a });
  const two = await scene.connect({ at: b, token: colleague.token });
  const other = await scene.connect({ at: b, token: stranger.token });
  await scene.send('news', 1, { at: a, rooms: scene.staff });
  await scene.send('news', 2, { at: b, rooms: scene.staff });
  for (const member of [one, two]) {
    await member.event('news', 2);
    assert.deepEqual(member.messages(), [['news', 1], ['news', 2]]);
  }
  await scene.send('last', 3, { at: a, rooms: stranger.room });
  await other.event('last');
  assert.deepEqual(other.messages(), [['last', 3]]);
});

matrix(here, 'two sessions of one device, one at each gateway: both get it, the first acknowledgement settles it', async (scene) => {
  const { a, b } = here;
  const one = await scene.connect({ at: a, acks: false });
  const two = await scene.connect({ at: b, acks: false });
  await scene.send('note', 1, { at: a });
  await one.event('note');
  (await two.event('note')).ack();
  assert.deepEqual(await scene.fence(one, two), [[['note', 1]], [['note', 1]]]);
  (await two.event('fence 1')).ack();
  // The newer session ends: the older one still belongs to the device.
  await two.leave();
  await scene.send('note', 2, { at: b });
  (await one.event('note', 2)).ack();
  await one.leave();
  await scene.gone();
  const again = await scene.connect({ at: b });
  assert.deepEqual(await scene.fence(again), []);
});

matrix(here, 'resync crosses gateways: the queue is cleared wherever the device comes back', async (scene) => {
  const { a, b } = here;
  const first = await scene.connect({ at: b, acks: false });
  await scene.send('up', 'm1', { at: a, resync: 'true' });
  await scene.send('up', 'm2', { at: a, resync: 'true' });
  (await first.event('up', 2)).ack();
  await first.event('_resync');
  (await first.event('up', 1)).ack();
  await scene.fence(first);
  (await first.event('fence 1')).ack();
  assert.equal(first.names().filter((name) => name === '_resync').length, 1);
  await first.leave();
  await scene.gone();
  const second = await scene.connect({ at: a });
  assert.deepEqual(await scene.fence(second), []);
});

matrix(here, 'plain broadcast crosses gateways, at most once, and nothing is kept', async (scene) => {
  const { a, b } = here;
  const room = `Room-${scene.number}`;
  scene.backend.user('plain', scene.token, [room, `${room}-2`]);
  const one = await scene.connect({ ns: 'plain', at: a });
  const two = await scene.connect({ ns: 'plain', at: b });
  for (const client of [one, two]) await client.event('_settings');
  await a.send({ site: 'plain', rooms: [room, `${room}-2`], event: 'bc', args: { k: 1 } });
  await b.send({ site: 'plain', rooms: room, event: 'bc', args: { k: 2 } });
  for (const client of [one, two]) {
    await client.event('bc', 2);
    assert.equal(client.events.at(-1).ack, undefined);
  }
  await a.send({ site: 'plain', rooms: room, event: 'fence', args: 1 });
  for (const client of [one, two]) {
    await client.event('fence');
    // Two gateways' broadcasts have no order between them.
    const seen = client.messages().map(([name, args]) => `${name} ${JSON.stringify(args)}`).sort();
    assert.deepEqual(seen, ['bc {"k":1}', 'bc {"k":2}', 'fence 1']);
  }
});

const LANES = 8;
const EACH = 50;

matrix(here, '400 messages sent to both under load are complete and in order, while the client goes from one to the other', async (scene) => {
  const { a, b } = here;
  const lane = async (lane) => {
    for (let at = 0; at < EACH; at += 1) await scene.send('load', [lane, at], { at: (lane + at) % 2 ? b : a });
  };
  let client = await scene.connect({ at: a });
  let sent = false;
  const sending = Promise.all(Array.from({ length: LANES }, (_, number) => lane(number))).then(() => (sent = true));
  const seen = [];
  for (const next of [b, a, b]) {
    await client.event('load');
    await client.leave();
    seen.push(client.messages());
    client = await scene.connect({ at: next });
    await until(() => sent || client.messages().length > 20, () => `some more; ${client}`);
  }
  await sending;
  seen.push(await scene.fence(client));
  const all = new Set();
  for (const messages of seen) {
    const loads = messages.filter(([name]) => name === 'load');
    // On one session nothing comes twice, and nothing before what was sent before it.
    const last = new Array(LANES).fill(-1);
    for (const [, lane, at] of loads) {
      assert.ok(at > last[lane], `lane ${lane}: ${at} after ${last[lane]}`);
      last[lane] = at;
      all.add(`${lane} ${at}`);
    }
  }
  assert.equal(all.size, LANES * EACH);
});

test('Redis ends by SIGKILL and comes back: clients stay connected, /send says 503, nothing accepted is lost', { timeout: 120_000 }, async () => {
  const { a, b, redis } = here;
  const scenes = VERSIONS.flatMap((version) => MODES.map((mode) => new Scene(here, version, mode)));
  try {
    const all = await Promise.all(scenes.map(async (scene, number) => {
      const client = await scene.connect({ at: number % 2 ? b : a, acks: false });
      await scene.send('before', 1);
      await client.event('before');
      return { scene, client };
    }));
    await redis.stop('SIGKILL');
    const body = JSON.stringify({ rooms: scenes[0].room, event: 'refused' });
    for (const gateway of [a, b]) {
      const start = Date.now();
      const answer = await gateway.post({ site: 'demo', apiKey: API_KEY }, body);
      assert.equal(answer.status, 503);
      assert.ok(Number(answer.headers['retry-after']) > 0, JSON.stringify(answer.headers));
      assert.ok(Date.now() - start < 5000, `${Date.now() - start} ms`);
    }
    await redis.start();
    const accepted = async (gateway, scene) => {
      const body = JSON.stringify({ rooms: scene.room, event: 'after', args: 2 });
      return (await gateway.post({ site: 'demo', apiKey: API_KEY }, body)).status === 200;
    };
    for (const { scene, client } of all) {
      await until(() => accepted(b, scene), 'a message to be accepted again');
      // Live, or in a _batch, where it was read from the store because its announcement was missed.
      await until(() => client.messages().some(([name]) => name === 'after'), () => `the message; ${client}`);
      assert.deepEqual([client.connects, client.disconnects], [1, []], client.toString());
      await client.leave();
      await scene.gone();
      const back = await scene.connect({ at: b });
      // The refused one may have been under way when it was refused.
      const messages = (await scene.fence(back)).filter(([name]) => name !== 'refused');
      assert.deepEqual(messages[0], ['before', 1]);
      assert.deepEqual(messages.at(-1), ['after', 2]);
    }
  } finally {
    for (const scene of scenes) scene.end();
  }
});
