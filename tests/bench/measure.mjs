// Load on a bare workerd, and what it cost by the process's own accounting: what every benchmark here is made of.

import { writeFileSync } from "node:fs";
import { Agent, request } from "node:http";
import { parseArgs } from "node:util";

export const CONNECTIONS = 32;
/**
 * How many requests of each kind come before the measured ones. V8 compiles each function of a module twice: at once and badly, and
 * well once it has run often enough. After 9,000 requests a third of the module's time was still spent in the first kind of code, after
 * 60,000 a hundredth. What all kinds of requests share is warmed up by all of them.
 */
export const WARM_UP_REQUESTS = 20_000;
/** Many and short: what else the machine does lasts longer than one. */
const TURNS = 15;
const ONCE_SECONDS = 0.02;
/** For the last lines of a log to come in. */
const SETTLE_MS = 50;

/**
 * One kind of request.
 * @typedef {object} Ask
 * @property {string} name
 * @property {number} [port] the socket it goes to; Postern's, if there is none
 * @property {string} path
 * @property {() => Record<string, string>} [headers] those of the next request
 * @property {() => string} [body] that of the next request, which is a POST then
 * @property {number} [expected] the status of every answer; 200, if there is none
 * @property {(log: string, requests: number) => void} [check] throws where the log of a turn tells of something else than was meant
 */

/** Whether it is only to be seen that all of it works. */
const ONCE = process.argv.includes("--once");

/** The options that all benchmarks have. */
export function optionsOf() {
  const { values } = parseArgs({ options: { seconds: { type: "string", default: "5" }, json: { type: "string" }, once: { type: "boolean", default: false } } });
  const seconds = Number(values.seconds);
  if (!(seconds > 0)) throw new Error(`--seconds ${values.seconds} is no time`);
  return { seconds, json: values.json, once: values.once };
}

/** Where `--json` says: a file, or standard output. */
export function write(report, json) {
  const text = JSON.stringify(report, null, 2);
  if (json === "-") console.log(text);
  else if (json) writeFileSync(json, `${text}\n`);
}

const percentile = (sorted, share) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
export const median = (values) => percentile(values.toSorted((one, other) => one - other), 0.5);
export const round = (number, digits = 2) => Number(number.toFixed(digits));

/** One request on one of the agent's connections; its status. */
export function get(workerd, agent, { port = workerd.port, path, headers, body }) {
  return new Promise((resolve, reject) => {
    const own = { host: new URL(workerd.origin).host, ...headers?.() };
    const outgoing = request({ host: "127.0.0.1", port, path, agent, method: body ? "POST" : "GET", headers: own }, (incoming) => {
      incoming.resume();
      incoming.on("end", () => resolve(incoming.statusCode));
      incoming.on("error", reject);
    });
    outgoing.on("error", reject);
    outgoing.end(body?.());
  });
}

/** Asks over and over, on a fixed number of connections, until it is over after so many answers. Each answer's milliseconds, sorted. */
async function load(workerd, ask, isOver) {
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
  const milliseconds = [];
  const connection = async () => {
    while (!isOver(milliseconds.length)) {
      const started = performance.now();
      const status = await get(workerd, agent, ask);
      if (status !== (ask.expected ?? 200)) throw new Error(`${ask.path} answered ${status}: ${workerd.refusals()}`);
      milliseconds.push(performance.now() - started);
    }
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, connection));
  agent.destroy();
  return milliseconds.sort((one, other) => one - other);
}

/** Takes the Worker to where V8 has compiled well what such requests run. */
async function warmUp(workerd, ask, requests) {
  await load(workerd, ask, (answered) => answered >= requests);
  await settled();
  workerd.takeOutput();
}

const settled = () => new Promise((done) => setTimeout(done, SETTLE_MS));

async function turnOf(workerd, ask, seconds) {
  // Not counted: what other requests displaced since the last turn is found again by the first.
  await get(workerd, new Agent(), ask);
  const [cpu, own, started] = [workerd.cpuSeconds, process.cpuUsage(), performance.now()];
  const end = started + seconds * 1000;
  const milliseconds = await load(workerd, ask, () => performance.now() >= end);
  const elapsed = (performance.now() - started) / 1000;
  const { user, system } = process.cpuUsage(own);
  const used = workerd.cpuSeconds - cpu;
  await settled();
  const log = workerd.takeOutput();
  ask.check?.(log, milliseconds.length);
  return {
    requests_per_second: milliseconds.length / elapsed,
    cpu_us_per_request: (used / milliseconds.length) * 1e6,
    p50_ms: percentile(milliseconds, 0.5),
    p99_ms: percentile(milliseconds, 0.99),
    // Near 1, it is the asking that is measured.
    client_busy: (user + system) / 1e6 / elapsed,
  };
}

/**
 * All of them in turn, several times over and every other time backwards, so that what else the machine does meets all of them.
 * @param {Ask[]} asks
 * @param {number} [warmUpRequests] fewer, where one request does the work of many
 * @returns {Promise<Record<string, object[]>>} the turns of each, by name; turns of the same place belong together
 */
export async function inTurns(workerd, asks, seconds, warmUpRequests = WARM_UP_REQUESTS) {
  for (const ask of ONCE ? [] : asks) await warmUp(workerd, ask, warmUpRequests);
  const turns = Object.fromEntries(asks.map(({ name }) => [name, []]));
  const [count, each] = ONCE ? [1, ONCE_SECONDS] : [TURNS, seconds / TURNS];
  for (let turn = 0; turn < count; turn += 1) {
    for (const ask of turn % 2 ? asks.toReversed() : asks) turns[ask.name].push(await turnOf(workerd, ask, each));
  }
  return turns;
}

/** The medians of one route's turns. */
export function summaryOf(turns) {
  const middle = (member, digits) => round(median(turns.map((turn) => turn[member])), digits);
  return {
    requests_per_second: middle("requests_per_second", 0), cpu_us_per_request: middle("cpu_us_per_request", 0),
    p50_ms: middle("p50_ms"), p99_ms: middle("p99_ms"), client_busy: middle("client_busy"),
  };
}

/** What `of` makes of the turns of one place, across several routes. */
export const paired = (of, ...routes) => routes[0].map((_, place) => of(...routes.map((turns) => turns[place])));
