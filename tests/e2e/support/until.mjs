// Waiting for what cannot say itself that it has come.

/** Long enough for any machine: what takes longer does not come, and the test is told so. */
export const AT_MOST_MS = 60_000;
const LOOK_EVERY_MS = 5;

/** A moment, between two looks. */
export const moment = () => new Promise((over) => setTimeout(over, LOOK_EVERY_MS));

/**
 * Looks again and again until `holds()`, or what it resolves with, is true; resolves with that.
 * @param {string | (() => string | Promise<string>)} what is waited for, for the message where it does not come
 */
export async function until(holds, what, milliseconds = AT_MOST_MS) {
  for (const end = Date.now() + milliseconds; ; await moment()) {
    const held = await holds();
    if (held) return held;
    if (Date.now() > end) throw new Error(`this did not come: ${typeof what === "function" ? await what() : what}`);
  }
}
