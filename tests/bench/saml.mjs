// `npm run bench:saml`: what the SAML Worker makes of the worst that its gate lets through, each kind as large as it may be, next
// to a usual response. A stranger can send all of them but signed ones; those are a provider's to send, and cost more.
// Its limit is 200 ms for a question (`wrangler.saml.toml`). The ratios travel, the absolute numbers do not.
//   --seconds 5     how long each is measured, in several turns
//   --once          hardly measures: whether the benchmark still works
//   --json FILE     also writes the numbers there ("-" for standard output)

import { median, optionsOf, round, write } from "./measure.mjs";
import { assertion, IDP, newKey, NOW, question, response } from "./saml/provider.mjs";
import { SamlWorker } from "./saml/worker.mjs";

const options = optionsOf();
const BYTES = 256 * 1024;
/** What the rest of a response needs. */
const REST = 6 * 1024;
const TURNS = 9;

const rsa = newKey("rsa:2048");
const times = (count, make) => Array.from({ length: count }, (_, at) => make(at)).join("");
const two = (number) => String(number).padStart(2, "0");
const value = (inside) => `<saml:Attribute Name="more"><saml:AttributeValue>${inside}</saml:AttributeValue></saml:Attribute>`;
/** Elements in each other, as deep as they may be in an attribute's value. */
const DEEPEST = 27;
const nested = (depth, inside = "") => `${"<a>".repeat(depth)}${inside}${"</a>".repeat(depth)}`;

const many = (of, each, count = Infinity) => {
  const length = Math.min(count, Math.floor((BYTES - REST) / each.length));
  return of(each.repeat(length));
};
/** Each with an attribute less than it may have; those of one element sorted, as canonical XML has them. */
const attributes = times(63, (at) => `<a ${times(62, (one) => `a${two(one)}="x" `).trimEnd()}></a>`);

/** Kinds of what a person's attributes are, in canonical XML. */
const SHAPES = {
  "one long value": value("x".repeat(63 * 1024)),
  "one long text": many((text) => `<saml:Attribute Name="more"><saml:AttributeValue><a>${text}</a></saml:AttributeValue></saml:Attribute>`, "x"),
  "references": many((text) => value(`<a>${text}</a>`), "&amp;"),
  "elements": value("<a></a>".repeat(8000)),
  "elements that are attributes": many((all) => all, `<saml:Attribute Name="a"></saml:Attribute>`, 4000),
  "values of an attribute": many((all) => `<saml:Attribute Name="more">${all}</saml:Attribute>`, "<saml:AttributeValue>x</saml:AttributeValue>"),
  "attributes of elements": value(attributes),
  "depth": value(nested(DEEPEST).repeat(290)),
  "declarations": value(times(3900, (at) => `<n:a xmlns:n="urn:${at % 10}"></n:a>`)),
};

/** As many elements as may have so many declarations of namespaces in their scope, all of which the signature keeps. */
function inScope(declarations, elements) {
  const all = Array.from({ length: declarations }, (_, at) => `n${two(at)}`);
  const declared = all.map((name) => ` xmlns:${name}="urn:${name}"`).join("");
  return question(response(rsa, assertion(undefined, value("<a></a>".repeat(elements))), { declared, prefixes: all.join(" ") }), [rsa.certificate]);
}

/** Both signed, so that all of it is read and canonicalised twice. */
const signed = (inside) => question(response(rsa, assertion(rsa, inside)), [rsa.certificate]);
/** As a stranger has it: in the right place, and no signature of the provider's. */
const unsigned = (inside) => {
  const other = response(rsa, assertion(rsa, inside));
  return question(other.replace(/<ds:SignatureValue>..../g, "<ds:SignatureValue>AAAA"), [rsa.certificate]);
};

/** Signed by the last of as many keys as a provider may have. */
function byKeys(kind) {
  const [other, last] = [newKey(kind), newKey(kind)];
  return question(response(last, assertion(last)), [...Array(7).fill(other.certificate), last.certificate]);
}

function metadata() {
  const role = (keys) => `<md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" xmlns:ds="http://www.w3.org/2000/09/xmldsig#" entityID="${IDP}"><md:IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">${keys}<md:SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect" Location="https://idp.example/sso"></md:SingleSignOnService></md:IDPSSODescriptor></md:EntityDescriptor>`;
  const key = `<md:KeyDescriptor use="signing"><ds:KeyInfo><ds:X509Data><ds:X509Certificate>${rsa.certificate}</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>`;
  return { read_metadata: { xml: many(role, key), entity_id: IDP, now: NOW, signer_sha256: null } };
}

/** What was encrypted, and is as large as it may be. */
function decrypted() {
  const around = response(undefined, "<saml:EncryptedAssertion xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\"></saml:EncryptedAssertion>");
  return question(around, [rsa.certificate], { decrypted: assertion(rsa, SHAPES.elements) });
}

const CASES = {
  "a usual response": signed(""),
  ...Object.fromEntries(Object.entries(SHAPES).map(([name, inside]) => [name, signed(inside)])),
  ...Object.fromEntries(Object.entries(SHAPES).map(([name, inside]) => [`${name}, by a stranger`, unsigned(inside)])),
  "many namespaces in scope": inScope(29, 2050),
  "elements with namespaces in scope": inScope(6, 8000),
  "comments": question(response(rsa, assertion(rsa)).replace("</saml:AttributeStatement>", `${"<!---->".repeat(35_000)}</saml:AttributeStatement>`), [rsa.certificate]),
  "what was decrypted": decrypted(),
  "certificates beside the signature": (() => {
    const beside = [newKey("rsa:2048"), newKey("rsa:2048"), newKey("rsa:2048"), rsa].map(({ certificate }) => certificate);
    return question(response(rsa, assertion(rsa, "", { certificates: beside }), { certificates: beside }), [rsa.certificate]);
  })(),
  ...Object.fromEntries(["rsa:2048", "rsa:4096", "ec:P-256", "ec:P-384"].map((kind) => [`eight keys, ${kind}`, byKeys(kind)])),
  "metadata of many keys": metadata(),
};

const outcomeOf = ({ refused, ...told }) => (refused ? refused.reason : Object.keys(told)[0]);

/** The milliseconds of one, over and over for so long. */
async function turnOf(worker, asked, seconds) {
  const [cpu, end] = [worker.cpuMilliseconds, performance.now() + seconds * 1000];
  let count = 0;
  do {
    await worker.ask(asked);
    count += 1;
  } while (performance.now() < end);
  return (worker.cpuMilliseconds - cpu) / count;
}

/** In an isolate of its own, which has read nothing yet. */
async function firstOf(asked) {
  const worker = await new SamlWorker().start();
  try {
    const cpu = worker.cpuMilliseconds;
    await worker.ask(asked);
    return worker.cpuMilliseconds - cpu;
  } finally {
    worker.stop();
  }
}

const worker = await new SamlWorker().start();
const report = {};
try {
  const turns = Object.fromEntries(Object.keys(CASES).map((name) => [name, []]));
  for (const [name, asked] of Object.entries(CASES)) report[name] = { outcome: outcomeOf(await worker.ask(asked)) };
  for (let turn = 0; turn < (options.once ? 1 : TURNS); turn += 1) {
    for (const [name, asked] of Object.entries(CASES)) turns[name].push(await turnOf(worker, asked, options.once ? 0 : options.seconds / TURNS));
  }
  const usual = median(turns["a usual response"]);
  for (const [name, asked] of Object.entries(CASES)) {
    const ms = median(turns[name]);
    Object.assign(report[name], { ms: round(ms), ratio: round(ms / usual, 1), first_ms: options.once ? undefined : round(await firstOf(asked)) });
  }
} finally {
  worker.stop();
}
for (const [name, { outcome, ms, ratio, first_ms }] of Object.entries(report).sort(([, one], [, other]) => other.ms - one.ms)) {
  console.log(`${name.padEnd(46)} ${String(ratio).padStart(7)} ${String(ms).padStart(9)} ms  first ${String(first_ms ?? "-").padStart(8)} ms  ${outcome}`);
}
write(report, options.json);
