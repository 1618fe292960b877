// The real binary, started and stopped as an operator would.

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import http from 'node:http';
import os from 'node:os';
import path from 'node:path';

import { freePort, run } from './process.mjs';
import { API_KEY } from './site.mjs';
import { until, within } from './wait.mjs';

/**
 * Writes config.yml and sites.yml, starts the gateway and waits until it is ready.
 * @param sites  name -> keys of sites.yml (apiKey is added)
 * @param config keys of config.yml (host and port are added)
 */
export async function startGateway({ sites, config = {} }) {
  const binary = process.env.POSTROOM_BIN;
  if (!binary) throw new Error('set POSTROOM_BIN to the path of the postroom binary');
  const folder = await mkdtemp(path.join(os.tmpdir(), 'postroom-e2e-'));
  const port = await freePort();
  const keyed = Object.entries(sites).map(([name, keys]) => [name, { apiKey: API_KEY, ...keys }]);
  const files = { config: path.join(folder, 'config.yml'), sites: path.join(folder, 'sites.yml') };
  await writeFile(files.config, yaml({ host: '127.0.0.1', port, device_ttl: 3600, ...config }));
  await writeFile(files.sites, yaml(Object.fromEntries(keyed)));

  const url = `http://127.0.0.1:${port}`;
  const agent = new http.Agent({ keepAlive: true, maxSockets: 16 });
  const args = ['serve', '--config', files.config, '--sites', files.sites, '--data', path.join(folder, 'data')];
  let running;

  const gateway = {
    url,
    port,
    get pid() {
      return running.child.pid;
    },
    /** Everything the process printed so far. */
    log: () => running?.printed() ?? '',
    /** Starts the process (again) and waits until it is ready. */
    async start() {
      running = run(binary, args);
      await until(async () => {
        if (running.exit) throw new Error(`the gateway ended (${JSON.stringify(running.exit)}):\n${running.printed()}`);
        return (await status(`${url}/readyz`)) === 200;
      }, () => `the gateway to be ready; it said:\n${running.printed()}`, 20_000);
    },
    /** Ends the process; resolves with { code, signal }. */
    async stop(signal = 'SIGTERM') {
      if (!running) return undefined;
      if (!running.exit) running.child.kill(signal);
      return within(running.ended, `the end of the gateway after ${signal}`, 20_000);
    },
    /** POSTs to /send; resolves with { status, text }. */
    post(query, body, headers = {}) {
      return post(agent, `${url}/send?${new URLSearchParams(query)}`, body, headers);
    },
    /** Sends a message and insists on the original's answer. */
    async send({ site = 'demo', resync, ...body }) {
      const query = { site, apiKey: API_KEY, ...(resync === undefined ? {} : { resync }) };
      const answer = await gateway.post(query, JSON.stringify(body));
      if (answer.status !== 200 || answer.text !== 'OK') {
        throw new Error(`/send answered ${answer.status} ${answer.text}`);
      }
    },
    /** Ends everything and removes the folder. */
    async close() {
      agent.destroy();
      if (running && !running.exit) await gateway.stop('SIGKILL');
      await rm(folder, { recursive: true, force: true });
    },
  };
  try {
    await gateway.start();
  } catch (error) {
    await gateway.close();
    throw error;
  }
  return gateway;
}

// JSON is YAML, and needs no escaping rules of our own.
function yaml(keys) {
  return Object.entries(keys)
    .map(([key, value]) => `${key}: ${JSON.stringify(value)}\n`)
    .join('');
}

function status(url) {
  return new Promise((resolve) => {
    const request = http.get(url, { agent: false }, (response) => {
      response.resume();
      resolve(response.statusCode);
    });
    request.on('error', () => resolve(undefined));
    request.setTimeout(2000, () => request.destroy());
  });
}

function post(agent, url, body, headers) {
  return new Promise((resolve, reject) => {
    const bytes = Buffer.from(body);
    const all = { 'content-type': 'application/json', 'content-length': bytes.length, ...headers };
    const request = http.request(url, { agent, method: 'POST', headers: all }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (part) => (text += part));
      response.on('end', () => resolve({ status: response.statusCode, text, headers: response.headers }));
    });
    request.on('error', reject);
    request.end(bytes);
  });
}
