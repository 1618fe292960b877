// A site's own server, as the gateway sees it: says who a client is, and is told who came and went.

import http from 'node:http';

export const API_KEY = 'a-long-enough-api-key';

/** Starts a server for any number of sites; site `x` lives below `/x/`. */
export async function startSite() {
  const answers = new Map(); // "/site/token" -> { status, rooms, body, hang }
  const site = {
    /** Auth calls: { site, token, scheme, meta }. */
    calls: [],
    /** PUTs to updateUserUrl: { site, id, body, token }. */
    puts: [],
    /** `token` belongs to a user in `rooms`. `token` undefined is the anonymous. */
    user(name, token, rooms) {
      answers.set(`${name} ${token}`, { status: 200, rooms });
    },
    /** What a token is answered: { status, body } or { hang: true }. */
    answer(name, token, answer) {
      answers.set(`${name} ${token}`, answer);
    },
    authUrl: (name) => `http://127.0.0.1:${site.port}/${name}/auth`,
    updateUserUrl: (name) => `http://127.0.0.1:${site.port}/${name}/users/:id`,
    /** Refuse connections. */
    async goDown() {
      if (!server.listening) return;
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
    /** Listen again, at the same address. */
    comeBack: () => listen(server, site.port),
    close: () => site.goDown(),
  };

  const server = http.createServer((request, response) => {
    const [, name, what, id] = new URL(request.url, 'http://site').pathname.split('/');
    const [scheme, token] = (request.headers.authorization ?? '').split(' ');
    if (what === 'auth') return auth(name, scheme, token, request, response);
    let body = '';
    request.on('data', (part) => (body += part));
    request.on('end', () => {
      site.puts.push({ site: name, id, token, method: request.method, body });
      response.end('{}');
    });
  });

  function auth(name, scheme, token, request, response) {
    site.calls.push({ site: name, scheme, token, meta: request.headers['x-meta'] });
    const known = token && token !== 'undefined' && token !== 'null' ? token : undefined;
    const answer = answers.get(`${name} ${known}`) ?? { status: 401, body: '{"error":"who?"}' };
    if (answer.hang) return;
    response.statusCode = answer.status;
    response.setHeader('content-type', 'application/json');
    response.end(answer.rooms ? JSON.stringify(answer.rooms) : (answer.body ?? ''));
  }

  await listen(server, 0);
  site.port = server.address().port;
  return site;
}

function listen(server, port) {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
}
