// A real nginx that serves a site of a bench with the snippets of the documentation.

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';

import { freePort, run } from '../../clients/harness/process.mjs';
import { until, within } from '../../clients/harness/wait.mjs';
import { SITE } from './bench.mjs';

// What a bench has besides: pages and methods.
const PAGES = (web) => `
        location / {
            proxy_set_header X-Frappe-Site-Name ${SITE};
            proxy_set_header Host $host;
            proxy_pass http://127.0.0.1:${web.port};
        }`;

/** Starts nginx in front of a bench; `upstreams` and `locations` are snippets. */
export async function startNginx(bench, { upstreams = '', locations }) {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'postroom-e2e-nginx-'));
  const port = await freePort();
  const places = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  const file = path.join(folder, 'nginx.conf');
  await writeFile(file, `
worker_processes 1;
pid ${folder}/nginx.pid;
error_log stderr warn;
events { worker_connections 256; }
http {
    ${places.map((place) => `${place}_temp_path ${folder}/${place};`).join('\n    ')}
    access_log off;
${upstreams}
    server {
        listen 127.0.0.1:${port};
        server_name ${SITE};
${locations}
${PAGES(bench.web)}
    }
}
`);
  // As root it would hand its workers to a user who may not enter the folder.
  const user = process.getuid() === 0 ? 'user root; ' : '';
  const args = ['-p', folder, '-c', file, '-e', 'stderr', '-g', `${user}daemon off;`];
  // SIGTERM is its fast way out; killed, the master would leave its workers behind.
  const running = run('nginx', args, 'SIGTERM');
  const nginx = {
    port,
    url: `http://127.0.0.1:${port}`,
    /** As a browser names it, which finds every name below localhost by itself. */
    site: `http://${SITE}:${port}`,
    async close() {
      if (!running.exit) running.child.kill('SIGTERM');
      await within(running.ended, 'the end of nginx');
      await rm(folder, { recursive: true, force: true });
    },
  };
  try {
    await until(async () => {
      if (running.exit) throw new Error(`nginx ended (${JSON.stringify(running.exit)}); it said:\n${running.printed()}`);
      return fetch(`${nginx.url}/app`).then((answer) => answer.ok, () => false);
    }, () => `nginx to answer; it said:\n${running.printed()}`);
  } catch (error) {
    await nginx.close();
    throw error;
  }
  return nginx;
}
