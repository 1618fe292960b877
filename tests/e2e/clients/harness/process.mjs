// Processes of the tests: what they print, how they end, and which ports are theirs.

import { spawn } from 'node:child_process';
import net from 'node:net';

/**
 * Starts a process, in the folder `cwd`: { child, printed(), ended, exit }. Where it still runs when this one ends, it
 * gets `last`.
 */
export function run(binary, args, last = 'SIGKILL', cwd = undefined) {
  const child = spawn(binary, args, { stdio: ['ignore', 'pipe', 'pipe'], env: cleanEnvironment(), cwd });
  let text = '';
  const keep = (part) => {
    text = (text + part).slice(-20_000);
  };
  child.stdout.setEncoding('utf8').on('data', keep);
  child.stderr.setEncoding('utf8').on('data', keep);
  const running = { child, printed: () => text };
  const end = () => child.kill(last);
  process.once('exit', end);
  running.ended = new Promise((resolve) => {
    child.once('error', (error) => resolve((running.exit = { error: String(error) })));
    child.once('exit', (code, signal) => {
      process.off('exit', end);
      resolve((running.exit = { code, signal }));
    });
  });
  return running;
}

// The environment overrides the files, so a variable of the shell must not reach the gateway.
function cleanEnvironment() {
  const kept = ['PATH', 'HOME', 'TMPDIR', 'RUST_LOG', 'RUST_BACKTRACE'];
  return Object.fromEntries(kept.filter((name) => name in process.env).map((name) => [name, process.env[name]]));
}

/**
 * A port nobody listens at, below the range that the kernel hands to outgoing connections. Each process looks in
 * places of its own, so that test files running side by side do not find the same one.
 */
export async function freePort() {
  const first = 20_000 + (process.pid % 1200) * 10;
  while (portsTried < 10) {
    const port = first + portsTried;
    portsTried += 1;
    if (await isFree(port)) return port;
  }
  throw new Error(`no free port from ${first} on`);
}

let portsTried = 0;

function isFree(port) {
  return new Promise((resolve) => {
    const probe = net.createServer();
    probe.once('error', () => resolve(false));
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)));
  });
}
