// The main job, as the demo page shows it: two users, send to a user and to a room, take a client offline, send,
// bring it back, watch `_batch` arrive, acknowledge, see the queue empty.
//
// POSTROOM_BIN names the binary, CHROMIUM the browser (default /usr/bin/chromium).

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import { eventually, openPage, startDemo } from "./demo.mjs";
import { backendOf, phoneOf } from "./phone.mjs";

/** The arguments a shell would hand to `curl`. */
function argumentsOf(curl) {
  const print = 'console.log(JSON.stringify(process.argv.slice(1)))';
  const script = `curl() { "$NODE" -e '${print}' -- "$@"; }\n${curl}\n`;
  return JSON.parse(execFileSync("sh", ["-c", script], { env: { ...process.env, NODE: process.execPath } }));
}

const looks = [{ width: 1280, colorScheme: "light" }, { width: 400, colorScheme: "dark" }];

for (const look of looks) {
  test(`the whole story at ${look.width} px, ${look.colorScheme}`, { timeout: 120_000 }, async (t) => {
    const demo = await startDemo();
    t.after(demo.stop);
    const { page, complaints, close } = await openPage(demo.base, look);
    t.after(close);
    const [ada, bob, backend] = [phoneOf(page, "Ada"), phoneOf(page, "Bob"), backendOf(page)];
    const guide = (step) => eventually("the guide", () => page.locator("#guide-step").textContent(), step);

    await t.test("both come online, and the backend is told", async () => {
      await ada.is("online");
      await bob.is("online");
      await ada.seen(/last came/);
      await bob.seen(/last came/);
      await guide("1 of 6");
    });

    await t.test("a message to a user reaches this user alone, and the page shows how it was sent", async () => {
      const { id, ...reached } = await backend.send("Bob", "It's for Bob");
      assert.match(id, /^\d+$/);
      assert.deepEqual(reached, { devices: 1, online: 1, queued: 1 });
      await bob.shows("live", "yes", "It's for Bob");
      await backend.keeps(0);
      assert.deepEqual(await ada.items(), []);

      const [address, ...rest] = argumentsOf(await backend.curl());
      assert.equal(address, new URL("/send?site=demo", demo.base).href);
      assert.ok(rest.includes("Authorization: Bearer demo-key"));
      const body = JSON.parse(rest[rest.indexOf("-d") + 1]);
      assert.deepEqual(body, { rooms: ["user_bob"], event: "note", args: { text: "It's for Bob" } });
      await guide("2 of 6");
    });

    await t.test("what is sent while a user is away waits, and the backend knows that the user went", async () => {
      await bob.switchTo("offline");
      await bob.seen(/last went/);
      await guide("3 of 6");
      await backend.send("Bob", "one");
      await backend.send("Bob", "two");
      await bob.waits(2);
      await backend.send("room staff", "three");
      await ada.shows("live", "yes", "three");
      await bob.waits(3);
      await backend.keeps(3);
      await bob.shows("live", "yes", "It's for Bob");
      await guide("4 of 6");
    });

    await t.test("back online, it comes as one _batch in order, and is acknowledged", async () => {
      await bob.switchTo("online");
      await bob.shows("batch", "yes", "one", "two", "three");
      await bob.waits(0);
      await backend.keeps(0);
      await guide("5 of 6");
    });

    await t.test("a message stays in the queue until it is acknowledged by hand", async () => {
      await ada.autoAcknowledge(false);
      await backend.send("room staff", "four");
      await ada.shows("live", "open", "four");
      await bob.shows("live", "yes", "four");
      await ada.waits(1);
      await backend.keeps(1);
      await guide("6 of 6");
      await ada.acknowledge();
      await ada.shows("live", "yes", "four");
      await ada.waits(0);
      await backend.keeps(0);
      await guide("Done");
    });

    await t.test("what was not acknowledged comes again, over a lost connection and over a reload", async () => {
      await backend.send("Ada", "five");
      await ada.shows("live", "open", "five");
      await ada.switchTo("offline");
      await ada.shows("live", "lost", "five");
      await ada.waits(1);
      await ada.switchTo("online");
      await ada.shows("batch", "open", "five");
      await page.reload();
      await ada.shows("batch", "yes", "five"); // a fresh page acknowledges automatically
      await backend.keeps(0);
    });

    await t.test("the page fits the width, speaks with nobody else and is silent in the console", async () => {
      assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), look.width);
      assert.deepEqual(complaints, []);
    });

    await t.test("SIGTERM ends the demo in order, with the page still connected", async () => {
      assert.deepEqual(await demo.stop(), { code: 0, signal: null });
    });
  });
}
