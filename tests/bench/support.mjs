// What several benchmarks need: somebody who is signed in, and other people's Workers.

import { fileURLToPath } from "node:url";

import { build } from "esbuild";

import { Browser } from "../e2e/support/browser.mjs";
import { logIn } from "../e2e/support/login.mjs";
import { SESSION_COOKIE } from "../e2e/support/refusals.mjs";

/** A file of this folder. */
export const file = (name) => fileURLToPath(new URL(name, import.meta.url));

/** One of them and all it imports, as one module. */
export async function bundle(name) {
  const { outputFiles } = await build({ entryPoints: [file(name)], bundle: true, write: false, format: "esm", conditions: ["workerd"], external: ["cloudflare:*"], minify: true });
  return outputFiles[0].text;
}

/** The session cookie of somebody who signs in now. */
export async function signIn(workerd) {
  const browser = new Browser(workerd);
  const answer = await logIn(browser);
  if (answer.status !== 200) throw new Error(`the login was answered ${answer.status}: ${answer.body}`);
  return browser.jar.cookies.get(SESSION_COOKIE).value;
}
