// Clients with a token, through nginx on the snippets of docs/frappe/tokens.md, with the client that stands there.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { until } from '../clients/harness/wait.mjs';
import { SITE, startBench } from './harness/bench.mjs';
import { follow, io, open } from './harness/client.mjs';
import { example } from './harness/docs.mjs';
import { startNginx } from './harness/nginx.mjs';

const WAYS = ['nginx-stripped', 'nginx-whole', 'nginx-one-port'];
const TOKEN = 'access-token';

let bench;
const ways = {};

before(async () => {
  const [, settings] = /\{([^]*)\}/.exec(await example('tokens.md', 'common_site_config')) ?? [];
  bench = await startBench(JSON.parse(`{${settings}}`));
  bench.web.user('ada@example.com', `Bearer ${TOKEN}`);
  bench.web.user('bob@example.com', 'sid=sid-bob', 'token key:secret');
  for (const way of WAYS) {
    const [from, to] = way === 'nginx-one-port' ? ['127.0.0.1:9000', bench.port] : ['127.0.0.1:9001', bench.tokenPort];
    const locations = await example('tokens.md', way, [[from, `127.0.0.1:${to}`]]);
    ways[way] = await startNginx(bench, { locations });
  }
});
after(async () => {
  for (const nginx of Object.values(ways)) await nginx.close();
  await bench?.close();
});

/** One test for each way through nginx. */
function each(name, body) {
  for (const way of WAYS) {
    test(`${name} (${way})`, { timeout: 60_000 }, async () => {
      const all = [];
      const keep = (client) => (all.push(client), client);
      try {
        await body((options) => keep(open(ways[way].url, { path: '/socket-token', ...options })), ways[way], keep);
      } catch (error) {
        error.message += `\n--- the gateway said:\n${bench.log().slice(-3000)}`;
        throw error;
      } finally {
        for (const { socket } of all) socket.disconnect();
      }
    });
  }
}

each('the client of the documentation is let in, upgrades, and hears of its document', async (_, nginx, keep) => {
  const code = (await example('tokens.md', 'client')).replace(/^import .*$/m, '');
  const printed = [];
  let client;
  const connect = (url, options) => {
    assert.equal(url, 'https://erp.example.com/erp.example.com');
    client = keep(follow(io(`${nginx.url}/${SITE}`, { ...options, forceNew: true })));
    return client.socket;
  };
  const print = (...words) => printed.push(words);
  const given = { io: connect, currentToken: () => TOKEN, console: { log: print, error: print } };
  new Function(...Object.keys(given), code)(...Object.values(given));
  await client.joined();
  await until(() => client.transport() === 'websocket', 'the upgrade');
  await until(async () => {
    await bench.publish('bob@example.com', 'publish_realtime', {
      event: 'docinfo_update', message: { key: 'comments' }, doctype: 'Sales Order', docname: 'SO-0001',
    });
    return printed.length > 0;
  }, () => `the document to change; ${client}`);
  assert.deepEqual(printed[0], [{ key: 'comments' }]);
  const [call] = bench.web.callsOf('frappe.realtime.get_user_info', `Bearer ${TOKEN}`).slice(-1);
  assert.deepEqual([call.site, call.cookie], [SITE, undefined]);
});

each('a token in the header is as good as one in the payload', async (open) => {
  for (const transports of [['polling'], ['websocket'], ['polling', 'websocket']]) {
    const client = await open({ headers: { Authorization: `Bearer ${TOKEN}` }, transports }).joined();
    await client.pinged();
  }
});

each('a cookie is nothing here, and neither is a scheme that was not allowed', async (open) => {
  const cookie = open({ headers: { cookie: 'sid=sid-bob' } });
  assert.equal(await cookie.refusal(), 'Authentication required. Provide token via auth option or Authorization header.');
  const scheme = open({ auth: { token: 'token key:secret' } });
  assert.equal(await scheme.refusal(), "Invalid token format. Expected: 'Bearer <token>'");
  const wrong = open({ auth: { token: 'another' } });
  assert.match(await wrong.refusal(), /^Unauthorized/);
});

test('beside it, cookies are taken as before on the port of all others', { timeout: 30_000 }, async () => {
  const client = open(bench.url, { headers: { cookie: 'sid=sid-bob' } });
  await client.joined();
  await client.leave();
});

test('without nginx the port for tokens answers on the usual path too', { timeout: 30_000 }, async () => {
  for (const path of ['/socket.io', '/socket-token']) {
    const client = await open(bench.tokenUrl, { path, auth: { token: TOKEN } }).joined();
    await client.leave();
  }
});
