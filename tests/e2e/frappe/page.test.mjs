// A form of Frappe's desk in Chromium, behind nginx as bench sets it up: it subscribes, sees who else is there, draws what
// Python reports, and comes back by itself when the gateway was killed.
//
// POSTROOM_BIN names the binary, CHROMIUM the browser (default /usr/bin/chromium).

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { chromium } from 'playwright-core';

import { eventually } from '../page/demo.mjs';
import { startBench } from './harness/bench.mjs';
import { example } from './harness/docs.mjs';
import { startNginx } from './harness/nginx.mjs';

let bench, nginx, browser;

before(async () => {
  bench = await startBench();
  bench.web.user('ada@example.com', 'sid=sid-ada');
  bench.web.user('bob@example.com', 'sid=sid-bob');
  const ports = [['127.0.0.1:9000', `127.0.0.1:${bench.port}`]];
  const upstreams = await example('replace.md', 'nginx-upstream', ports);
  nginx = await startNginx(bench, { upstreams, locations: await example('replace.md', 'nginx-location') });
  browser = await chromium.launch({
    executablePath: process.env.CHROMIUM || '/usr/bin/chromium',
    args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking'],
  });
});
after(async () => {
  await browser?.close();
  await nginx?.close();
  await bench?.close();
});

/** A browser in which somebody has logged in: every tab that it opens is a form. */
async function person(sid) {
  const context = await browser.newContext();
  context.setDefaultTimeout(15_000);
  return {
    async tab(doc) {
      const page = await context.newPage();
      const complaints = [];
      page.on('pageerror', (error) => complaints.push(error.message));
      page.on('console', (line) => line.type() === 'error' && complaints.push(line.text()));
      await page.goto(`${nginx.site}/login?sid=${sid}&to=/app/${doc}`);
      const text = (id) => page.locator(`#${id}`).textContent();
      const tab = {
        page,
        complaints,
        text,
        shows: (id, expected) => eventually(`${id} of ${sid}`, () => text(id), expected),
        at: (expected) => eventually(`progress of ${sid}`, () => page.locator('#progress').evaluate((bar) => bar.value), expected),
        click: (id) => page.locator(`#${id}`).click(),
      };
      await tab.shows('state', 'connected');
      return tab;
    },
    leave: () => context.close(),
  };
}

async function told(body) {
  try {
    await body();
  } catch (error) {
    error.message += `\n--- the gateway said:\n${bench.log().slice(-3000)}`;
    throw error;
  }
}

const BOTH = 'ada@example.com bob@example.com';

test('a form in two browsers, from its first look to a gateway that is killed', { timeout: 120_000 }, (t) => told(async () => {
  const ada = await person('sid-ada');
  const bob = await person('sid-bob');
  const progress = (percent, more) =>
    bench.publish('ada@example.com', 'publish_progress', { percent, title: `At ${percent}`, ...more });
  const one = { doctype: 'ToDo', docname: 'T 1' };
  let desk;

  await t.test('it connects by polling, and goes on as a WebSocket', async () => {
    desk = await ada.tab('ToDo/T 1');
    await desk.shows('transport', 'websocket');
    const [call] = bench.web.callsOf('frappe.realtime.get_user_info', 'sid=sid-ada');
    assert.equal(call.site, 'site1.localhost');
  });

  await t.test('a progress bar follows what Python publishes about its document', async () => {
    await eventually('the bar to move', async () => {
      await progress(20, one);
      return desk.page.locator('#progress').evaluate((bar) => bar.value);
    }, 20);
    for (const percent of [40, 60, 100]) {
      await progress(percent, one);
      await desk.at(percent);
      await desk.shows('title', `At ${percent}`);
    }
  });

  let his, tab;
  await t.test('two who look at a document see each other, however many tabs they have', async () => {
    assert.equal(await desk.text('viewers'), '');
    his = await bob.tab('ToDo/T 1');
    for (const one of [desk, his]) await one.shows('viewers', BOTH);
    tab = await bob.tab('ToDo/T 1');
    await tab.shows('viewers', BOTH);
    await tab.click('close');
    await tab.page.close();
    await bench.publish('ada@example.com', 'publish_realtime', { event: 'msgprint', message: 'a fence' });
    await desk.shows('message', 'a fence');
    await desk.shows('viewers', BOTH);
  });

  await t.test('the gateway is killed and started again: the pages come back by themselves', async () => {
    await bench.stop('SIGKILL');
    for (const one of [desk, his]) await one.shows('state', 'disconnected');
    await bench.start();
    for (const one of [desk, his]) {
      await one.shows('state', 'connected');
      await one.shows('connects', '2');
      await one.shows('transport', 'websocket');
    }
    // For a user, as of old.
    await progress(5);
    await desk.at(5);
    // About a document only when the form is looked at anew: Frappe's client does not ask again by itself.
    for (const one of [desk, his]) await one.click('refresh');
    // In the order in which they came back.
    const both = (text) => text.split(' ').sort().join(' ') === BOTH;
    for (const one of [desk, his]) await one.shows('viewers', both);
    await bob.leave();
    await desk.shows('viewers', 'ada@example.com');
  });

  await t.test('a reload brings back what the form subscribes to', async () => {
    await desk.page.reload();
    await eventually('the bar to move', async () => {
      await progress(70, one);
      return desk.page.locator('#progress').evaluate((bar) => bar.value);
    }, 70);
  });

  await t.test('nothing went wrong in the pages but what a kill does', async () => {
    const strange = [...desk.complaints, ...his.complaints, ...tab.complaints]
      .filter((text) => !/WebSocket connection|Error connecting to socket.io|502|Failed to load resource/.test(text));
    assert.deepEqual(strange, []);
  });
}));

test('a guest is let in, and hears of no document', { timeout: 60_000 }, () => told(async () => {
  const guest = await person('expired');
  const tab = await guest.tab('ToDo/T 3');
  const refused = () => bench.web.callsOf('frappe.realtime.has_permission', 'sid=expired').length;
  await eventually('both questions about the document', refused, 2);
  await bench.publish('ada@example.com', 'publish_realtime', [
    { event: 'doc_update', message: { name: 'T 3' }, doctype: 'ToDo', docname: 'T 3' },
    { event: 'doc_update', message: { name: 'everybody' }, room: 'website' },
  ]);
  await tab.shows('changed', 'everybody');
  await guest.leave();
}));
