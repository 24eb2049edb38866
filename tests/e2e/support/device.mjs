// The part of a browser that binds a session to its device: a key, and what it is asked to sign (Device Bound Session Credentials).

import { generateKeyPairSync, sign } from "node:crypto";

import { send } from "./http.mjs";
import { SESSION_COOKIE } from "./refusals.mjs";

export const BOUND_COOKIE = "__Host-postern-bound";

const part = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");

/** A key that does not leave the device. */
export class Device {
  #keys = generateKeyPairSync("ec", { namedCurve: "P-256" });

  jws(header, claims) {
    const input = `${part({ alg: "ES256", typ: "dbsc+jwt", ...header })}.${part(claims)}`;
    const signature = sign("sha256", Buffer.from(input), { key: this.#keys.privateKey, dsaEncoding: "ieee-p1363" });
    return `${input}.${signature.toString("base64url")}`;
  }

  get jwk() {
    return this.#keys.publicKey.export({ format: "jwk" });
  }

  registration({ challenge, authorization }) {
    return this.jws({ jwk: this.jwk }, { jti: challenge, authorization });
  }
}

/** What the answer of a sign-in offers. */
export function offerOf(answer) {
  const offer = /^\(ES256\);path="\/auth\/bound\/register";challenge="([\w.:-]+)";authorization="([\w-]+)"$/.exec(answer.headers["secure-session-registration"]);
  if (!offer) throw new Error(`no offer: ${JSON.stringify(answer.headers)}`);
  return { challenge: offer[1], authorization: offer[2] };
}

/** What an answer asks to be signed. */
export const challengeOf = (answer) => /^"([\w.:-]+)";id="([^"]+)"$/.exec(answer.headers["secure-session-challenge"])[1];

/** A `Cookie` header of these cookies of a browser. */
export const cookiesOf = (browser, names = [SESSION_COOKIE, BOUND_COOKIE]) =>
  ["cookie", names.filter((name) => browser.jar.cookies.has(name)).map((name) => `${name}=${browser.jar.cookies.get(name).value}`).join("; ")];

/** Asks as the browser itself does, with no page behind it. */
export async function askAbout(browser, path, proof, headers = []) {
  const { port, origin } = browser.postern;
  const all = [cookiesOf(browser, [SESSION_COOKIE]), ...headers, ...(proof ? [["secure-session-response", proof]] : [])];
  const answer = await send({ port, url: `${origin}/`, path, method: "POST", headers: all });
  browser.jar.store(answer.setCookies);
  return answer;
}

/** Binds the session that this answer began. */
export async function bind(browser, answer, device = new Device()) {
  const bound = await askAbout(browser, "/auth/bound/register", device.registration(offerOf(answer)));
  if (bound.status !== 200) throw new Error(`the registration was answered ${bound.status}: ${bound.body}`);
  return { device, description: JSON.parse(bound.body) };
}
