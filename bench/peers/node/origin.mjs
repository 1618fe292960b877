// The server behind pushpin: lets every WebSocket in, and has pushpin subscribe it to the room that its path names
// (/ws/<room>). WebSocket over HTTP and GRIP, as https://pushpin.org/docs/ describes them. PORT.
import http from 'node:http';

const server = http.createServer((request, response) => {
  request.resume();
  request.on('end', () => {
    if (request.headers['content-type'] !== 'application/websocket-events') return response.end('ready');
    const room = new URL(request.url, 'http://origin').pathname.split('/').pop();
    // Asked at the opening; later, events of an open connection want no more than an empty answer.
    response.setHeader('content-type', 'application/websocket-events');
    if (request.headers['sec-websocket-extensions']) {
      response.setHeader('sec-websocket-extensions', 'grip; message-prefix=""');
      const subscribe = `c:${JSON.stringify({ type: 'subscribe', channel: room })}`;
      return response.end(`OPEN\r\nTEXT ${subscribe.length.toString(16)}\r\n${subscribe}\r\n`);
    }
    response.end();
  });
});
server.keepAliveTimeout = 120_000;
server.listen({ port: Number(process.env.PORT), host: '127.0.0.1', backlog: 4096 });
process.on('SIGTERM', () => process.exit(0));
