// A real redis-server of the test's own, on the settings that docker-compose.yml gives it.

import { mkdtemp, rm } from 'node:fs/promises';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { freePort, run } from './process.mjs';
import { until, within } from './wait.mjs';

const SETTINGS = fileURLToPath(new URL('../../../../deploy/redis.conf', import.meta.url));

/** Starts it and waits until it answers; on loopback, in a temporary folder. */
export async function startRedis() {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'postroom-e2e-redis-'));
  const port = await freePort();
  const args = [SETTINGS, '--bind', '127.0.0.1', '--port', `${port}`, '--dir', folder];
  let running;
  const redis = {
    port,
    url: `redis://127.0.0.1:${port}`,
    log: () => running?.printed() ?? '',
    async start() {
      running = run('redis-server', args);
      await until(async () => {
        if (running.exit) throw new Error(`redis-server ended (${JSON.stringify(running.exit)}); it said:\n${running.printed()}`);
        return (await ask(port, 'PING')) === '+PONG';
      }, () => `redis-server to answer; it said:\n${running.printed()}`);
    },
    async stop(signal = 'SIGTERM') {
      if (!running?.exit) running?.child.kill(signal);
      await within(running?.ended, 'the end of redis-server');
    },
    async close() {
      await redis.stop('SIGKILL');
      await rm(folder, { recursive: true, force: true });
    },
  };
  try {
    await redis.start();
  } catch (error) {
    await redis.close();
    throw error;
  }
  return redis;
}

/** The first line that Redis answers, or undefined. */
function ask(port, command) {
  return new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1', () => socket.write(`${command}\r\n`));
    socket.once('data', (bytes) => {
      resolve(bytes.toString().split('\r\n')[0]);
      socket.destroy();
    });
    socket.once('error', () => resolve(undefined));
    socket.setTimeout(2000, () => socket.destroy());
    socket.once('close', () => resolve(undefined));
  });
}
