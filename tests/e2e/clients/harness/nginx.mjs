// A real nginx on deploy/nginx.conf, which docker-compose.yml mounts; only addresses, ports and paths are others.

import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';

import { freePort, run } from './process.mjs';
import { request } from './raw.mjs';
import { until, within } from './wait.mjs';

const FILE = new URL('../../../../deploy/nginx.conf', import.meta.url);

/**
 * Starts nginx in front of these gateways, which stand for gateway-a and gateway-b.
 * @param change what else is different: text => text
 */
export async function startNginx([a, b], change = (text) => text) {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'postroom-e2e-nginx-'));
  const port = await freePort();
  const log = path.join(folder, 'access.log');
  const config = replace(change(await readFile(FILE, 'utf8')), [
    [' /tmp/', ` ${folder}/`],
    ['gateway-a:1337', `127.0.0.1:${a.port}`],
    ['gateway-b:1337', `127.0.0.1:${b.port}`],
    ['listen 80 ', `listen 127.0.0.1:${port} `],
    ['access_log /dev/stdout', `access_log ${log}`],
  ]);
  const file = path.join(folder, 'nginx.conf');
  await writeFile(file, config);
  // As root it would hand its workers to a user who may not enter the folder.
  const user = process.getuid() === 0 ? 'user root; ' : '';
  const args = ['-p', folder, '-c', file, '-e', 'stderr', '-g', `${user}daemon off;`];
  // SIGTERM is its fast way out; killed, the master would leave its workers behind.
  const running = run('nginx', args, 'SIGTERM');

  const nginx = {
    port,
    url: `http://127.0.0.1:${port}`,
    log: () => running.printed(),
    /** What it has passed on: [{ client, method, path, status, gateways }], WebSockets when they have ended. */
    async passed() {
      const lines = (await readFile(log, 'utf8')).split('\n').filter(Boolean);
      return lines.map((line) => {
        const [, client, method, at, status, upstreams] = /^(\S+) \[.*?\] "(\S+) (\S+)" (\d+) .* "(.*)"$/.exec(line) ?? [];
        if (!client) throw new Error(`not a line of the access log: ${line}`);
        return { client, method, path: at, status: Number(status), gateways: upstreams.split(', ') };
      });
    },
    /** Ends it and its workers at once. */
    async close() {
      if (!running.exit) running.child.kill('SIGTERM');
      await within(running.ended, 'the end of nginx');
      await rm(folder, { recursive: true, force: true });
    },
  };
  try {
    await until(async () => {
      if (running.exit) throw new Error(`nginx ended (${JSON.stringify(running.exit)}); it said:\n${running.printed()}`);
      return (await request(port, 'GET', '/readyz').catch(() => undefined))?.status === 200;
    }, () => `nginx to answer; it said:\n${running.printed()}`);
  } catch (error) {
    await nginx.close();
    throw error;
  }
  return nginx;
}

function replace(text, pairs) {
  return pairs.reduce((text, [from, to]) => {
    if (!text.includes(from)) throw new Error(`deploy/nginx.conf has no "${from}"`);
    return text.replaceAll(from, to);
  }, text);
}
