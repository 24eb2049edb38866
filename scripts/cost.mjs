// What Cloudflare charges for a month, by its list prices and by what each event costs: the tables of docs/operations/cost.md.
//
// `node scripts/cost.mjs` prints them, `--write` writes them into the page. A test compares the page with this file, and the
// costs of events with what the built Worker does.

import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath, pathToFileURL } from 'node:url';

export const PAGE = fileURLToPath(new URL('../docs/operations/cost.md', import.meta.url));
const MILLION = 1e6;

/** List prices in US dollars: what is included in a month, and the price of a million more. */
export const PRICES = {
  requests: { what: 'Requests of the Worker', included: 10, price: 0.3 },
  cpu: { what: 'CPU, milliseconds', included: 30, price: 0.02 },
  objectRequests: { what: 'Requests to objects', included: 1, price: 0.15 },
  rowsRead: { what: 'Rows read', included: 25_000, price: 0.001 },
  rowsWritten: { what: 'Rows written', included: 50, price: 1 },
  logs: { what: 'Lines of Workers Logs', included: 20, price: 0.6 },
};
const PLAN = 5;
/** A gigabyte and month, beyond those that are included. */
const STORAGE = { includedGB: 5, price: 0.2 };

/** What one of these costs; each setting of an alarm is a row written, each ring of one a request. */
export const EVENTS = {
  signIn: { what: 'The first sign-in of a user, until the object is empty again', objectRequests: 3, rowsWritten: 23 },
  again: { what: 'A further sign-in while the first session lives', objectRequests: 3, rowsWritten: 9 },
  request: { what: 'A request for a guarded route', objectRequests: 1, rowsWritten: 0 },
  touch: { what: 'The first such request of a minute', objectRequests: 1, rowsWritten: 1 },
  remembered: { what: 'A request for a guarded route within `revocation`', objectRequests: 0, rowsWritten: 0 },
  public: { what: 'A request for a public route', objectRequests: 0, rowsWritten: 0 },
};

/** Milliseconds of CPU for a request: docs/concepts/performance.md. */
const CPU = 0.75;
/** What an object with a session or two takes up. */
const OBJECT_KB = 20;

/** Two deployments, for a month. */
export const DEPLOYMENTS = [
  { name: '200 employees', users: 200, signIns: 200 * 22, guarded: 2.2 * MILLION, touches: 200 * 22 * 240, public: 0.2 * MILLION },
  { name: 'A million users', users: MILLION, signIns: 4 * MILLION, guarded: 90 * MILLION, touches: 40 * MILLION, public: 6 * MILLION },
];

/** Alarms that ring: one for the end of a session, one when its note is forgotten, and those of the index and of what is used once. */
export const ALARMS = 3;

/** What a deployment uses in a month. `lines`: how many lines of the log a request has; `remembered`: which share of requests asks no object. */
export function usage({ users, signIns, guarded, touches, public: open }, { lines, remembered = 0 }) {
  const requests = guarded + open + 4 * signIns;
  const asked = guarded * (1 - remembered);
  const first = Math.min(signIns, users);
  return {
    requests,
    cpu: requests * CPU,
    objectRequests: asked + signIns * (EVENTS.signIn.objectRequests + ALARMS),
    rowsRead: asked + signIns * 20,
    rowsWritten: Math.min(touches, asked) * EVENTS.touch.rowsWritten + first * EVENTS.signIn.rowsWritten + (signIns - first) * EVENTS.again.rowsWritten,
    logs: requests * lines,
    storedGB: (users * OBJECT_KB) / MILLION,
  };
}

/** Dollars, by line. */
export function bill(used) {
  const lines = Object.entries(PRICES).map(([name, { what, included, price }]) => {
    const amount = used[name] / MILLION;
    return { what, amount, included, price, dollars: Math.max(0, amount - included) * price };
  });
  const stored = { what: 'Storage of objects, GB', amount: used.storedGB, included: STORAGE.includedGB, price: STORAGE.price };
  lines.push({ ...stored, dollars: Math.max(0, stored.amount - stored.included) * stored.price });
  return { lines, total: PLAN + lines.reduce((sum, { dollars }) => sum + dollars, 0) };
}

/** As the template says, and what it would be otherwise. */
export const VARIANTS = [
  ['As in the template: `invocation_logs = false`', { lines: 1 }],
  ['With `invocation_logs = true`: a line of the platform for each request too', { lines: 2 }],
  ['… and one for each request to an object, if the platform logs those', { lines: 3 }],
  ['The template, with `revocation = "1m"` on every route: nine of ten requests ask no object', { lines: 1, remembered: 0.9 }],
];

const money = (dollars) => `$${dollars.toFixed(2)}`;
const number = (amount) => (amount >= 100 ? amount.toFixed(0) : amount >= 1 ? amount.toFixed(1) : amount.toFixed(3));

function arithmetic(deployment) {
  const { lines, total } = bill(usage(deployment, VARIANTS[0][1]));
  const rows = lines.map(({ what, amount, included, price, dollars }) => {
    const unit = what.endsWith('GB') ? '' : ' M';
    return `| ${what} | ${number(amount)}${unit} | ${included}${unit} | ${price} | ${money(dollars)} |`;
  });
  return [`| ${deployment.name} | Used | Included | Price beyond, $ | $ |`, '|---|---|---|---|---|', `| Workers Paid | | | | ${money(PLAN)} |`, ...rows, `| **Together** | | | | **${money(total)}** |`].join('\n');
}

/** The tables of the page, by the names of their marks. */
export function tables() {
  const events = Object.values(EVENTS).map(({ what, objectRequests, rowsWritten }) => `| ${what} | ${objectRequests} | ${rowsWritten} |`);
  const variants = VARIANTS.map(([what, how]) => `| ${what} | ${DEPLOYMENTS.map((deployment) => money(bill(usage(deployment, how)).total)).join(' | ')} |`);
  return {
    events: ['| Event | Requests to objects | Rows written |', '|---|---|---|', ...events].join('\n'),
    small: arithmetic(DEPLOYMENTS[0]),
    large: arithmetic(DEPLOYMENTS[1]),
    variants: [`| | ${DEPLOYMENTS.map(({ name }) => name).join(' | ')} |`, '|---|---|---|', ...variants].join('\n'),
  };
}

/** The page with these tables between their marks. */
export function withTables(page) {
  return Object.entries(tables()).reduce((text, [name, table]) => {
    const marked = new RegExp(`<!-- ${name} -->\n[^]*?<!-- end -->`);
    if (!marked.test(text)) throw new Error(`the page has no mark \`${name}\``);
    return text.replace(marked, () => `<!-- ${name} -->\n${table}\n<!-- end -->`);
  }, page);
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  if (process.argv[2] === '--write') writeFileSync(PAGE, withTables(readFileSync(PAGE, 'utf8')));
  else console.log(Object.values(tables()).join('\n\n'));
}
