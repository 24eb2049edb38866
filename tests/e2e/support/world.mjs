// Everything a test file needs: providers, Postern before an echo, browsers; started once, closed at its end.

import { after } from "node:test";

import { startProviders } from "../../provider/host.mjs";
import { Browser } from "./browser.mjs";
import { authorize, begin, callback } from "./login.mjs";
import { startPostern } from "./postern.mjs";
import { assertLoginFails, assertNobody } from "./refusals.mjs";

/**
 * Starts a world and closes it after the file's tests.
 * @param {Record<string, object>} providers by id: `path` and the options of an Issuer, and in `settings` what else
 * stands in the provider's table
 * @param {object} [options] of startPostern; and `tokens`, whose access tokens are taken: by id, the table of ISSUERS, its
 * issuer one of `providers`: that of the same id, or the one named in `of`
 */
export async function startWorld(providers, { tokens = {}, vars = {}, ...options } = {}) {
  const host = await startProviders();
  const world = new World(host);
  const configured = {};
  for (const [id, { path = id, settings, ...issuerOptions }] of Object.entries(providers)) {
    world.issuers[id] = host.issuer(path, issuerOptions);
    configured[id] = { issuer: world.issuers[id], ...settings };
  }
  const ISSUERS = Object.fromEntries(Object.entries(tokens).map(([id, { of = id, ...settings }]) => [id, world.tokenIssuer(of, settings)]));
  world.postern = await startPostern({ providers: configured, vars: { ISSUERS, ...vars }, ...options });
  after(async () => {
    await world.postern.close();
    await host.close();
  });
  return world;
}

class World {
  /** @type {Record<string, import("../../provider/issuer.mjs").Issuer>} */
  issuers = {};

  constructor(host) {
    this.host = host;
  }

  tokenIssuer(id, settings) {
    const { url, alg } = this.issuers[id];
    return { issuer: url, algs: [alg], audience: "https://api.example.com", ...settings };
  }

  /** A new browser, with no cookie. */
  browser() {
    return new Browser(this.postern);
  }

  /** All issuers honest again. */
  mend() {
    for (const issuer of Object.values(this.issuers)) issuer.reset();
  }

  /**
   * Runs one login whose callback must fail; what is bent is up to the caller.
   * @param {{ reason: string | RegExp, status?: number[], provider?: string, login?: object, change?: Function }} options
   * `login` are further parameters of the login, `change` may bend the step to the callback
   */
  async loginFails({ provider = Object.keys(this.issuers)[0], login = {}, change = (step) => step, browser = this.browser(), ...expected }) {
    const started = await begin(browser, { provider, ...login });
    const step = await authorize(browser, started);
    const bent = (await change(step)) ?? step;
    const outcome = await assertLoginFails(this.scene(browser), () => callback(browser, bent), expected);
    await assertNobody(browser);
    return outcome;
  }

  /** What the assertions look at. */
  scene(browser) {
    return { postern: this.postern, browser, issuers: Object.values(this.issuers) };
  }
}
