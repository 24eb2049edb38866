// Several sites in one Postern: each with an origin, providers and routes of its own, before the same upstream.

import { after } from "node:test";
import { fileURLToPath } from "node:url";

import { startProviders } from "../../provider/host.mjs";
import { Browser } from "./browser.mjs";
import { bindingsOf, newKeyRing, Postern, ROUTES } from "./postern.mjs";

const ECHO = fileURLToPath(new URL("echo.mjs", import.meta.url));

/** Postern at one of its sites. */
class Site {
  constructor(postern, id, origin) {
    Object.assign(this, { postern, id, origin });
  }

  get port() {
    return this.postern.port;
  }

  browser() {
    return new Browser(this);
  }

  /** A request as written, without any browser around it. */
  send(path, options = {}) {
    return this.postern.send(path, { url: `${this.origin}/`, ...options });
  }
}

/** The variables and secrets of one site, under its names. */
function own(id, { keys, ...site }) {
  const { POSTERN_KEYS: _, ...bindings } = bindingsOf({ session: {}, routes: ROUTES, vars: {}, keys, ...site });
  return Object.fromEntries(Object.entries(bindings).map(([name, value]) => [`${id.toUpperCase()}_${name}`, value]));
}

/**
 * Starts sites, and closes them after the file's tests.
 * @param {Record<string, object>} issuers by id: the options of an Issuer
 * @param {Record<string, object>} sites by id: `origin`, `providers` (ids of issuers), and `session`, `routes`, `vars` as of startPostern
 */
export async function startSites(issuers, sites, options = {}) {
  const host = await startProviders();
  const made = Object.fromEntries(Object.entries(issuers).map(([id, more]) => [id, host.issuer(id, more)]));
  const keys = newKeyRing();
  const bindings = { SITES: Object.keys(sites), POSTERN_KEYS: keys };
  for (const [id, { origin, providers, ...site }] of Object.entries(sites)) {
    const known = Object.fromEntries(providers.map((provider) => [provider, made[provider]]));
    Object.assign(bindings, own(id, { keys, publicUrl: origin, providers: known, ...site }));
  }
  const postern = new Postern(bindings, { build: "build", port: 0, upstream: ECHO, ...options });
  await postern.start();
  for (const issuer of Object.values(made)) issuer.clock = () => Math.floor(postern.now() / 1000);
  after(async () => {
    await postern.close();
    await host.close();
  });
  const all = Object.entries(sites).map(([id, { origin }]) => [id, new Site(postern, id, origin)]);
  return { postern, issuers: made, sites: Object.fromEntries(all) };
}
