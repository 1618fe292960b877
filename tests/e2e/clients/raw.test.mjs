// Golden transcripts: the words on the wire, without a client library in between.
// Source: docs/wire, taken down from the original service. Its acknowledgement ids were a counter from 0; ours are
// numbers that only grow, so they are read from the packet and answered.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { API_KEY, world } from './harness.mjs';
import { RawPolling, RawWebSocket, eitherPayload, request, separatedPayload, textPayload } from './harness/raw.mjs';

const here = world();
let users = 0;

/** How the two protocols differ on the wire: Engine.IO 3 carries protocol 4 of Socket.IO, Engine.IO 4 protocol 5. */
const DIALECTS = {
  3: {
    // Newer servers name maxPayload here too, which old clients do not look at.
    open: (upgrades) => new RegExp(`^0\\{"sid":"([\\w-]{16,})","upgrades":${upgrades},"pingInterval":25000,"pingTimeout":20000(?:,"maxPayload":1000000)?\\}$`),
    connected: /^40\/demo$/,
    refused: (text) => `44/demo,${JSON.stringify(text)}`,
    unknown: '44/nope,"Invalid namespace"',
  },
  4: {
    open: (upgrades) => new RegExp(`^0\\{"sid":"([\\w-]{16,})","upgrades":${upgrades},"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000\\}$`),
    connected: /^40\/demo,\{"sid":"[\w-]{16,}"\}$/,
    refused: (text) => `44/demo,${JSON.stringify({ message: text })}`,
    unknown: '44/nope,{"message":"Invalid namespace"}',
  },
};
const UPGRADES = '\\["websocket"\\]';

/** Who connects: a user with a device of its own. */
function newcomer() {
  users += 1;
  const who = { token: `raw-${users}`, room: `user_r${users}`, staff: `staff-r${users}` };
  here.backend.user('demo', who.token, [who.room, who.staff]);
  who.query = `token=${who.token}&deviceId=d1&meta=appName:x`;
  return who;
}

const reopen = {
  websocket: (eio) => async (who) => {
    const wire = await RawWebSocket.open(here.gateway.port, `/socket.io/?${who.query}&EIO=${eio}&transport=websocket`);
    assert.match(await wire.next(), DIALECTS[eio].open('\\[\\]'));
    return wire;
  },
  polling: (eio, payload, more = '') => async (who) => {
    const wire = new RawPolling(here.gateway.port, `${who.query}&EIO=${eio}${more}`, payload.unpack);
    const answer = await wire.poll();
    assert.match(answer.headers['content-type'], payload.type);
    const open = await wire.next();
    const [, sid] = DIALECTS[eio].open(UPGRADES).exec(open) ?? assert.fail(open);
    wire.sid = sid;
    wire.send = async (packet) => {
      const posted = await wire.post(payload.pack(packet), payload.packedAs);
      assert.deepEqual([posted.status, posted.body.toString(), posted.headers['content-type']], [200, 'ok', 'text/html']);
    };
    wire.close = () => wire.send(eio === 3 ? '41/demo' : '41/demo,');
    return wire;
  },
};

const WIRES = [
  ['WebSocket, EIO=3', 3, reopen.websocket(3)],
  ['WebSocket, EIO=4', 4, reopen.websocket(4)],
  ['polling, EIO=3, b64=1', 3, reopen.polling(3, textPayload, '&b64=1')],
  ['polling, EIO=3', 3, reopen.polling(3, eitherPayload)],
  ['polling, EIO=4', 4, reopen.polling(4, separatedPayload)],
];

/** Joins /demo as an old or new client does. */
async function join(wire, eio) {
  if (eio === 3) assert.equal(await wire.next(), '40');
  await wire.send(eio === 3 ? '40/demo' : '40/demo,');
  assert.match(await wire.next(), DIALECTS[eio].connected);
  assert.equal(await wire.next(), '42/demo,["_settings",{"device_ttl":3600}]');
}

/** The next packet is an event that asks for an ack: `42/demo,<id><json>`; returns the id. */
async function asks(wire, json) {
  const packet = await wire.next();
  const [, id, rest] = /^42\/demo,(\d+)(\[.*)$/s.exec(packet) ?? assert.fail(packet);
  assert.equal(rest, json);
  assert.ok(Number(id) < 2 ** 31, `ack id ${id} does not fit into an old Java client`);
  return id;
}

const send = (body, resync) => here.gateway.send({ ...body, resync });

for (const [name, eio, open] of WIRES) {
  test(`transcript: live messages, an absence, a batch (${name})`, { timeout: 30_000 }, async () => {
    const who = newcomer();
    const first = await open(who);
    await join(first, eio);
    await send({ rooms: [who.room], event: 'update_store', args: ['user', { id: 1, age: 5 }] });
    await first.send(`43/demo,${await asks(first, '["update_store","user",{"id":1,"age":5}]')}[]`);
    await send({ rooms: [who.staff.toUpperCase()], event: 'n1', args: { a: 1 } });
    await send({ rooms: [who.staff], event: 'n2' });
    await send({ rooms: [who.staff], event: 'n3', args: [[1, 2], [3]] });
    const ids = [await asks(first, '["n1",{"a":1}]'), await asks(first, '["n2",null]'), await asks(first, '["n3",[1,2],[3]]')];
    assert.deepEqual(ids.map(Number), ids.map(Number).toSorted((a, b) => a - b));
    await first.close();

    await send({ rooms: [who.room], event: 'zeta', args: '1st' });
    await send({ rooms: [who.room], event: 'alpha', args: ['2nd'] });
    await send({ rooms: [who.room], event: 'zeta', args: ['3rd', { x: null }] });
    const second = await open(who);
    await join(second, eio);
    const batch = '["_batch",[["n1",{"a":1}],["n2",null],["n3",[1,2],[3]],["zeta","1st"],["alpha","2nd"],["zeta","3rd",{"x":null}]]]';
    await second.send(`43/demo,${await asks(second, batch)}[]`);
    await send({ rooms: [who.room], event: 'last', args: [] });
    await second.send(`43/demo,${await asks(second, '["last"]')}[]`);
    await second.close();

    const third = await open(who);
    await join(third, eio);
    await send({ rooms: [who.room], event: 'really last', args: [] });
    await asks(third, '["really last"]');
    await third.close();
  });

  test(`transcript: resync (${name})`, { timeout: 30_000 }, async () => {
    const who = newcomer();
    const wire = await open(who);
    await join(wire, eio);
    await send({ rooms: [who.room], event: 'up', args: 'm1' }, 'true');
    await send({ rooms: [who.room], event: 'up', args: 'm2' }, 'true');
    const [older, newer] = [await asks(wire, '["up","m1"]'), await asks(wire, '["up","m2"]')];
    await wire.send(`43/demo,${newer}[]`);
    assert.equal(await wire.next(), '42/demo,["_resync"]');
    await wire.send(`43/demo,${older}[]`);
    await wire.send(`43/demo,${newer}[]`);
    await send({ rooms: [who.room], event: 'last', args: [] });
    await asks(wire, '["last"]');
    await wire.close();
  });

  test(`transcript: refusals leave the connection open (${name})`, { timeout: 30_000 }, async () => {
    const who = newcomer();
    here.backend.answer('demo', who.token, { status: 401 });
    const wire = await open(who);
    if (eio === 3) assert.equal(await wire.next(), '40');
    const end = eio === 3 ? '' : ',';
    await wire.send(`40/nope${end}`);
    assert.equal(await wire.next(), DIALECTS[eio].unknown);
    // Old clients repeat their query here; it means nothing.
    await wire.send(eio === 3 ? `40/demo?token=${who.token}` : '40/demo,');
    assert.equal(await wire.next(), DIALECTS[eio].refused('Authentication failed'));
    here.backend.user('demo', who.token, ['nobody']);
    await wire.send(`40/demo${end}`);
    assert.equal(await wire.next(), DIALECTS[eio].refused('User is missing a private room'));
    here.backend.user('demo', who.token, [who.room]);
    await wire.send(`40/demo${end}`);
    assert.match(await wire.next(), DIALECTS[eio].connected);
    await wire.close?.();
  });
}

test('text beyond ASCII is plain UTF-8 on a WebSocket and in a binary payload, and escaped in a text payload', async () => {
  const json = '["u","é 😀 \u2028"]';
  for (const [name, eio, open] of WIRES) {
    const who = newcomer();
    const wire = await open(who);
    await join(wire, eio);
    await send({ rooms: [who.room], event: 'u', args: 'é 😀 \u2028' });
    // Clients of generation 1 expect text payloads to be UTF-8 twice, those of generation 2 once: ASCII suits both.
    const escaped = '["u","\\u00e9 \\ud83d\\ude00 \\u2028"]';
    const packet = await wire.next();
    const [, , rest] = /^42\/demo,(\d+)(\[.*)$/s.exec(packet) ?? assert.fail(packet);
    const inText = eio === 3 && wire.bodies?.at(-1).headers['content-type'].startsWith('text/plain');
    assert.equal(rest.toLowerCase(), inText ? escaped : json, name);
    assert.ok(inText || !name.includes('b64'), name);
    await wire.close();
  }
});

test('Engine.IO 3: the client pings, and the gateway answers', async () => {
  const wire = await reopen.websocket(3)(newcomer());
  assert.equal(await wire.next(), '40');
  wire.send('2');
  assert.equal(await wire.next(), '3');
  wire.close();
});

test('the upgrade: probe, and a noop to release the poll', async () => {
  for (const [eio, payload] of [[3, eitherPayload], [4, separatedPayload]]) {
    const who = newcomer();
    const polling = await reopen.polling(eio, payload)(who);
    await join(polling, eio);
    const pending = polling.poll();
    const path = `/socket.io/?${who.query}&EIO=${eio}&transport=websocket&sid=${polling.sid}`;
    const wire = await RawWebSocket.open(here.gateway.port, path);
    wire.send('2probe');
    assert.equal(await wire.next(), '3probe');
    await pending;
    assert.equal(await polling.next(), '6');
    wire.send('5');
    await send({ rooms: [who.room], event: 'up', args: 1 });
    await asks(wire, '["up",1]');
    wire.close();
  }
});

test('handshake errors have the numbers and texts of the official servers', async () => {
  const cases = [
    ['GET', '/socket.io/?EIO=4&transport=smoke', { code: 0, message: 'Transport unknown' }],
    ['GET', '/socket.io/?EIO=4&transport=polling&sid=nobody', { code: 1, message: 'Session ID unknown' }],
    ['POST', '/socket.io/?EIO=4&transport=polling', { code: 2, message: 'Bad handshake method' }],
  ];
  for (const [method, path, expected] of cases) {
    const answer = await request(here.gateway.port, method, path, method === 'POST' ? '' : undefined, 'text/plain');
    assert.equal(answer.status, 400, path);
    assert.deepEqual(JSON.parse(answer.body), expected);
    assert.match(answer.headers['content-type'], /^application\/json/);
  }
});

test('/send and /healthcheck answer in the words of the original', async () => {
  const body = JSON.stringify({ rooms: 'user_0', event: 'x' });
  const cases = [
    [{ site: 'demo', apiKey: API_KEY }, 200, 'OK', 'text/plain; charset=utf-8'],
    [{ site: 'demo' }, 400, "Missing query param 'site' or 'apiKey'.", 'text/html; charset=utf-8'],
    [{ apiKey: API_KEY }, 400, "Missing query param 'site' or 'apiKey'.", 'text/html; charset=utf-8'],
    [{ site: 'demo', apiKey: 'wrong' }, 401, 'ApiKey invalid.', 'text/html; charset=utf-8'],
    [{ site: '__proto__', apiKey: API_KEY }, 401, 'ApiKey invalid.', 'text/html; charset=utf-8'],
  ];
  for (const [query, status, text, type] of cases) {
    const answer = await here.gateway.post(query, body);
    assert.deepEqual([answer.status, answer.text, answer.headers['content-type']], [status, text, type]);
  }
  const json = await here.gateway.post({ site: 'demo', apiKey: API_KEY }, body, { accept: 'application/json' });
  assert.equal(json.status, 200);
  const told = JSON.parse(json.text);
  assert.deepEqual(Object.keys(told).sort(), ['devices', 'id', 'online', 'queued']);
  assert.match(told.id, /^\d{19,}$/);
  const health = await request(here.gateway.port, 'GET', '/healthcheck');
  assert.deepEqual([health.status, health.body.toString()], [200, 'ok']);
});
