// Waiting for conditions, never for time.

const PATIENCE = 10_000;

/** Resolves with the first truthy value of `probe` (which may be async); rejects with `what` after `ms`. */
export async function until(probe, what, ms = PATIENCE) {
  const end = Date.now() + ms;
  for (;;) {
    const value = await probe();
    if (value) return value;
    if (Date.now() > end) throw new Error(`waited ${ms} ms in vain for ${typeof what === 'function' ? what() : what}`);
    await new Promise((resolve) => setTimeout(resolve, 4));
  }
}

/** `promise`, or an error that names `what` after `ms`. */
export function within(promise, what, ms = PATIENCE) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`waited ${ms} ms in vain for ${what}`)), ms);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}
