// A bench: a folder as `bench init` makes it, its Redis, its web server, and the gateway as its Procfile starts it.

import { execFile, execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { freePort, run } from '../../clients/harness/process.mjs';
import { startRedis } from '../../clients/harness/redis.mjs';
import { until, within } from '../../clients/harness/wait.mjs';
import { example } from './docs.mjs';
import { startWeb } from './web.mjs';

export const SITE = 'site1.localhost';

const PUBLISH = fileURLToPath(new URL('../publish.py', import.meta.url));

/** A bench with one site; `settings` are further keys of its common_site_config.json. */
export async function startBench(settings = {}) {
  const binary = process.env.POSTROOM_BIN;
  if (!binary) throw new Error('set POSTROOM_BIN to the path of the postroom binary');
  const folder = await mkdtemp(path.join(os.tmpdir(), 'postroom-e2e-bench-'));
  const bench = { folder };
  let running;

  bench.close = async () => {
    if (running && !running.exit) await bench.stop('SIGKILL');
    await bench.web?.close();
    await bench.redis?.close();
    await rm(folder, { recursive: true, force: true });
  };
  /** Starts the gateway (again), and waits until it hears the bench. */
  bench.start = async () => {
    running = run(binary, [...(await procfile()), '--host', '127.0.0.1'], 'SIGKILL', folder);
    await until(async () => {
      if (running.exit) throw new Error(`the gateway ended (${JSON.stringify(running.exit)}):\n${running.printed()}`);
      return (await bench.health()) === 'ok';
    }, () => `the gateway to hear its bench; it said:\n${running.printed()}`, 20_000);
  };
  /** Ends the gateway; resolves with { code, signal }. */
  bench.stop = (signal = 'SIGTERM') => {
    if (!running.exit) running.child.kill(signal);
    return within(running.ended, `the end of the gateway after ${signal}`, 20_000);
  };
  bench.log = () => running?.printed() ?? '';
  /** What /health says; undefined where nobody answers. */
  bench.health = () => fetch(`${bench.url}/health`).then((answer) => answer.text(), () => undefined);
  /** Publishes with the Python of the bench, in a session of `user`; resolves with what was published. */
  bench.publish = async (user, name, calls) => {
    const args = [PUBLISH, folder, SITE, user, name, JSON.stringify(calls)];
    return (await promisify(execFile)(python(), args)).stdout;
  };

  try {
    bench.redis = await startRedis();
    bench.web = await startWeb([SITE], bench.redis.port);
    Object.assign(bench, { port: await freePort(), tokenPort: await freePort() });
    Object.assign(bench, { url: `http://127.0.0.1:${bench.port}`, tokenUrl: `http://127.0.0.1:${bench.tokenPort}` });
    await mkdir(path.join(folder, 'sites', SITE), { recursive: true });
    await writeFile(path.join(folder, 'sites', SITE, 'site_config.json'), '{}');
    await writeFile(path.join(folder, 'sites', 'common_site_config.json'), JSON.stringify({
      default_site: SITE,
      redis_queue: bench.redis.url,
      socketio_port: bench.port,
      webserver_port: bench.web.port,
      ...settings,
      ...('socketio_token_port' in settings ? { socketio_token_port: bench.tokenPort } : {}),
    }));
    await bench.start();
  } catch (error) {
    await bench.close();
    throw error;
  }
  return bench;
}

/** The arguments that the Procfile of the documentation gives. */
async function procfile() {
  const [, line] = /^socketio: postroom (.+)$/m.exec(await example('replace.md', 'procfile')) ?? [];
  if (!line) throw new Error('the Procfile of docs/frappe/replace.md starts no postroom');
  return line.split(' ');
}

/** A Python 3 that has the package `redis`; that of the system has it where Debian installed it. */
function python() {
  const all = [process.env.PYTHON, 'python3', '/usr/bin/python3'].filter(Boolean);
  const found = all.find((one) => {
    try {
      execFileSync(one, ['-c', 'import redis'], { stdio: 'ignore' });
      return true;
    } catch {
      return false;
    }
  });
  if (!found) throw new Error('no Python 3 with the package redis (Debian: python3-redis)');
  return found;
}
