// A browser, as far as HTTP shows one: cookies by their rules, Fetch Metadata, redirects, meta refresh, forms.

import { Jar } from "./cookies.mjs";
import { send } from "./http.mjs";

const NAVIGATION_ACCEPT = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
const MAX_STEPS = 12;

/** Without ports, as sites are: `localhost` and `127.0.0.1` are two. */
const siteOf = (origin) => new URL(origin).hostname;

function relation(initiator, url) {
  if (initiator === null) return "none";
  if (new URL(initiator).origin === new URL(url).origin) return "same-origin";
  return siteOf(initiator) === siteOf(url) ? "same-site" : "cross-site";
}

const unescapeHtml = (text) =>
  text.replace(/&#(\d+);/g, (_, code) => String.fromCharCode(code)).replace(/&#x([0-9a-f]+);/gi, (_, code) => String.fromCharCode(parseInt(code, 16)))
    .replaceAll("&quot;", '"').replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");

const attribute = (tag, name) => {
  const found = new RegExp(`\\s${name}\\s*=\\s*"([^"]*)"`, "i").exec(tag);
  return found ? unescapeHtml(found[1]) : undefined;
};

/** Where a page's meta refresh leads. */
export function refreshTarget(page) {
  const tag = /<meta[^>]*http-equiv="?refresh"?[^>]*>/i.exec(page)?.[0];
  const content = tag && attribute(tag, "content");
  return content && /url\s*=\s*['"]?([^'"]*)/i.exec(content)?.[1];
}

/** The first form of a page. */
export function formOf(page) {
  const tag = /<form[^>]*>/i.exec(page)?.[0];
  if (!tag) return undefined;
  const inputs = [...page.matchAll(/<input[^>]*>/gi)].map(([input]) => [attribute(input, "name"), attribute(input, "value") ?? ""]);
  return { action: attribute(tag, "action"), method: (attribute(tag, "method") ?? "get").toUpperCase(), fields: inputs.filter(([name]) => name) };
}

export class Browser {
  /** Every answer of Postern's, in order. */
  answers = [];

  /** @param {{ origin: string, port: number }} postern */
  constructor(postern) {
    this.postern = postern;
    this.jar = new Jar();
  }

  /**
   * Opens `target` at the top level and goes where it leads, until `stopAt` says of a URL that it must not be asked.
   * @param {string} target absolute, or relative to Postern
   * @param {object} [options]
   * @param {string | null} [options.initiator] the origin of the page that leads there; null: typed in, or a bookmark
   * @param {(url: URL) => boolean} [options.stopAt] a step that is left to the caller: it stands in `next`
   * @param {boolean} [options.follow] false: only this one request
   * @returns {Promise<import("./http.mjs").Answer & { next?: Step }>} the last answer
   */
  async navigate(target, { initiator = null, method = "GET", fields, stopAt = () => false, follow = true, headers = [] } = {}) {
    let step = { url: new URL(target, this.postern.origin), method, fields, initiator, crossed: false };
    let answer;
    for (let count = 0; count < MAX_STEPS; count += 1) {
      if (stopAt(step.url)) return { ...answer, next: step };
      answer = await this.#ask(step, headers);
      const next = follow && nextStep(step, answer);
      if (!next) return answer;
      step = next;
    }
    throw new Error(`more than ${MAX_STEPS} steps, the last at ${step.url}`);
  }

  /** A script's request to Postern: `initiator` is the origin of the page it runs in, Postern's own by default. */
  async fetch(target, { initiator = this.postern.origin, method = "GET", body, headers = [], mode = "cors", path } = {}) {
    const url = new URL(target, this.postern.origin);
    const site = relation(initiator, url.href);
    const cookie = this.jar.header({ crossSite: site === "cross-site", topLevelGet: false });
    const all = [["accept", "*/*"], ["sec-fetch-site", site], ["sec-fetch-mode", mode], ["sec-fetch-dest", "empty"], ...headers];
    if (cookie) all.push(["cookie", cookie]);
    if (method !== "GET" && method !== "HEAD") all.push(["origin", initiator]);
    return this.#remember(await send({ port: this.postern.port, url: url.href, method, headers: all, body, path }));
  }

  #ask(step, extra) {
    return step.url.origin === this.postern.origin ? this.#askPostern(step, extra) : askElsewhere(step);
  }

  async #askPostern({ url, method, fields, initiator, crossed }, extra) {
    const site = crossed ? "cross-site" : relation(initiator, url.href);
    const headers = [
      ["accept", NAVIGATION_ACCEPT], ["sec-fetch-site", site], ["sec-fetch-mode", "navigate"], ["sec-fetch-dest", "document"],
      ["sec-fetch-user", "?1"], ["upgrade-insecure-requests", "1"],
    ];
    const cookie = this.jar.header({ crossSite: site === "cross-site", topLevelGet: method === "GET" });
    if (cookie) headers.push(["cookie", cookie]);
    if (method === "POST") headers.push(["origin", initiator ?? "null"], ["content-type", "application/x-www-form-urlencoded"]);
    const body = method === "POST" ? new URLSearchParams(fields).toString() : "";
    return this.#remember(await send({ port: this.postern.port, url: url.href, method, headers: [...headers, ...extra], body }));
  }

  #remember(answer) {
    this.jar.store(answer.setCookies);
    this.answers.push(answer);
    return answer;
  }
}

/** @typedef {{ url: URL, method: string, fields?: [string, string][], initiator: string | null, crossed: boolean }} Step */

function askElsewhere({ url, method, fields }) {
  const body = method === "POST" ? new URLSearchParams(fields).toString() : "";
  const headers = method === "POST" ? [["content-type", "application/x-www-form-urlencoded"]] : [];
  return send({ port: Number(url.port), url: url.href, method, headers, body });
}

const REDIRECTS = new Set([301, 302, 303, 307, 308]);

/** @returns {Step | undefined} */
function nextStep(step, answer) {
  const resolve = (target) => new URL(target, step.url);
  if (REDIRECTS.has(answer.status)) {
    const url = resolve(answer.headers.location);
    const kept = answer.status >= 307;
    const crossed = step.crossed || siteOf(url) !== siteOf(step.url);
    return { ...step, url, crossed, method: kept ? step.method : "GET", fields: kept ? step.fields : undefined };
  }
  const initiator = step.url.origin;
  const refresh = refreshTarget(answer.body);
  if (refresh) return { url: resolve(refresh), method: "GET", initiator, crossed: false };
  const form = /onload="document\.forms\[0\]\.submit\(\)"/.test(answer.body) && formOf(answer.body);
  return form ? { url: resolve(form.action), method: form.method, fields: form.fields, initiator, crossed: false } : undefined;
}
