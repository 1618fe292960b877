// Two processes on one bench, as the documentation starts them, behind nginx on its snippet.

import assert from 'node:assert/strict';
import http from 'node:http';
import { after, before, test } from 'node:test';

import { until } from '../clients/harness/wait.mjs';
import { startBench } from './harness/bench.mjs';
import { enter, open } from './harness/client.mjs';
import { example } from './harness/docs.mjs';
import { startNginx } from './harness/nginx.mjs';

const MACHINES = 24;

let bench, other, nginx;

before(async () => {
  bench = await startBench();
  bench.web.user('ada@example.com', 'sid=sid-ada');
  bench.web.user('bob@example.com', 'sid=sid-bob');
  other = await bench.another();
  const ports = [['127.0.0.1:9000', `127.0.0.1:${bench.port}`], ['127.0.0.1:9010', `127.0.0.1:${other.port}`]];
  const upstreams = await example('replace.md', 'nginx-two', ports);
  nginx = await startNginx(bench, { upstreams, locations: await example('replace.md', 'nginx-location') });
});
after(async () => {
  await nginx?.close();
  await bench?.close();
});

/** A test that tells what the gateways said when it fails, and whose clients end with it. */
function told(name, body) {
  test(name, { timeout: 60_000 }, async () => {
    const all = [];
    try {
      await body(all);
    } catch (error) {
      error.message += `\n--- the gateways said:\n${bench.log().slice(-2000)}\n---\n${other.log().slice(-2000)}`;
      throw error;
    } finally {
      for (const { socket } of all) socket.disconnect();
    }
  });
}

const viewers = (client) => client.events.filter(([name]) => name === 'doc_viewers').at(-1)?.[1].users;

told('viewers of a document are those of both, and those of a process that is killed are gone', async (all) => {
  const doc = ['doc_open', 'ToDo', 'T1'];
  const ada = await enter(bench.url, 'sid-ada');
  const bob = await enter(other.url, 'sid-bob');
  all.push(ada, bob);
  bob.socket.io.reconnection(false);
  ada.socket.emit(...doc);
  bob.socket.emit(...doc);
  for (const client of all) {
    await until(() => viewers(client)?.join(' ') === 'ada@example.com bob@example.com', () => `both viewers; ${client}`);
  }
  await other.stop('SIGKILL');
  await until(() => viewers(ada).join(' ') === 'ada@example.com', () => `his going; ${ada}`, 12_000);
  assert.deepEqual(ada.disconnects, []);
  await other.start();
});

told('through nginx each client stays at one of them, hears what is published once, and comes to the other one when its own is killed', async (all) => {
  const machine = (number) => new http.Agent({ localAddress: `127.0.1.${number + 1}` });
  for (let number = 0; number < MACHINES; number += 1) {
    all.push(open(nginx.url, { headers: { cookie: 'sid=sid-ada' }, agent: machine(number) }));
  }
  const upgraded = (client) => client.socket.connected && client.transport() === 'websocket';
  await until(() => all.every(upgraded), () => `all to upgrade; ${all.filter((client) => !upgraded(client))}`);
  await bench.publish('ada@example.com', 'publish_realtime', [{ event: 'one', message: 1 }, { event: 'two', message: 2 }]);
  for (const client of all) await client.event('two');
  for (const client of all) assert.deepEqual(client.events, [['one', 1], ['two', 2]]);

  await other.stop('SIGKILL');
  const hit = () => all.filter(({ disconnects }) => disconnects.length > 0);
  await until(() => hit().length > 0 && hit().every(upgraded), () => `those of the other one to come back; ${hit()}`, 20_000);
  assert.ok(hit().length < MACHINES, `both had clients, not all ${MACHINES} the one that was killed`);
  await bench.publish('ada@example.com', 'publish_realtime', { event: 'three', message: 3 });
  for (const client of all) assert.deepEqual(await client.event('three'), ['three', 3]);
});
