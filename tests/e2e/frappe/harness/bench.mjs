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
  const folder = await mkdtemp(path.join(os.tmpdir(), 'postroom-e2e-bench-'));
  const bench = { folder };
  const gateways = [];

  bench.close = async () => {
    for (const gateway of gateways) await gateway.stop('SIGKILL');
    await bench.web?.close();
    await bench.redis?.close();
    await rm(folder, { recursive: true, force: true });
  };
  /** One more process on this bench, as the documentation starts it. */
  bench.another = async () => {
    const port = await freePort();
    const words = (await procfile('procfile-two', 'socketio2')).map((word) => word.replace('9010', port));
    const gateway = gatewayAt(folder, words, port);
    gateways.push(gateway);
    await gateway.start();
    return gateway;
  };
  /** Publishes with the Python of the bench, in a session of `user`; resolves with what was published. */
  bench.publish = async (user, name, calls) => {
    const args = [PUBLISH, folder, SITE, user, name, JSON.stringify(calls)];
    return (await promisify(execFile)(python(), args)).stdout;
  };

  try {
    bench.redis = await startRedis();
    bench.web = await startWeb([SITE], bench.redis.port);
    bench.tokenPort = await freePort();
    bench.tokenUrl = `http://127.0.0.1:${bench.tokenPort}`;
    const port = await freePort();
    await mkdir(path.join(folder, 'sites', SITE), { recursive: true });
    await writeFile(path.join(folder, 'sites', SITE, 'site_config.json'), '{}');
    await writeFile(path.join(folder, 'sites', 'common_site_config.json'), JSON.stringify({
      default_site: SITE,
      redis_queue: bench.redis.url,
      socketio_port: port,
      webserver_port: bench.web.port,
      ...settings,
      ...('socketio_token_port' in settings ? { socketio_token_port: bench.tokenPort } : {}),
    }));
    Object.assign(bench, gatewayAt(folder, await procfile('procfile', 'socketio'), port));
    gateways.push(bench);
    await bench.start();
  } catch (error) {
    await bench.close();
    throw error;
  }
  return bench;
}

/** The gateway that these words start in the folder of the bench; it is to listen on this port. */
function gatewayAt(folder, words, port) {
  const { POSTROOM_BIN: binary } = process.env;
  if (!binary) throw new Error('set POSTROOM_BIN to the path of the postroom binary');
  let running;
  const gateway = {
    port,
    url: `http://127.0.0.1:${port}`,
    log: () => running?.printed() ?? '',
    /** What /health says; undefined where nobody answers. */
    health: () => fetch(`${gateway.url}/health`).then((answer) => answer.text(), () => undefined),
    /** Starts the process (again), and waits until it hears the bench. */
    async start() {
      running = run(binary, [...words, '--host', '127.0.0.1'], 'SIGKILL', folder);
      await until(async () => {
        if (running.exit) throw new Error(`the gateway ended (${JSON.stringify(running.exit)}):\n${running.printed()}`);
        return (await gateway.health()) === 'ok';
      }, () => `the gateway to hear its bench; it said:\n${running.printed()}`, 20_000);
    },
    /** Ends the process; resolves with { code, signal }. */
    async stop(signal = 'SIGTERM') {
      if (!running) return undefined;
      if (!running.exit) running.child.kill(signal);
      return within(running.ended, `the end of the gateway after ${signal}`, 20_000);
    },
  };
  return gateway;
}

/** The arguments that a Procfile of the documentation gives this process. */
async function procfile(name, which) {
  const [, line] = new RegExp(`^${which}: postroom (.+)$`, 'm').exec(await example('replace.md', name)) ?? [];
  if (!line) throw new Error(`the example ${name} of docs/frappe/replace.md starts no postroom as ${which}`);
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
