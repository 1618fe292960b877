// A web server of a Frappe bench, as far as its realtime server and a browser see it: version 16.

import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import http from 'node:http';
import { createRequire } from 'node:module';
import path from 'node:path';

import { command } from './resp.mjs';

const SECRET = 'socketio_auth_secret';
const bundle = path.resolve(path.dirname(createRequire(import.meta.url).resolve('socket.io-client-4')), '../../dist');
const ASSETS = {
  '/assets/socket.io.js': path.join(bundle, 'socket.io.min.js'),
  '/assets/desk.js': new URL('../desk/desk.js', import.meta.url),
};
const GUEST = { name: 'Guest', type: 'Website User' };

/** Starts the web server of these sites; its secret is in the Redis at `redisPort`. */
export async function startWeb(sites, redisPort) {
  const users = new Map(); // what proves it: "sid=..." or the value of Authorization -> user
  const denied = new Set(); // "user doctype/name"
  const web = {
    /** Calls of methods: { method, site, query, cookie, authorization, secret, host }. */
    calls: [],
    /** A user of the desk, known by these proofs. */
    user(name, ...proofs) {
      for (const proof of proofs) users.set(proof, { name, type: 'System User' });
    },
    /** From now on this user may not see this document (or, with '', the documents of this type). */
    deny(name, doctype, docname) {
      denied.add(`${name} ${doctype}/${docname}`);
    },
    /** Calls of this method by this user's proof. */
    callsOf: (method, proof) => web.calls.filter((call) => call.method === method && call.proof === proof),
    close() {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(resolve));
    },
  };

  const methods = {
    'frappe.realtime.get_user_info': async (user, query, headers) => {
      const secret = await command(redisPort, 'GET', SECRET);
      // The first call of all makes it.
      if (!secret) await command(redisPort, 'SET', SECRET, randomBytes(16).toString('hex'), 'NX');
      if (!secret || headers['x-frappe-socket-secret'] !== secret) return {};
      return { user: user.name, user_type: user.type, installed_apps: ['frappe', 'erpnext'] };
    },
    'frappe.realtime.has_permission': (user, query) => {
      const what = `${user.name} ${query.get('doctype')}/${query.get('name')}`;
      if (user === GUEST || denied.has(what)) throw { status: 403, exc_type: 'PermissionError' };
      return true;
    },
  };

  async function call(method, url, request) {
    const { headers } = request;
    const site = headers['x-frappe-site-name'] ?? headers.host.split(':')[0];
    const { authorization } = headers;
    const proof = authorization ?? /(?:^|; )(sid=[^;]+)/.exec(headers.cookie ?? '')?.[1];
    const secret = headers['x-frappe-socket-secret'];
    web.calls.push({ method, site, proof, query: url.search, cookie: headers.cookie, authorization, secret });
    if (!sites.includes(site)) throw { status: 404, exc_type: 'DoesNotExistError' };
    const user = users.get(proof);
    if (authorization && !user) throw { status: 401, exc_type: 'AuthenticationError' };
    if (!methods[method]) throw { status: 417, exc_type: 'ValidationError' };
    return { message: await methods[method](user ?? GUEST, url.searchParams, headers) };
  }

  async function answer(request, response) {
    const url = new URL(request.url, 'http://web');
    const method = url.pathname.match(/^\/api\/method\/(.+)$/)?.[1];
    if (method) {
      const [status, body] = await call(method, url, request).then((body) => [200, body], (no) => [no.status ?? 500, no]);
      response.writeHead(status, { 'content-type': 'application/json' });
      return response.end(JSON.stringify(body));
    }
    if (url.pathname === '/login') {
      const cookie = `sid=${url.searchParams.get('sid')}; HttpOnly; Path=/; SameSite=Lax`;
      return response.writeHead(302, { 'set-cookie': cookie, location: url.searchParams.get('to') }).end();
    }
    const file = ASSETS[url.pathname] ?? new URL('../desk/desk.html', import.meta.url);
    const type = url.pathname in ASSETS ? 'text/javascript' : 'text/html';
    const site = request.headers['x-frappe-site-name'] ?? request.headers.host.split(':')[0];
    response.setHeader('content-type', `${type}; charset=utf-8`);
    return response.end((await readFile(file, 'utf8')).replace('{{ sitename }}', site));
  }

  const server = http.createServer((request, response) => {
    answer(request, response).catch((error) => response.writeHead(500).end(String(error)));
  });
  await new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  web.port = server.address().port;
  return web;
}
