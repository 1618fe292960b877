// Socket.IO on Node. PORT, API_KEY and SITES as in sites.mjs; REDIS_PORT: with @socket.io/redis-adapter.
import http from 'node:http';
import { Server } from 'socket.io';
import { openSites } from './sites.mjs';

const { PORT, API_KEY, SITES, REDIS_PORT } = process.env;

const server = http.createServer((request, response) => {
  if (request.method !== 'POST') return response.end('ready');
  const chunks = [];
  request.on('data', (chunk) => chunks.push(chunk));
  request.on('end', () => {
    const [status, text] = send(new URL(request.url, 'http://peer').searchParams, Buffer.concat(chunks));
    response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' });
    response.end(text);
  });
});
// Connections of the sender are kept open however long it pauses.
server.keepAliveTimeout = 120_000;

const io = new Server(server, {
  pingInterval: 25_000,
  pingTimeout: 20_000,
  perMessageDeflate: false,
  serveClient: false,
  adapter: REDIS_PORT ? await redisAdapter(Number(REDIS_PORT)) : undefined,
});
const send = openSites(io, { key: API_KEY, sites: SITES });

async function redisAdapter(port) {
  const { createAdapter } = await import('@socket.io/redis-adapter');
  const { Redis } = await import('ioredis');
  const publisher = new Redis({ host: '127.0.0.1', port });
  return createAdapter(publisher, publisher.duplicate());
}

server.listen({ port: Number(PORT), host: '127.0.0.1', backlog: 4096 });
process.on('SIGTERM', () => process.exit(0));
