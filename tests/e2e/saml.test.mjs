// Sign-in by SAML in workerd, with the SAML Worker as it is built and responses that nanoidp really signs: good ones, and the same bent.

import assert from "node:assert/strict";
import { after, test } from "node:test";

import { Browser, formOf } from "./support/browser.mjs";
import { begin, whoIs } from "./support/login.mjs";
import { startPostern } from "./support/postern.mjs";
import { freePort } from "./support/ports.mjs";
import { samlWorker, startNanoidp, withoutNanoidp } from "./support/saml.mjs";

const skip = withoutNanoidp;
const port = await freePort();
const nano = skip ? undefined : await startNanoidp(`http://localhost:${port}`, "nano");
const start = (options) => startPostern({ providers: {}, vars: { PROVIDERS: { nano: { ...nano.table, roles: ["groups"] } } }, ...options });
const postern = skip ? undefined : await start({ port, twin: true, services: { SAML: "saml" }, beside: () => [samlWorker()] });
after(() => postern?.close());

/** Signs in at nanoidp. What it lets the browser post. */
async function answerTo({ url }) {
  const asked = await fetch(url);
  const cookie = asked.headers.getSetCookie().map((line) => line.split(";")[0]).join("; ");
  const { fields } = formOf(await asked.text());
  const body = new URLSearchParams([...fields.filter(([name]) => !["username", "password"].includes(name)), ["username", "alice"], ["password", "wonderland"]]);
  const answered = await fetch(url.href.split("?")[0], { method: "POST", body, headers: { cookie }, redirect: "manual" });
  const page = await answered.text();
  const form = formOf(page);
  assert.equal(form?.action, `${postern.origin}/auth/saml/acs/nano`, page.slice(0, 2000));
  return Object.fromEntries(form.fields);
}

const post = (browser, fields) => browser.navigate("/auth/saml/acs/nano", { method: "POST", initiator: nano.url, fields: Object.entries(fields), follow: false });

/** A login as far as the answer, and that answer bent. */
async function bent(bend) {
  const browser = new Browser(postern);
  const fields = await answerTo(await begin(browser, { provider: "nano" }));
  const xml = Buffer.from(fields.SAMLResponse, "base64").toString();
  const changed = bend(xml);
  assert.notEqual(changed, xml, "nothing was bent");
  const mark = await postern.mark();
  const answer = await post(browser, { ...fields, SAMLResponse: Buffer.from(changed).toString("base64") });
  const [event] = await postern.eventsSince(mark);
  assert.equal(await whoIs(browser), undefined);
  return { status: answer.status, reason: event.reason, detail: event.detail };
}

test("a person signs in, and the same answer signs nobody in again, in whatever isolate", { skip }, async () => {
  const browser = new Browser(postern);
  const login = await begin(browser, { provider: "nano" });
  const fields = await answerTo(login);
  const cookie = browser.jar.header({ crossSite: true, topLevelGet: false });
  assert.equal((await post(browser, fields)).status, 200);
  const person = await whoIs(browser);
  assert.deepEqual([person.issuer, person.roles], [nano.table.issuer, ["admins", "staff"]]);
  //
  const mark = await postern.mark();
  const body = new URLSearchParams(fields).toString();
  const headers = [["content-type", "application/x-www-form-urlencoded"], ["sec-fetch-mode", "navigate"], ["sec-fetch-dest", "document"], ["sec-fetch-site", "cross-site"], ["cookie", cookie]];
  const again = await postern.sendToTwin("/auth/saml/acs/nano", { method: "POST", headers, body });
  const [event] = await postern.eventsSince(mark);
  assert.deepEqual([again.status, event.reason], [400, "callback.already_used"]);
});

test("an answer to another login, and one that was not asked for, sign nobody in", { skip }, async () => {
  //
  const browser = new Browser(postern);
  const first = await answerTo(await begin(browser, { provider: "nano" }));
  const second = await answerTo(await begin(browser, { provider: "nano" }));
  const mark = await postern.mark();
  await post(browser, { ...first, RelayState: second.RelayState });
  await post(browser, { SAMLResponse: first.SAMLResponse, RelayState: "https://evil.example/" });
  const events = await postern.eventsSince(mark);
  assert.deepEqual(events.map(({ reason }) => reason), ["saml.response_refused", "saml.unsolicited"]);
  assert.match(events[0].detail, /^message\.in_response_to/);
  assert.equal(await whoIs(browser), undefined);
});

test("whatever is changed after it was signed is refused, and the log says why", { skip }, async () => {
  const assertion = /<saml2?:Assertion[\s\S]*<\/saml2?:Assertion>/;
  const refused = async (bend, detail) => {
    const found = await bent(bend);
    assert.deepEqual([found.status, found.reason], [400, "saml.response_refused"], JSON.stringify(found));
    assert.match(found.detail, detail);
  };
  // The words that were signed.
  await refused((xml) => xml.replaceAll("staff", "roots"), /^signature\.bad/);
  // Not signed at all.
  await refused((xml) => xml.replace(/<(\w+:)?Signature[ >][\s\S]*<\/(\w+:)?Signature>/, ""), /^signature\.missing/);
  // another assertion beside the signed one.
  await refused((xml) => xml.replace(assertion, (signed) => `${signed.replaceAll("staff", "root")}${signed}`), /^gate\.(assertions|id)/);
  // what XML has beyond elements and text.
  await refused((xml) => xml.replace(/(<\?xml[^>]*>)?/, (declaration) => `${declaration}<!DOCTYPE r [<!ENTITY e "x">]>`), /^gate\.doctype/);
  await refused((xml) => xml.replace("alice", "al<!-- -->ice"), /^gate\.comment/);
});

test("without the SAML Worker nobody signs in", { skip }, async () => {
  const alone = await start();
  try {
    const mark = await alone.mark();
    const answer = await new Browser(alone).navigate("/auth/login?provider=nano", { follow: false });
    const [event] = await alone.eventsSince(mark);
    assert.deepEqual([answer.status, event.reason], [503, "saml.worker_away"]);
  } finally {
    await alone.close();
  }
});
