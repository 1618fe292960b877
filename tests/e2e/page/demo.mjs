// Starts `postroom demo` and a browser for a test, and ends both.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { chromium } from "playwright-core";

const PATIENCE = 15_000;

const CHROMIUM_ARGS = [
  "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
  "--disable-background-networking", "--disable-component-update", "--disable-sync",
];

/** Reads until `read()` gives what is expected (or, for a function, something it accepts). */
export async function eventually(what, read, expected) {
  const accepts = typeof expected === "function" ? expected : (value) => value === expected;
  const deadline = Date.now() + PATIENCE;
  let value;
  do {
    value = await read();
    if (accepts(value)) return value;
    await delay(20);
  } while (Date.now() < deadline);
  throw new Error(`${what}: waited in vain for ${expected}, last seen: ${JSON.stringify(value)}`);
}

/** Starts `$POSTROOM_BIN demo` in an empty folder, on a port of the system's choice. */
export async function startDemo() {
  const binary = process.env.POSTROOM_BIN;
  if (!binary) throw new Error("POSTROOM_BIN must name the postroom binary");
  const folder = await mkdtemp(join(tmpdir(), "postroom-demo-"));
  const child = spawn(binary, ["demo", "--port", "0"], { cwd: folder, stdio: ["ignore", "pipe", "pipe"] });
  const exited = once(child, "exit");
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (text) => (output += text));

  const stop = async () => {
    child.kill("SIGTERM");
    const forced = setTimeout(() => child.kill("SIGKILL"), PATIENCE);
    const [code, signal] = await exited;
    clearTimeout(forced);
    await rm(folder, { recursive: true, force: true });
    return { code, signal };
  };
  const address = () => {
    if (child.exitCode !== null) throw new Error(`the demo ended early:\n${output}`);
    return /Open\s+(http:\/\/\S+)/.exec(output)?.[1];
  };
  try {
    const base = await eventually("the address of the demo", address, (found) => found !== undefined);
    return { base, output: () => output, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Opens the page in a fresh profile. `complaints` collects what a careful developer would find in the console. */
export async function openPage(base, { width, colorScheme }) {
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: CHROMIUM_ARGS,
  });
  const context = await browser.newContext({ viewport: { width, height: 900 }, colorScheme });
  context.setDefaultTimeout(PATIENCE);
  const page = await context.newPage();
  const complaints = [];
  page.on("pageerror", (error) => complaints.push(`error: ${error.message}`));
  page.on("console", (line) => {
    if (["error", "warning"].includes(line.type())) complaints.push(`${line.type()}: ${line.text()}`);
  });
  page.on("request", (request) => {
    if (!request.url().startsWith(base) && !request.url().startsWith("data:")) {
      complaints.push(`asked elsewhere: ${request.url()}`);
    }
  });
  await page.goto(base);
  return { page, complaints, close: () => browser.close() };
}
