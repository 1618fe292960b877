// Socket.IO on Bun with @socket.io/bun-engine. PORT, API_KEY and SITES as in ../node/sites.mjs.
import { Server as Engine } from '@socket.io/bun-engine';
import { Server } from 'socket.io';
import { openSites } from '../node/sites.mjs';

const { PORT, API_KEY, SITES } = process.env;

const io = new Server();
const engine = new Engine({ path: '/socket.io/', pingInterval: 25_000, pingTimeout: 20_000 });
io.bind(engine);
const send = openSites(io, { key: API_KEY, sites: SITES });

const { websocket, maxRequestBodySize } = engine.handler();
Bun.serve({
  hostname: '127.0.0.1',
  port: Number(PORT),
  idleTimeout: 120,
  websocket,
  maxRequestBodySize,
  async fetch(request, server) {
    const url = new URL(request.url);
    if (url.pathname === '/socket.io/') return engine.handleRequest(request, server);
    if (request.method !== 'POST') return new Response('ready');
    const [status, text] = send(url.searchParams, await request.text());
    return new Response(text, { status });
  },
});
process.on('SIGTERM', () => process.exit(0));
