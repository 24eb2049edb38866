// The Worker under test, wrapped: the real build, with a clock tests can move and stores tests can break.
//
// Only what the platform provides is replaced (time, bindings, what it says of a connection); no line of Postern's own is.

import { DurableObject } from "cloudflare:workers";

import Postern, * as classes from "../../../build/index.js";

const RealDate = Date;
const [realTimeout, realClear, realSignal] = [globalThis.setTimeout, globalThis.clearTimeout, AbortSignal.timeout.bind(AbortSignal)];
const LONGEST_TIMER_MS = 2 ** 31 - 1;
let skewMilliseconds = 0;
// Time-lapse: since when, and how many times as fast as the wall's clock the Worker's runs.
let lapse = { since: 0, speed: 1 };
let faults = {};
let cf;
// Whether requests come by TLS, as far as the Worker sees.
let tls = false;
// Whether there are jurisdictions, which the local runtime does not have.
let jurisdictions = false;
// How many requests have no answer yet, how much that they began goes on beside or after it, and how many alarms are being
// answered.
const open = { requests: 0, background: 0, alarms: 0 };

// What the platform would charge for: questions to objects, rows that statements read and wrote, alarms that were set and rang.
const spent = { asked: 0, rowsRead: 0, rowsWritten: 0, alarmsSet: 0, alarmsRung: 0 };

const now = () => RealDate.now() + skewMilliseconds + (lapse.speed - 1) * (RealDate.now() - lapse.since);

globalThis.Date = class extends RealDate {
  constructor(...parts) {
    if (parts.length === 0) super(now());
    else super(...parts);
  }
  static now() {
    return now();
  }
};

// What has neither rung nor been cleared, timers by their numbers. As long as one may ring, neither the request that it
// belongs to is over, nor can the object that it asked be let go.
const timers = new Set();
globalThis.setTimeout = (work, milliseconds, ...more) => {
  const ring = (...given) => {
    timers.delete(Number(timer));
    work(...given);
  };
  const timer = realTimeout(ring, Math.min(milliseconds / lapse.speed, LONGEST_TIMER_MS), ...more);
  timers.add(Number(timer));
  return timer;
};
globalThis.clearTimeout = (timer) => {
  timers.delete(Number(timer));
  realClear(timer);
};
AbortSignal.timeout = (milliseconds) => {
  const signal = realSignal(milliseconds);
  timers.add(signal);
  signal.addEventListener("abort", () => timers.delete(signal));
  return signal;
};

/** Each gets what would have been asked, and as `this` the asking. */
const FAULTS = {
  throw: () => Promise.reject(new Error("injected: the store broke")),
  status: () => Promise.resolve(new Response("injected: internal error", { status: 500 })),
  // What the platform throws when calls queue up; each is noted, so that a test can count them.
  overloaded: () => {
    console.log(JSON.stringify({ test_fault: "overloaded" }));
    return Promise.reject(Object.assign(new Error("Durable Object is overloaded. Too many requests queued."), { overloaded: true, retryable: true }));
  },
  // What the platform throws when a deployment ends an object in the midst of its work: the next stub finds the new one.
  reset() {
    console.log(JSON.stringify({ test_fault: "reset" }));
    faults = {};
    return Promise.reject(Object.assign(new Error("Durable Object reset because its code was updated."), { retryable: true, remote: true, durableObjectReset: true }));
  },
  // The same when the object has done what it was asked: of what changes something, not of the questions that come before.
  async reset_after(message) {
    if (!/"spend":true|"exchange":|"decide":|"use":/.test(message)) return this();
    faults = {};
    await this();
    throw Object.assign(new Error("Durable Object reset because its code was updated."), { retryable: true, remote: true, durableObjectReset: true });
  },
  garbage: () => Promise.resolve(new Response("\u0000 not what you expect", { status: 200 })),
  // Each is noted, so that a test can count them.
  slow() {
    console.log(JSON.stringify({ test_slow: true }));
    return new Promise((done) => setTimeout(done, 400)).then(this);
  },
  // As the platform does: it gives up when the caller does.
  hang: (request, { signal } = request) => new Promise((done, failed) => {
    // Longer than any test runs: a request that is answered has not waited for this.
    realTimeout(done, 600_000);
    signal?.addEventListener("abort", () => failed(signal.reason));
  }),
};

/** An object whose methods, as long as `fault()` names one, fail instead. */
function breakable(target, methods, fault) {
  return new Proxy(target, {
    get(object, name) {
      const value = Reflect.get(object, name, object);
      if (typeof value !== "function" || name === "constructor") return value;
      const broken = methods.includes(name) && FAULTS[fault()];
      return broken ? (...parts) => broken.call(() => value.apply(object, parts), ...parts) : value.bind(object);
    },
  });
}

/** As the platform has it: in a jurisdiction, a name is another object. Each is noted with its location, so that a test can see them. */
const within = (namespace, jurisdiction) => ({
  getByName(name, options) {
    console.log(JSON.stringify({ test_place: [jurisdiction, options?.locationHint ?? null, name] }));
    return namespace.getByName(`${jurisdiction}:${name}`);
  },
});

function breakableNamespace(namespace, fault) {
  return new Proxy(namespace, {
    get(object, name) {
      if (name === "jurisdiction" && jurisdictions) return (which) => breakableNamespace(within(object, which), fault);
      const value = Reflect.get(object, name, object);
      if (typeof value !== "function" || name === "constructor") return value;
      if (name !== "get" && name !== "getByName") return value.bind(object);
      return (...parts) => breakableStub(value.apply(object, parts), fault);
    },
  });
}

/** A stub has a method of every name, and `bind` of one of them is none of its own. */
function breakableStub(stub, fault) {
  const fetched = breakable(stub, ["fetch"], fault);
  return new Proxy(stub, {
    get(object, name) {
      if (name !== "answer") return Reflect.get(fetched, name);
      return async (message) => {
        spent.asked += 1;
        const broken = FAULTS[fault()];
        const answer = broken ? await broken.call(() => object.answer(message), message, {}) : await object.answer(message);
        return answer instanceof Response ? [answer.status, await answer.text()] : answer;
      };
    },
  });
}

function breakableEnvironment(env) {
  return {
    ...env,
    POSTERN_CACHE: breakable(env.POSTERN_CACHE, ["get", "getWithMetadata", "put"], () => faults.POSTERN_CACHE),
    SUBJECTS: breakableNamespace(env.SUBJECTS, () => faults.SUBJECTS),
    ONCE: breakableNamespace(env.ONCE, () => faults.ONCE),
    SID_INDEX: breakableNamespace(env.SID_INDEX, () => faults.SID_INDEX),
    TUPLES: breakableNamespace(env.TUPLES, () => faults.TUPLES),
    BUCKETS: breakableNamespace(env.BUCKETS, () => faults.BUCKETS),
    ...(env.POSTERN_POLICIES && { POSTERN_POLICIES: breakable(env.POSTERN_POLICIES, ["get", "getWithMetadata", "put", "list"], () => faults.POSTERN_POLICIES) }),
    DECISION_LOG: breakableNamespace(env.DECISION_LOG, () => faults.DECISION_LOG),
    BLOCKS: breakableNamespace(env.BLOCKS, () => faults.BLOCKS),
    API_KEYS: breakableNamespace(env.API_KEYS, () => faults.API_KEYS),
    SERVICE_TOKENS: breakableNamespace(env.SERVICE_TOKENS, () => faults.SERVICE_TOKENS),
  };
}

/** Counts what goes on. */
async function counted(kind, work) {
  open[kind] += 1;
  try {
    return await work;
  } finally {
    open[kind] -= 1;
  }
}

/** The context of a request, with what it lets go on counted. */
function countingContext(context) {
  return new Proxy(context, {
    get(object, name) {
      if (name === "waitUntil") return (work) => object.waitUntil(counted("background", work));
      const value = Reflect.get(object, name, object);
      return typeof value === "function" ? value.bind(object) : value;
    },
  });
}

async function control(request) {
  const order = await request.json();
  if (order.skewMilliseconds !== undefined) skewMilliseconds = order.skewMilliseconds;
  if (order.speed) {
    // The clock goes on from where it is.
    skewMilliseconds = now() - RealDate.now();
    lapse = { since: RealDate.now(), speed: order.speed };
  }
  if (order.faults) faults = order.faults;
  if (order.cf !== undefined) cf = order.cf;
  if (order.tls !== undefined) tls = order.tls;
  if (order.jurisdictions !== undefined) jurisdictions = order.jurisdictions;
  if (order.mark) console.log(JSON.stringify({ test_mark: order.mark }));
  return Response.json({ ...open, alarms: open.alarms + alarms.size, timers: timers.size, skewMilliseconds, spent });
}

// The objects whose alarm rings any moment or is being answered, by their ids. The runtime cannot throw them out of memory
// without waiting for what it holds up itself.
const alarms = new Set();
const SOON_MILLISECONDS = 2_000;
const idOf = new WeakMap();

/** The platform's alarm clock is not moved with ours: what is meant to ring soon must ring soon. */
function ringByTheWall(storage) {
  const prototype = Object.getPrototypeOf(storage);
  const setAlarm = prototype.setAlarm;
  if (setAlarm.isMoved) return;
  prototype.setAlarm = function (time, ...more) {
    spent.alarmsSet += 1;
    const byTheWall = Number(time) - skewMilliseconds;
    // It takes the place of the one before.
    if (byTheWall < RealDate.now() + SOON_MILLISECONDS) alarms.add(idOf.get(this));
    else alarms.delete(idOf.get(this));
    return setAlarm.call(this, byTheWall, ...more);
  };
  prototype.setAlarm.isMoved = true;
  // An alarm that is taken back never rings.
  for (const name of ["deleteAlarm", "deleteAll"]) {
    const end = prototype[name];
    prototype[name] = function (...more) {
      alarms.delete(idOf.get(this));
      return end.apply(this, more);
    };
  }
}

/** Notes what each statement read and wrote, once its rows are read. */
function countRows(sql) {
  const prototype = Object.getPrototypeOf(sql);
  const exec = prototype.exec;
  if (exec.isCounted) return;
  prototype.exec = function (...statement) {
    const cursor = exec.apply(this, statement);
    const toArray = cursor.toArray.bind(cursor);
    cursor.toArray = () => {
      const rows = toArray();
      spent.rowsRead += cursor.rowsRead;
      spent.rowsWritten += cursor.rowsWritten;
      return rows;
    };
    return cursor;
  };
  prototype.exec.isCounted = true;
}

/** A class of objects whose alarms tests can wait for. */
function ringing(Class) {
  return class extends Class {
    #id;
    constructor(context, env) {
      idOf.set(context.storage, context.id.toString());
      ringByTheWall(context.storage);
      countRows(context.storage.sql);
      super(context, env);
      this.#id = context.id.toString();
    }
    async alarm(...about) {
      alarms.delete(this.#id);
      spent.alarmsRung += 1;
      return counted("alarms", super.alarm(...about));
    }

    /** The names of its tables, and when its alarm will ring by the wall's clock; `null`: never. */
    async stored() {
      const { sql } = this.ctx.storage;
      const tables = sql.exec("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name").toArray().map(({ name }) => name);
      return { tables: tables.filter((name) => !name.startsWith("_cf_")), alarm: await this.ctx.storage.getAlarm() };
    }

    /** What the platform does when the time of the alarm comes: one that was set is gone. */
    async ring() {
      await this.ctx.storage.deleteAlarm();
      return this.alarm();
    }
  };
}

export class SubjectObject extends ringing(classes.SubjectObject) {}
/** As in a release that only knew requests, which other locations may still run during a deployment. */
export class RequestsOnlyObject extends DurableObject {
  #inner = new classes.SubjectObject(this.ctx, this.env);
  fetch(request) {
    return this.#inner.fetch(request);
  }
  alarm() {
    return this.#inner.alarm();
  }
  webSocketMessage(socket, message) {
    return this.#inner.webSocketMessage(socket, message);
  }
}
export class OnceObject extends ringing(classes.OnceObject) {}
export class SidIndexObject extends ringing(classes.SidIndexObject) {}
export class BucketObject extends ringing(classes.BucketObject) {}
export class TupleObject extends ringing(classes.TupleObject) {}
export class DecisionObject extends ringing(classes.DecisionObject) {}
export class BlockObject extends ringing(classes.BlockObject) {}
export class KeyObject extends ringing(classes.KeyObject) {}
export class ServiceTokenObject extends ringing(classes.ServiceTokenObject) {}

export default {
  fetch(request, env, context) {
    if (request.url === "http://control.test/") return control(request);
    const seen = tls ? new Request(request.url.replace("http:", "https:"), request) : request;
    return counted("requests", Postern.fetch(cf ? new Request(seen, { cf }) : seen, breakableEnvironment(env), countingContext(context)));
  },
  scheduled: (event, env, context) => Postern.scheduled(event, breakableEnvironment(env), countingContext(context)),
};
