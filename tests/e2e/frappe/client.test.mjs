// The official client at a Frappe bench: what its users get from it, with a real Redis and what Python publishes.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { until } from '../clients/harness/wait.mjs';
import { SITE, startBench } from './harness/bench.mjs';
import { enter, open } from './harness/client.mjs';
import { command } from './harness/resp.mjs';

let bench;

before(async () => {
  bench = await startBench();
  bench.web.user('ada@example.com', 'sid=sid-ada', 'token key:secret');
  bench.web.user('bob@example.com', 'sid=sid-bob');
});
after(() => bench?.close());

/** A test that tells what the gateway said when it fails, and whose clients end with it. */
function told(name, body) {
  test(name, { timeout: 60_000 }, async () => {
    const all = [];
    const keep = (client) => (all.push(client), client);
    try {
      await body({ enter: async (sid) => keep(await enter(bench.url, sid)), open: (options) => keep(open(bench.url, options)) });
    } catch (error) {
      error.message += `\n--- the gateway said:\n${bench.log().slice(-3000)}`;
      throw error;
    } finally {
      for (const { socket } of all) socket.disconnect();
    }
  });
}

/** How often this user was looked up about a document. */
const looked = (sid) => bench.web.callsOf('frappe.realtime.has_permission', `sid=${sid}`).length;

/** Emits, and waits for the permission to be asked for and what comes of it. */
async function ask(client, sid, ...words) {
  const before = looked(sid);
  client.socket.emit(...words);
  await until(() => looked(sid) > before, () => `${words[0]} to be looked up`);
}

told('a cookie lets in, polling first and then a WebSocket, and the web server sees who it is and for which site', async ({ enter }) => {
  const ada = await enter('sid-ada');
  const [call] = bench.web.callsOf('frappe.realtime.get_user_info', 'sid=sid-ada').slice(-1);
  assert.equal(call.site, SITE);
  assert.equal(call.cookie, 'sid=sid-ada', 'no other cookie is handed on');
  assert.equal(call.authorization, undefined);
  assert.match(call.secret, /^[0-9a-f]{32}$/);
  await ada.pinged();
  assert.deepEqual(ada.events, [['pong']]);
});

told('an Authorization header lets in, and the cookie beside it is not used', async ({ open }) => {
  const client = await open({ headers: { cookie: 'sid=Guest', Authorization: 'token key:secret' } }).joined();
  const [call] = bench.web.callsOf('frappe.realtime.get_user_info', 'token key:secret').slice(-1);
  assert.equal(call.cookie, undefined);
  await bench.publish('ada@example.com', 'publish_realtime', { event: 'msgprint', message: 'hello' });
  assert.deepEqual(await client.event('msgprint'), ['msgprint', 'hello']);
});

told('who brings nothing, or comes to another site, is told the words of Frappe', async ({ open }) => {
  const nothing = open();
  assert.match(await nothing.refusal(), /^Missing cookie and authorization header\./);
  const other = open({ headers: { cookie: 'sid=sid-ada', 'X-Frappe-Site-Name': 'other.localhost' } });
  assert.equal(await other.refusal(), 'Invalid namespace');
  const stranger = open({ headers: { cookie: 'sid=sid-ada', Origin: 'https://elsewhere.example' } });
  assert.equal(await stranger.refusal(), 'Invalid origin');
  const wrong = open({ headers: { Authorization: 'token key:wrong' } });
  assert.match(await wrong.refusal(), /^Unauthorized/);
});

told('what Python publishes arrives where it belongs, to the letter', async ({ enter }) => {
  const [ada, bob] = await Promise.all([enter('sid-ada'), enter('sid-bob')]);
  await ask(ada, 'sid-ada', 'doc_subscribe', 'ToDo', 'T/1 é');
  assert.equal(bench.web.callsOf('frappe.realtime.has_permission', 'sid=sid-ada').at(-1).query, '?doctype=ToDo&name=T%2F1+%C3%A9');
  const text = await until(async () => {
    const text = await bench.publish('ada@example.com', 'publish_progress', {
      percent: 40, title: 'Importing', doctype: 'ToDo', docname: 'T/1 é', description: 'row 2 of 5',
    });
    return ada.names().includes('progress') && text;
  }, 'the subscription to be in force');
  assert.equal(text, `{
 "event": "progress",
 "message": {
  "description": "row 2 of 5",
  "percent": 40,
  "title": "Importing"
 },
 "namespace": "${SITE}",
 "room": "doc:ToDo/T/1 \\u00e9"
}
`);
  assert.deepEqual(await ada.event('progress'), ['progress', { description: 'row 2 of 5', percent: 40, title: 'Importing' }]);
  await bench.publish('ada@example.com', 'publish_realtime', { event: 'for all', message: [1, null, 'ß'] });
  assert.deepEqual(await bob.event('for all'), ['for all', [1, null, 'ß']]);
  assert.deepEqual(bob.names(), ['for all'], 'what he did not ask for did not come before');
});

told('who may not see a document hears nothing of it', async ({ enter }) => {
  const bob = await enter('sid-bob');
  bench.web.deny('bob@example.com', 'Salary Slip', 'S-1');
  bench.web.deny('bob@example.com', 'Salary Slip', '');
  await ask(bob, 'sid-bob', 'doc_subscribe', 'Salary Slip', 'S-1');
  await ask(bob, 'sid-bob', 'doctype_subscribe', 'Salary Slip');
  // What came of the two has come of them when a later question is answered and has an effect.
  bob.socket.emit('doctype_subscribe', 'ToDo');
  await until(async () => {
    await bench.publish('ada@example.com', 'publish_realtime', [
      { event: 'docinfo_update', message: {}, doctype: 'Salary Slip', docname: 'S-1' },
      { event: 'list_update', message: { doctype: 'Salary Slip' } },
      { event: 'list_update', message: { doctype: 'ToDo' } },
    ]);
    return bob.names().includes('list_update');
  }, 'the subscription that is allowed');
  assert.ok(bob.events.every(([name, message]) => name === 'list_update' && message.doctype === 'ToDo'), bob.toString());
});

told('a task is followed by all who know its name, until they no longer want to', async ({ open }) => {
  const guest = await open({ headers: { cookie: 'sid=nobody' } }).joined();
  guest.socket.emit('task_subscribe', 'task-7');
  guest.socket.emit('progress_subscribe', 'task-7');
  await guest.pinged();
  await bench.publish('ada@example.com', 'publish_progress', { percent: 10, task_id: 'task-7' });
  const [, progress] = await guest.event('progress');
  assert.deepEqual(progress, { description: null, percent: 10, task_id: 'task-7', title: 'Progress' });
  guest.socket.emit('task_unsubscribe', 'task-7');
  await guest.pinged();
  await bench.publish('ada@example.com', 'publish_realtime', [{ task_id: 'task-7' }, { event: 'over', room: 'website' }]);
  await guest.event('over');
  assert.ok(!guest.names().includes('task_progress'), guest.toString());
});

told('viewers of a document are named to each other', async ({ enter }) => {
  const ada = await enter('sid-ada');
  await ask(ada, 'sid-ada', 'doc_open', 'ToDo', 'T2');
  const bob = await enter('sid-bob');
  const both = { doctype: 'ToDo', docname: 'T2', users: ['ada@example.com', 'bob@example.com'] };
  await ask(bob, 'sid-bob', 'doc_open', 'ToDo', 'T2');
  for (const client of [ada, bob]) assert.deepEqual(await client.event('doc_viewers'), ['doc_viewers', both]);
  await bob.leave();
  await ada.event('doc_viewers', ({ users }) => users.join() === 'ada@example.com');
});

told('Redis is started anew: nobody is disconnected, and what is published afterwards arrives', async ({ enter, open }) => {
  const [ada, bob] = await Promise.all([enter('sid-ada'), enter('sid-bob')]);
  const polling = await open({ headers: { cookie: 'sid=sid-ada' }, transports: ['polling'] }).joined();
  await bench.redis.stop();
  await until(async () => (await bench.health())?.startsWith('degraded'), 'the gateway to notice');
  await ada.pinged();
  await bench.redis.start();
  const started = Date.now();
  const all = [ada, bob, polling];
  await until(async () => {
    await bench.publish('ada@example.com', 'publish_realtime', { event: 'again', message: 1 });
    return all.every((client) => client.names().includes('again'));
  }, () => `events to flow again; ${all}`);
  assert.ok(Date.now() - started < 3000, `within 3 s, not ${Date.now() - started} ms`);
  await until(async () => (await bench.health()) === 'ok', 'the gateway to be content');
  assert.deepEqual(all.flatMap(({ disconnects }) => disconnects), []);
  const late = await enter('sid-bob');
  await late.pinged();
});

told('messages that are none end nothing', async ({ enter }) => {
  const ada = await enter('sid-ada');
  for (const event of ['disconnect', 'connect', 'newListener']) {
    await bench.publish('ada@example.com', 'publish_realtime', { event, message: {} });
  }
  for (const text of ['not json', 'null', '[]', '{}']) await command(bench.redis.port, 'PUBLISH', 'events', text);
  await bench.publish('ada@example.com', 'publish_realtime', { event: 'after' });
  assert.deepEqual(await ada.event('after'), ['after', {}]);
  assert.deepEqual(ada.events, [['after', {}]]);
  assert.deepEqual(ada.disconnects, []);
});

// The last one: it ends the gateway.
told('killed and started again: clients come back by themselves within their three attempts', async ({ enter }) => {
  const all = await Promise.all([enter('sid-ada'), enter('sid-bob')]);
  await bench.stop('SIGKILL');
  await until(() => all.every(({ disconnects }) => disconnects.length === 1), 'the clients to notice');
  await bench.start();
  await until(() => all.every(({ socket }) => socket.connected), () => `the clients to come back; ${all}`, 15_000);
  await bench.publish('ada@example.com', 'publish_realtime', { event: 'back', message: 1 });
  for (const client of all) await client.event('back');
  assert.deepEqual(await bench.stop('SIGTERM'), { code: 0, signal: null });
});
