// Encrypted assertions in a real browser: SimpleSAMLphp encrypts for Postern's key, by xmlseclibs; the SAML Worker as it is built.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";

import { startPostern } from "../e2e/support/postern.mjs";
import { freePort } from "../e2e/support/ports.mjs";
import { newSigningKey, samlWorker, startSimpleSaml, withoutSimpleSaml } from "../e2e/support/saml.mjs";
import { launchChromium, newPerson, ROUTES } from "./support/world.mjs";

const skip = withoutSimpleSaml;
const port = await freePort();
const origin = `http://localhost:${port}`;
const signing = newSigningKey();
const encryption = newSigningKey();
const der = ({ certificate }) => certificate.raw.toString("base64");
const GCM = fileURLToPath(new URL("support/saml_gcm.php", import.meta.url));

/** What SimpleSAMLphp reads out of metadata with a key for each use. */
const encrypted = (key) => ({
  "assertion.encryption": true,
  keys: [
    { type: "X509Certificate", signing: true, encryption: false, X509Certificate: der(signing) },
    { type: "X509Certificate", signing: false, encryption: true, X509Certificate: der(key) },
  ],
});

const start = (id, more) => startSimpleSaml(origin, id, signing, more);
const providers = skip ? {} : {
  gcm: await start("gcm", { remote: encrypted(encryption), prepend: GCM }),
  cbc: await start("cbc", { remote: encrypted(encryption) }),
  other: await start("other", { remote: encrypted(newSigningKey()), prepend: GCM }),
  clear: await start("clear"),
};
const table = ({ table: { saml, ...rest } }) => ({ ...rest, roles: ["groups"], saml: { ...saml, encrypted: "required" } });
const secrets = Object.keys(providers).flatMap((id) => [[`PROVIDER_${id.toUpperCase()}_PRIVATE_KEY`, signing.jwk], [`PROVIDER_${id.toUpperCase()}_DECRYPTION_KEY`, encryption.jwk]]);
const vars = {
  PROVIDERS: Object.fromEntries(Object.entries(providers).map(([id, one]) => [id, table(one)])),
  LIMITS: { login: false, callback: false, frontchannel_logout: false },
  ...Object.fromEntries(secrets),
};
const browser = skip ? undefined : await launchChromium();
const routes = { ...ROUTES, "/staff": { methods: ["GET"], upstream: "service:ECHO", require: { roles: ["staff"] } } };
const postern = skip ? undefined : await startPostern({ providers: {}, routes, port, vars, services: { SAML: "saml" }, beside: () => [samlWorker()] });
after(() => postern?.close());

/** Signs in at the provider. What it had the browser post. */
async function signIn(page, id) {
  const posted = new Promise((found) => page.on("request", (request) => {
    if (request.url() === `${origin}/auth/saml/acs/${id}`) found(new URLSearchParams(request.postData()).get("SAMLResponse"));
  }));
  await page.goto(`${origin}/auth/login?provider=${id}&return_to=/staff`);
  await page.locator('input[name="username"]').fill("alice");
  await page.locator('input[name="password"]').fill("wonderland");
  await page.locator('button[type="submit"], input[type="submit"], button#submit_button').first().click();
  return Buffer.from(await posted, "base64").toString();
}

const me = (page) => page.evaluate(async () => (await fetch("/auth/me")).json());

//
test("a person signs in by an assertion that only Postern can read", { skip }, async () => {
  const { page, context } = await newPerson(browser);
  const xml = await signIn(page, "gcm");
  await page.waitForURL(`${origin}/staff`);
  for (const part of ["<saml:EncryptedAssertion", "http://www.w3.org/2009/xmlenc11#aes256-gcm", "http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p"]) assert.ok(xml.includes(part), part);
  for (const part of ["alice", "staff", "<saml:Assertion"]) assert.ok(!xml.includes(part), part);
  const person = await me(page);
  assert.deepEqual([person.subject, person.issuer, person.roles], ["persistent!alice", providers.gcm.table.issuer, ["admins", "staff"]]);
  await context.close();
});

//
for (const [id, why, reason, detail] of [
  ["cbc", "AES-CBC", "saml.response_refused", /^encryption\.algorithm: .*aes128-cbc/],
  ["other", "a key that is not ours", "saml.undecryptable", /./],
  ["clear", "no encryption, where it is required", "saml.not_encrypted", undefined],
]) {
  test(`nobody signs in by ${why}`, { skip }, async () => {
    const { page, context } = await newPerson(browser);
    const mark = await postern.mark();
    await signIn(page, id);
    const event = await postern.logged(mark, ({ event: name, reason: said }) => name?.startsWith("login.") && said !== "login.started");
    assert.equal(event.reason, reason, JSON.stringify(event));
    if (detail) assert.match(event.detail, detail);
    assert.equal((await context.cookies(origin)).find(({ name }) => name === "__Host-postern"), undefined);
    await context.close();
  });
}

//
test("our metadata has a key for each use, and SimpleSAMLphp finds them in it", { skip }, async () => {
  const { page, context } = await newPerson(browser);
  const xml = await (await page.request.get(`${origin}/auth/saml/metadata/gcm`)).text();
  const of = (use) => new RegExp(`<md:KeyDescriptor use="${use}">.*?<ds:X509Certificate>([^<]*)<`).exec(xml)?.[1];
  assert.deepEqual([of("signing"), of("encryption")], [der(signing), der(encryption)]);
  await context.close();
});
