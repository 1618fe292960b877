// Who is let in, with which words the others are told, and several sites over one connection.

import assert from 'node:assert/strict';
import { after } from 'node:test';

import { isOld, keepingSite, matrix, until, world } from './harness.mjs';
import { startSite } from './harness/site.mjs';

const here = world(async (backend) => {
  here.remote = await startSite();
  return {
    sites: {
      demo: keepingSite(backend, 'demo'),
      other: keepingSite(backend, 'other', { authScheme: 'Token' }),
      closed: keepingSite(backend, 'closed', { publicChannel: undefined }),
      slow: keepingSite(backend, 'slow', { authTimeout: 1 }),
      remote: keepingSite(here.remote, 'remote'),
      plain: { authUrl: backend.authUrl('plain'), authScheme: 'Bearer' },
    },
  };
});

matrix(here, 'a wrong token is refused with "Authentication failed", and the right one is let in afterwards', async (scene) => {
  const client = scene.open({ token: `late-${scene.number}` });
  assert.equal(await client.refusal(), 'Authentication failed');
  assert.equal(client.socket.connected, false);
  scene.backend.user('demo', `late-${scene.number}`, [scene.room]);
  client.socket.connect();
  await client.joined();
  assert.deepEqual(await scene.fence(client), []);
});

matrix(here, 'a failing site is not the user\'s fault: the text does not begin with Auth, a retry gets in', async (scene) => {
  for (const answer of [{ status: 500, body: '<h1>oops</h1>' }, { status: 503 }, { status: 200, body: 'not JSON' }]) {
    scene.backend.answer('demo', scene.token, answer);
    const client = scene.open();
    const text = await client.refusal();
    assert.ok(text.length > 0 && !text.startsWith('Auth'), text);
    scene.backend.user('demo', scene.token, [scene.room]);
    client.socket.connect();
    await client.joined();
    await client.leave();
  }
});

matrix(here, 'a site that does not answer in time is not the user\'s fault either', async (scene) => {
  scene.backend.answer('slow', scene.token, { hang: true });
  const client = scene.open({ ns: 'slow' });
  const text = await client.refusal();
  assert.ok(text.length > 0 && !text.startsWith('Auth'), text);
});

matrix(here, 'a site that is down refuses for now, and lets in when it is back', async (scene) => {
  scene.world.remote.user('remote', scene.token, [scene.room]);
  await scene.world.remote.goDown();
  const client = scene.open({ ns: 'remote' });
  try {
    const text = await client.refusal();
    assert.ok(text.length > 0 && !text.startsWith('Auth'), text);
  } finally {
    await scene.world.remote.comeBack();
  }
  client.socket.connect();
  await client.joined();
});

matrix(here, 'a user without a room of his own is told so', async (scene) => {
  scene.backend.user('closed', scene.token, ['staff', 'browse']);
  const client = scene.open({ ns: 'closed' });
  assert.equal(await client.refusal(), 'User is missing a private room');
});

matrix(here, 'an unknown namespace is refused with "Invalid namespace"', async (scene) => {
  const client = scene.open({ ns: 'nope' });
  assert.equal(await client.refusal(), 'Invalid namespace');
});

matrix(here, 'without a token the public channel is joined, with an inbox when there is a deviceId', async (scene) => {
  scene.backend.user('demo', undefined, ['browse']);
  const deviceId = `anonymous-${scene.number}`;
  const nameless = await scene.connect({ token: undefined, deviceId: undefined });
  const named = await scene.connect({ token: undefined, deviceId });
  const call = scene.backend.calls.at(-1);
  assert.deepEqual([call.scheme, call.token], ['Bearer', 'undefined']);

  const event = `offer-${scene.number}`;
  await scene.gateway.send({ rooms: 'browse', event, args: 1 });
  await nameless.event(event);
  await named.event(event);
  await named.leave();
  await scene.gateway.send({ rooms: ['browse'], event, args: 2 });
  await nameless.event(event, 2);
  const back = await scene.connect({ token: undefined, deviceId });
  assert.deepEqual((await back.event('_batch')).args, [[[event, 2]]]);
  await back.leave();
});

matrix(here, 'the token is taken from the query, deviceId and meta with it', async (scene) => {
  const client = await scene.connect({ meta: 'appName:shop|key:a b&c' });
  const call = scene.backend.calls.find(({ token }) => token === scene.token);
  assert.equal(call.scheme, 'Bearer');
  assert.equal(call.meta, 'appName:shop|key:a b&c');
  await client.leave();
  await scene.send('kept', 1);
  const back = await scene.connect();
  assert.deepEqual((await back.event('_batch')).args, [[['kept', 1]]]);
});

matrix(here, 'the token is taken from the auth of CONNECT, deviceId and meta with it', async (scene) => {
  const client = await scene.connect({ via: 'auth', deviceId: 'from-auth' });
  const call = scene.backend.calls.find(({ token }) => token === scene.token);
  assert.equal(call.meta, 'appName:test');
  await client.leave();
  await scene.send('kept', 1);
  const back = await scene.connect({ via: 'auth', deviceId: 'from-auth' });
  assert.deepEqual((await back.event('_batch')).args, [[['kept', 1]]]);
}, { versions: [3, 4] });

matrix(here, 'the token is taken from the Authorization header', async (scene) => {
  const client = await scene.connect({ via: 'header' });
  assert.deepEqual(await scene.fence(client), []);
  const call = scene.backend.calls.find(({ token }) => token === scene.token);
  assert.equal(call.scheme, 'Bearer');
});

matrix(here, 'two sites over one connection: each with its own user, neither touched by the other', async (scene) => {
  // Old clients can name only one token per connection.
  const otherToken = isOld(scene.version) ? scene.token : `other-${scene.number}`;
  const otherRoom = `user_${scene.number}_other`;
  scene.backend.user('other', otherToken, [otherRoom, scene.staff]);
  const via = isOld(scene.version) ? 'query' : 'auth';
  const demo = await scene.connect({ via });
  const auth = { token: otherToken, deviceId: 'd1' };
  const other = await scene.openAnother(demo, 'other', isOld(scene.version) ? {} : { auth }).joined();
  assert.equal(demo.engine, other.engine);
  assert.equal(scene.backend.calls.findLast(({ site }) => site === 'other').scheme, 'Token');

  await scene.gateway.send({ site: 'other', rooms: [scene.staff], event: 'other', args: 1 });
  await scene.send('demo', 1, { rooms: [scene.staff] });
  await other.event('other');
  await demo.event('demo');

  // Leaving one namespace leaves the connection and the other one alone.
  demo.socket.disconnect();
  await scene.gateway.send({ site: 'other', rooms: otherRoom, event: 'other', args: 2 });
  await other.event('other', 2);
  await scene.send('demo', 2);
  await scene.gateway.send({ site: 'other', rooms: otherRoom, event: 'other', args: 3 });
  await other.event('other', 3);
  assert.deepEqual(other.disconnects, []);

  demo.socket.connect();
  await until(() => demo.connects === 2, () => `the namespace to be joined again; ${demo}`);
  assert.equal(demo.engine, other.engine);
  assert.deepEqual((await demo.event('_batch')).args, [[['demo', 2]]]);
  assert.deepEqual(demo.messages(), [['demo', 1], ['demo', 2]]);
  assert.deepEqual(other.messages(), [['other', 1], ['other', 2], ['other', 3]]);
});

matrix(here, 'plain broadcast: without userRoomPrefix nothing is kept and nothing asks for an ack', async (scene) => {
  const room = `Room-${scene.number}`;
  scene.backend.user('plain', scene.token, [room, `${room}-2`]);
  const one = await scene.connect({ ns: 'plain' });
  await one.event('_settings');
  await scene.gateway.send({ site: 'plain', rooms: [room.toLowerCase()], event: 'rooms are case-sensitive' });
  await scene.gateway.send({ site: 'plain', rooms: [room, `${room}-2`], event: 'bc', args: { k: 1 } });
  const event = await one.event('bc');
  assert.equal(event.ack, undefined);
  await scene.gateway.send({ site: 'plain', rooms: [room], event: 'fence', args: 1 });
  await one.event('fence');
  await one.leave();
  await scene.gateway.send({ site: 'plain', rooms: room, event: 'missed' });
  const two = await scene.connect({ ns: 'plain' });
  await two.event('_settings');
  await scene.gateway.send({ site: 'plain', rooms: room, event: 'last' });
  await two.event('last');
  assert.deepEqual(two.messages(), [['last', null]]);
  assert.deepEqual(one.messages(), [['bc', { k: 1 }], ['fence', 1]]);
});

matrix(here, 'the site is told when a user comes and goes, in that order', async (scene) => {
  const told = () => scene.backend.puts.filter(({ id }) => id === scene.number);
  const client = await scene.connect();
  await until(() => told().length === 1, 'the PUT of the arrival');
  await client.leave();
  await until(() => told().length === 2, 'the PUT of the departure');
  const [came, went] = told().map(({ body }) => JSON.parse(body));
  assert.deepEqual(Object.keys(came.user), ['last_connected']);
  assert.deepEqual(Object.keys(went.user), ['last_disconnected']);
  assert.deepEqual([came.id, went.id], [scene.number, scene.number]);
  assert.ok(told().every(({ method, token }) => method === 'PUT' && token === scene.token));
});

after(() => here.remote?.close());
