// What a hostile page tries while its visitor is signed in elsewhere. Each runs in that page by itself: it is handed the
// other origin and tells all that it could find out.

const GIVE_UP_MS = 2_000;

/** Runs in the page. */
const tools = (giveUp) => {
  const settled = (element, source) =>
    new Promise((done) => {
      element.onload = () => done("loaded");
      element.onerror = () => done("error");
      setTimeout(() => done("silence"), giveUp);
      Object.assign(element, source);
      document.body.append(element);
    });
  return {
    /** Loads an element; whether it came to anything. */
    load: async (tag, source) => {
      const element = document.createElement(tag);
      const how = await settled(element, source);
      return { how, element };
    },
    /** A frame that something makes load another page, and its text then, if it may be read. */
    frame: async (go) => {
      const frame = document.createElement("iframe");
      frame.name = `frame-${Math.random()}`;
      await settled(frame, {});
      const loaded = new Promise((done) => {
        frame.onload = done;
        setTimeout(done, giveUp);
      });
      go(frame);
      await loaded;
      try {
        return frame.contentDocument?.body?.textContent ?? "";
      } catch {
        return "";
      }
    },
    ask: async (url, init) => {
      try {
        const answer = await fetch(url, { credentials: "include", ...init });
        return answer.type === "opaque" ? "" : await answer.text();
      } catch {
        return "";
      }
    },
    soon: (milliseconds) => new Promise((done) => setTimeout(done, milliseconds)),
    giveUp,
  };
};

const SAFE = {
  "fetch without CORS": (at, { ask }) => ask(`${at}/api/account`, { mode: "no-cors" }),
  "fetch with CORS": (at, { ask }) => ask(`${at}/api/account`, { mode: "cors" }),
  "fetch of who it is": (at, { ask }) => ask(`${at}/auth/me`, { mode: "cors" }),
  "fetch as the proxy would": (at, { ask }) => ask(`${at}/auth/verify`, { mode: "no-cors" }),
  image: async (at, { load }) => ((await load("img", { src: `${at}/api/account` })).how === "loaded" ? "image" : ""),
  script: async (at, { load }) => (await load("script", { src: `${at}/api/account.js` }), window.leaked ?? ""),
  stylesheet: async (at, { load }) => ((await load("link", { rel: "stylesheet", href: `${at}/api/account` })).how === "loaded" ? "styles" : ""),
  prefetch: async (at, { load }) => (await load("link", { rel: "prefetch", href: `${at}/page` }), ""),
  preload: async (at, { load }) => (await load("link", { rel: "preload", as: "fetch", crossOrigin: "use-credentials", href: `${at}/api/account` }), ""),
  "speculative load": async (at, { soon }) => {
    const urls = [`${at}/page`, `${at}/auth/login?provider=main`];
    for (const kind of ["prefetch", "prerender"]) {
      const rules = Object.assign(document.createElement("script"), { type: "speculationrules" });
      rules.textContent = JSON.stringify({ [kind]: [{ source: "list", urls, eagerness: "immediate" }] });
      document.head.append(rules);
    }
    await soon(2_000);
    return "";
  },
  object: async (at, { load }) => (await load("object", { data: `${at}/page` }), ""),
  "frame of a guarded page": (at, { frame }) => frame((it) => (it.src = `${at}/page`)),
  "frame of the sign-in": (at, { frame }) => frame((it) => (it.src = `${at}/auth/login?provider=main`)),
  "frame of the sign-out": (at, { frame }) => frame((it) => (it.src = `${at}/auth/logout`)),
  WebSocket: (at, { giveUp }) =>
    new Promise((done) => {
      const socket = new WebSocket(`${at.replace("http", "ws")}/live/socket`);
      socket.onmessage = ({ data }) => done(data);
      socket.onopen = () => done("open");
      socket.onerror = () => done("");
      setTimeout(() => done(""), giveUp);
    }),
  EventSource: (at, { giveUp }) =>
    new Promise((done) => {
      const events = new EventSource(`${at}/live/events`, { withCredentials: true });
      const end = (told) => (events.close(), done(told));
      events.onmessage = ({ data }) => end(data);
      events.onopen = () => end("open");
      events.onerror = () => end("");
      setTimeout(() => end(""), giveUp);
    }),
};

const ENCODINGS = ["application/x-www-form-urlencoded", "multipart/form-data", "text/plain"];
const TARGETS = ["/api/account", "/auth/logout", "/auth/sessions/end-others"];

const UNSAFE = {
  "fetch of another type": async (at, { ask }) => {
    const bodies = { "application/x-www-form-urlencoded": new URLSearchParams({ amount: 1 }), "multipart/form-data": new FormData(), "text/plain": "amount=1" };
    const told = [];
    for (const path of ["/api/account", "/auth/logout", "/auth/sessions/end-others"]) {
      for (const body of Object.values(bodies)) {
        for (const mode of ["no-cors", "cors"]) told.push(await ask(`${at}${path}`, { method: "POST", mode, body }));
      }
    }
    return told.join("");
  },
  "fetch with JSON": async (at, { ask }) => {
    const headers = { "content-type": "application/json", "x-postern-csrf": "1" };
    const told = [];
    for (const method of ["POST", "PUT", "DELETE", "PATCH"]) told.push(await ask(`${at}/api/account`, { method, headers, body: "{}" }));
    told.push(await ask(`${at}/auth/sessions`, { method: "DELETE" }));
    return told.join("");
  },
  beacon: async (at, { soon }) => {
    for (const path of ["/api/account", "/auth/logout"]) for (const body of ["amount=1", new URLSearchParams({ amount: 1 }), new FormData()]) navigator.sendBeacon(at + path, body);
    await soon(300);
    return "";
  },
};

/** Every attack that leaves the hostile page where it is: name → what it found out. */
export async function attackFrom(page, origin) {
  const found = {};
  for (const [name, attack] of Object.entries({ ...SAFE, ...UNSAFE })) {
    found[name] = await page.evaluate(`(async () => (${attack})(${JSON.stringify(origin)}, (${tools})(${GIVE_UP_MS})))()`);
  }
  for (const enctype of ENCODINGS) {
    for (const path of TARGETS) found[`form in a frame: ${enctype} ${path}`] = await postInFrame(page, origin + path, enctype);
  }
  return found;
}

const postInFrame = (page, action, enctype) =>
  page.evaluate(([action, enctype, source, giveUp]) => {
    const { frame } = (0, eval)(`(${source})`)(giveUp);
    return frame(({ name }) => {
      const form = Object.assign(document.createElement("form"), { method: "post", action, enctype, target: name });
      form.append(Object.assign(document.createElement("input"), { name: "amount", value: "1" }));
      document.body.append(form);
      form.submit();
    });
  }, [action, enctype, String(tools), GIVE_UP_MS]);

/** Every form that takes the visitor along: where it goes, and how. */
export const FORMS = ENCODINGS.flatMap((enctype) => TARGETS.map((path) => ({ enctype, path })));

/** Posts a form that replaces the hostile page. Resolves with the status of the answer. */
export async function postAtTop(page, { origin, path, enctype }) {
  const answered = page.waitForResponse((response) => response.url() === origin + path && response.request().method() === "POST");
  const arrived = page.waitForURL(origin + path);
  await page.evaluate(([action, enctype]) => {
    const form = Object.assign(document.createElement("form"), { method: "post", action, enctype, target: "_top" });
    form.append(Object.assign(document.createElement("input"), { name: "amount", value: "1" }));
    document.body.append(form);
    form.submit();
  }, [origin + path, enctype]);
  const [response] = await Promise.all([answered, arrived]);
  return response.status();
}
