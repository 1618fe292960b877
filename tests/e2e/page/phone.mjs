// A phone and the composer of the demo page, as a person would speak of them.

import { eventually } from "./demo.mjs";

/** The phone of `name` on the page. */
export function phoneOf(page, name) {
  const phone = page.getByRole("region", { name: `${name}’s phone` });
  const part = (what) => phone.locator(`[data-part=${what}]`).first();
  const online = phone.getByRole("switch", { name: `${name} is online` });

  /** What the list holds: `{ kind, acked, texts }`, oldest first. */
  const items = () => phone.locator(".item").evaluateAll((all) => all.map((item) => ({
    kind: item.dataset.kind,
    acked: item.dataset.acked ?? "open",
    texts: Array.from(item.querySelectorAll("[data-part=body] p"), (line) => line.textContent),
  })));

  return {
    items,
    is: (state) => eventually(`${name} is ${state}`, () => phone.getAttribute("data-state"), state),
    waits: (n) => eventually(`waiting for ${name}`, () => part("waiting").textContent(), String(n)),
    seen: (words) => eventually(`last seen of ${name}`, () => part("seen").textContent(), (text) => words.test(text)),
    switchTo: async (state) => {
      const wanted = String(state === "online");
      if ((await online.getAttribute("aria-checked")) !== wanted) await online.click();
      await eventually(`${name} is ${state}`, () => phone.getAttribute("data-state"), state);
    },
    autoAcknowledge: (on) => phone.getByRole("checkbox", { name: "Acknowledge automatically" }).setChecked(on),
    acknowledge: () => phone.getByRole("button", { name: "Acknowledge" }).click(),
    /** Waits for the newest item to be this one. */
    shows: (kind, acked, ...texts) => {
      const expected = JSON.stringify({ kind, acked, texts });
      return eventually(`newest of ${name}`, async () => JSON.stringify((await items()).at(-1)), expected);
    },
  };
}

/** The sending side of the page. */
export function backendOf(page) {
  const text = (id) => page.locator(`#${id}`).textContent();
  return {
    curl: () => text("curl"),
    /** Waits for the store to hold this many messages. */
    keeps: (n) => eventually("kept by the store", () => text("stored"), `${n} ${n === 1 ? "message" : "messages"}`),
    /** Sends, and gives the answer of `/send`. */
    send: async (to, message) => {
      const answered = page.waitForResponse((response) => response.url().includes("/send"));
      await page.getByRole("radio", { name: to }).check();
      await page.getByRole("textbox", { name: "Message" }).fill(message);
      await page.getByRole("button", { name: "Send" }).click();
      const response = await answered;
      await eventually("the answer on the page", () => text("answer"), (shown) => shown.startsWith(`${response.status()} `));
      return response.json();
    },
  };
}
