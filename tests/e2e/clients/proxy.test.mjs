// Two gateways behind nginx, on the files that docker-compose.yml mounts: deploy/nginx.conf and deploy/redis.conf.

import assert from 'node:assert/strict';
import http from 'node:http';
import { test } from 'node:test';

import { API_KEY, MODES, Scene, VERSIONS, matrix, until, worldOfTwo } from './harness.mjs';
import { startNginx } from './harness/nginx.mjs';
import { RawPolling, request, separatedPayload } from './harness/raw.mjs';

const here = worldOfTwo(async (world) => {
  world.sticky = await startNginx([world.a, world.b]);
  world.round = await startNginx([world.a, world.b], (text) => without(text, /^ *(hash|least_conn).*;\n/gm));
  return [world.sticky, world.round];
});
let addresses = 0;

function without(text, pattern) {
  const less = text.replace(pattern, '');
  assert.notEqual(less, text);
  return less;
}

/** One more machine: { address, options } to connect from it, by way of nginx. */
function machine(at = here.sticky) {
  addresses += 1;
  const address = `127.0.${1 + (addresses >> 7)}.${1 + (addresses & 127)}`;
  return { address, options: { at, agent: new http.Agent({ localAddress: address }) } };
}

/** What nginx passed on for the sessions of this machine. */
async function passed(address, at = here.sticky) {
  return (await at.passed()).filter((line) => line.client === address && line.path === '/socket.io/');
}

const gatewaysOf = (lines) => [...new Set(lines.flatMap(({ gateways }) => gateways))];

matrix(here, 'through nginx a device gets what either gateway was sent, live and as _batch, over one gateway', async (scene) => {
  const { address, options } = machine();
  const first = await scene.connect({ ...options, acks: false });
  await scene.send('one', 1, { at: here.a });
  await scene.send('two', 2, { at: here.b });
  (await first.event('one')).ack();
  await first.event('two');
  assert.deepEqual(first.messages(), [['one', 1], ['two', 2]]);
  assert.deepEqual(first.disconnects, []);
  await first.leave();
  await scene.gone();
  const second = await scene.connect(options);
  await second.event('_batch');
  assert.deepEqual(await scene.fence(second), [['two', 2]]);
  await second.leave();

  const lines = await until(async () => {
    const lines = await passed(address);
    return lines.filter(({ status }) => status === 101).length === (scene.mode === 'polling' ? 0 : 2) && lines;
  }, 'the log of the WebSockets');
  if (scene.mode === 'websocket') return;
  assert.equal(gatewaysOf(lines).length, 1, JSON.stringify(lines));
  assert.deepEqual(lines.filter(({ status }) => status >= 400), []);
});

const long = 'x'.repeat(200_000);
matrix(here, 'through nginx 200 kB arrive whole, in both directions', async (scene) => {
  const client = await scene.connect(machine().options);
  await scene.send('big', long);
  assert.equal((await client.event('big')).args[0], long);
  client.socket.emit('big from the client', long);
  assert.equal((await scene.fence(client)).length, 1);
  assert.deepEqual(client.disconnects, []);
}, { modes: ['polling', 'websocket'] });

test('the polling clients of many machines are spread over both gateways', { timeout: 60_000 }, async () => {
  const scene = new Scene(here, 4, 'polling');
  try {
    const machines = Array.from({ length: 24 }, () => machine());
    await Promise.all(machines.map(({ options }, at) => scene.connect({ ...options, deviceId: `d${at}` })));
    const used = await Promise.all(machines.map(async ({ address }) => gatewaysOf(await passed(address))));
    for (const gateways of used) assert.equal(gateways.length, 1);
    const first = used.filter(([gateway]) => gateway.endsWith(`:${here.a.port}`)).length;
    assert.ok(first > 2 && first < 22, `${first} of 24 at the first gateway`);
  } finally {
    scene.end();
  }
});

test('clients that begin with a WebSocket are spread over both gateways, though of one machine', { timeout: 60_000 }, async () => {
  const scene = new Scene(here, 4, 'websocket');
  try {
    const { address, options } = machine();
    const clients = await Promise.all(Array.from({ length: 6 }, (_, at) => scene.connect({ ...options, deviceId: `d${at}` })));
    await scene.send('note', 1);
    await Promise.all(clients.map((client) => client.event('note')));
    await Promise.all(clients.map((client) => client.leave()));
    const lines = await until(async () => {
      const lines = await passed(address);
      return lines.length === 6 && lines;
    }, 'the log of the WebSockets');
    assert.equal(gatewaysOf(lines).length, 2, JSON.stringify(lines));
  } finally {
    scene.end();
  }
});

matrix(here, 'without any stickiness WebSockets work, from one gateway to the other', async (scene) => {
  const { address, options } = machine(here.round);
  let seen = [];
  for (const at of [0, 1, 2]) {
    const client = await scene.connect({ ...options, acks: at > 0 });
    seen = await scene.fence(client);
    assert.deepEqual(client.disconnects, []);
    await client.leave();
    await scene.gone();
    await scene.send('note', at);
  }
  assert.deepEqual(seen, [['note', 1]]);
  const lines = await until(async () => {
    const lines = await passed(address, here.round);
    return lines.length === 3 && lines;
  }, 'the log of the WebSockets');
  assert.equal(gatewaysOf(lines).length, 2, JSON.stringify(lines));
}, { modes: ['websocket'] });

test('without stickiness a polling session is not known at the other gateway', { timeout: 30_000 }, async () => {
  const polling = new RawPolling(here.round.port, 'EIO=4', separatedPayload.unpack);
  const open = JSON.parse((await polling.next()).slice(1));
  polling.sid = open.sid;
  const answers = [await polling.post('3'), await polling.post('3')].map(({ status }) => status).sort();
  assert.deepEqual(answers, [200, 400]);
});

test('/send takes a key by header, and a body too long is answered by the gateway', { timeout: 30_000 }, async () => {
  const post = (text) => new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json', 'x-api-key': API_KEY, 'content-length': text.length };
    const sent = http.request(`${here.sticky.url}/send?site=demo`, { method: 'POST', headers, agent: false }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (part) => (body += part));
      response.on('end', () => resolve({ status: response.statusCode, body }));
    });
    sent.on('error', reject);
    sent.end(text);
  });
  const message = (length) => JSON.stringify({ rooms: 'user_nobody', event: 'e', args: 'x'.repeat(length) });
  assert.deepEqual(await post(message(1000)), { status: 200, body: 'OK' });
  const { status, body } = await post(message(1_100_000));
  assert.equal(status, 413);
  assert.ok(!body.includes('nginx'), body);
});

test('nothing of the query stands in the log of nginx', { timeout: 30_000 }, async () => {
  const scene = new Scene(here, 2, 'polling');
  try {
    const { address, options } = machine();
    await scene.connect(options);
    const lines = await until(async () => {
      const lines = await passed(address);
      return lines.length > 0 && lines;
    }, 'a line');
    assert.ok(lines.every((line) => !JSON.stringify(line).includes(scene.token)));
  } finally {
    scene.end();
  }
});

test('nginx sends a POST that a gateway has seen to no other, and who begins a session to one that is not stopping', { timeout: 30_000 }, async () => {
  const seen = [];
  const fake = async (handshake) => {
    const server = http.createServer((request, response) => {
      seen.push(`${request.method} ${request.url.split('?')[0]}`);
      // Dies with the message.
      if (request.method === 'POST') return request.socket.destroy();
      response.statusCode = request.url === '/readyz' ? 200 : handshake;
      return response.end();
    });
    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
    return { server, port: server.address().port };
  };
  const fakes = [await fake(503), await fake(200)];
  const nginx = await startNginx(fakes);
  try {
    seen.length = 0;
    const handshakes = await Promise.all(Array.from({ length: 12 }, async () => {
      const { options } = machine(nginx);
      return new Promise((resolve, reject) => {
        const path = '/socket.io/?EIO=4&transport=polling';
        http.get(`${nginx.url}${path}`, options, (answer) => resolve(answer.resume().statusCode)).on('error', reject);
      });
    }));
    assert.deepEqual([...new Set(handshakes)], [200]);
    assert.ok(seen.length > handshakes.length, 'some came to the one that is stopping first');
    seen.length = 0;
    const answer = await request(nginx.port, 'POST', '/send?site=demo', '{}', 'application/json');
    assert.equal(answer.status, 502);
    assert.deepEqual(seen, ['POST /send']);
  } finally {
    await nginx.close();
    for (const { server } of fakes) {
      server.closeAllConnections();
      server.close();
    }
  }
});

/** One connection of each client generation and transport, each of its own user and machine. */
async function everyKind(at) {
  const scenes = VERSIONS.flatMap((version) => MODES.map((mode) => new Scene(here, version, mode)));
  return Promise.all(scenes.map(async (scene) => {
    const { options } = machine(at);
    return { scene, client: await scene.connect({ ...options, acks: false }) };
  }));
}

for (const signal of ['SIGTERM', 'SIGKILL']) {
  test(`a gateway ends by ${signal}: its clients come back by themselves at the other, with what waited`, { timeout: 120_000 }, async () => {
    // One of its own: nginx avoids a gateway that was gone for some seconds.
    const nginx = await startNginx([here.a, here.b]);
    const all = await everyKind(nginx);
    const name = ({ client }) => `client ${client.version} (${client.mode}): ${client}`;
    try {
      for (const { scene, client } of all) {
        await scene.send('waiting', 1, { at: here.b });
        await client.event('waiting');
      }
      await here.a.stop(signal);
      const hit = () => all.filter(({ client }) => client.disconnects.length > 0);
      await until(() => hit().length > 0, 'a client to notice');
      const missing = () => all.filter(({ client }) => !client.socket.connected);
      await until(() => missing().length === 0, () => missing().map(name).join('\n'), 30_000);
      for (const one of all) {
        await one.scene.send('after', 2, { at: here.b });
        await until(() => one.client.messages().some(([event]) => event === 'after'), () => name(one), 30_000);
        const times = one.client.connects;
        const messages = one.client.messages();
        // Who lost its connection gets what it did not acknowledge once more for each new one, the others nothing twice.
        assert.equal(messages.filter(([event]) => event === 'waiting').length, times, name(one));
        assert.deepEqual(messages.at(-1), ['after', 2], name(one));
      }
      const ends = hit();
      assert.ok(ends.length > 0 && ends.length < all.length, `${ends.length} of ${all.length} were at that gateway`);
    } finally {
      for (const { scene } of all) scene.end();
      await nginx.close();
      await here.a.start();
    }
  });
}
