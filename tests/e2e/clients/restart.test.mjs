// The gateway ends and comes back while clients of every kind are connected.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { MODES, Scene, VERSIONS, until, world } from './harness.mjs';

const here = world();

/** One connection of each client generation and transport, each with a user of its own. */
async function everyKind(options) {
  const scenes = VERSIONS.flatMap((version) => MODES.map((mode) => new Scene(here, version, mode)));
  return Promise.all(scenes.map(async (scene) => ({ scene, client: await scene.connect(options) })));
}

/** Ends the process with `signal`, sends nothing meanwhile, starts it again; clients come back by themselves. */
async function restart(all, signal) {
  const before = all.map(({ client }) => client.connects);
  const ended = await here.gateway.stop(signal);
  await until(() => all.every(({ client }) => client.disconnects.length > 0), 'every client to notice');
  await here.gateway.start();
  const back = ({ client }, at) => client.socket.connected && client.connects > before[at];
  const missing = () => all.filter((one, at) => !back(one, at)).map(({ client }) => `${client.version} ${client.mode}: ${client}`);
  await until(() => all.every(back), () => `every client to come back by itself; missing: ${missing().join('\n')}`, 30_000);
  return ended;
}

async function survives(signal, check) {
  const all = await everyKind({ acks: false });
  try {
    for (const { scene, client } of all) {
      await scene.send('settled', 1);
      (await client.event('settled')).ack();
      await scene.send('waiting', 2);
      await client.event('waiting');
    }
    const ended = await restart(all, signal);
    for (const { scene, client } of all) {
      const batch = await client.event('_batch');
      check(batch.args[0], client);
      batch.ack();
      client.acks = true;
      await scene.send('after', 3);
      await client.event('after');
      await scene.fence(client);
      await client.leave();
      const again = await scene.connect();
      assert.deepEqual(await scene.fence(again), [], `client ${client.version} (${client.mode})`);
    }
    return ended;
  } finally {
    for (const { scene } of all) scene.end();
  }
}

test('SIGTERM: clients come back by themselves, what waited comes again, what was settled does not', { timeout: 120_000 }, async () => {
  const ended = await survives('SIGTERM', (batch, client) => {
    assert.deepEqual(batch, [['waiting', 2]], `client ${client.version} (${client.mode})`);
  });
  assert.deepEqual(ended, { code: 0, signal: null });
});

test('SIGKILL: clients come back by themselves, nothing is lost', { timeout: 120_000 }, async () => {
  await survives('SIGKILL', (batch, client) => {
    // The newest acknowledgements may not have been durable yet, so `settled` may come again, before `waiting`.
    const names = batch.map(([name]) => name).filter((name) => name !== 'settled');
    assert.deepEqual(names, ['waiting'], `client ${client.version} (${client.mode})`);
    assert.deepEqual(batch.at(-1), ['waiting', 2]);
  });
});

test('devices that are away during a restart are remembered with their queue', { timeout: 120_000 }, async () => {
  const scene = new Scene(here, 4, 'websocket');
  try {
    await (await scene.connect()).leave();
    await scene.send('before', 1);
    await here.gateway.stop('SIGKILL');
    await here.gateway.start();
    await scene.send('between', 2);
    await here.gateway.stop('SIGTERM');
    await here.gateway.start();
    const client = await scene.connect();
    assert.deepEqual((await client.event('_batch')).args, [[['before', 1], ['between', 2]]]);
    assert.equal((await scene.fence(client)).length, 2);
  } finally {
    scene.end();
  }
});

test('every message answered before a SIGKILL is delivered', { timeout: 120_000 }, async () => {
  const scene = new Scene(here, 4, 'websocket');
  try {
    const client = await scene.connect({ acks: false });
    const accepted = [];
    const lane = async (lane) => {
      for (let at = 0; at < 10_000; at += 1) {
        await scene.send('load', [lane, at]);
        accepted.push(`${lane} ${at}`);
      }
    };
    const lanes = Promise.allSettled(Array.from({ length: 8 }, (_, number) => lane(number)));
    await until(() => accepted.length > 300, 'some load');
    await here.gateway.stop('SIGKILL');
    const ends = await lanes;
    assert.ok(ends.every(({ status }) => status === 'rejected'), 'the load ended before the gateway did');
    // Nothing was acknowledged, so all of it has to come again: what came before does not count.
    await until(() => client.disconnects.length > 0, 'the client to notice');
    client.events.length = 0;
    client.acks = true;
    await here.gateway.start();
    await scene.fence(client);
    const got = new Set(client.messages().map(([, lane, at]) => `${lane} ${at}`));
    assert.deepEqual(accepted.filter((one) => !got.has(one)), []);
  } finally {
    scene.end();
  }
});
