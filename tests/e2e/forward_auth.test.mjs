// Forward-auth: the real nginx and the real Caddy, by the files in examples/forward-auth, ask Postern about every request
// before it reaches an application that knows nothing of signing in.

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, test } from "node:test";

import { findCaddy, findNginx } from "../../scripts/lib/proxies.mjs";
import { startProviders } from "../provider/host.mjs";
import { Browser } from "./support/browser.mjs";
import { send } from "./support/http.mjs";
import { logInAndArrive } from "./support/login.mjs";
import { newKeyRing, startPostern } from "./support/postern.mjs";
import { freePort } from "./support/ports.mjs";
import { startProxy } from "./support/proxies.mjs";
import { SESSION_COOKIE } from "./support/refusals.mjs";
import { handshake, startSocketServer } from "./support/websocket.mjs";

const ELSEWHERE = "https://elsewhere.example";
const IDENTITY = ["x-postern-issuer", "x-postern-subject", "x-postern-kind", "x-postern-email", "x-postern-scopes"];
const KEYS = { prefix: "acme", header: "X-API-Key", self_service: { scopes: ["read"] } };
const ROUTES = {
  "/public/{*rest}": { upstream: "none", public: true },
  "/wiki/{*rest}": { upstream: "none" },
  "/relay/{*rest}": { upstream: "none", token: "relay" },
  "/admin/{*rest}": { upstream: "none", require: { scopes: ["admin"] } },
  "/keys/{*rest}": { upstream: "none", authenticate: ["key"] },
  "/api/{*rest}": { upstream: "none", authenticate: ["bearer"] },
};

/** Everything around one proxy; closed after the file's tests. */
async function startScene(kind) {
  const seen = [];
  const application = await startSocketServer(
    (socket, { url, headers }) => {
      seen.push({ method: "GET", url, headers });
      socket.send("welcome");
    },
    async (request, response) => {
      let body = "";
      for await (const chunk of request) body += chunk;
      seen.push({ method: request.method, url: request.url, headers: request.headers, rawHeaders: request.rawHeaders, body });
      response.setHeader("content-type", "text/plain");
      response.end("the application");
    },
  );
  const [port, posternPort] = [await freePort(), await freePort()];
  const origin = `http://localhost:${port}`;
  const secret = randomBytes(24).toString("base64url");
  const host = await startProviders();
  const issuer = host.issuer("main");
  const keys = newKeyRing();
  const vars = { PUBLIC_URL: origin, VERIFY: { host: `127.0.0.1:${posternPort}` }, POSTERN_VERIFY_SECRET: secret, KEYS, ISSUERS: { main: { issuer: issuer.url, audience: "https://api.example.com" } } };
  const postern = await startPostern({ providers: { main: issuer }, routes: ROUTES, keys, port: posternPort, vars });
  const proxy = await startProxy(kind, { port, postern: posternPort, application: new URL(application.origin).port, secret });
  after(async () => {
    await proxy.close();
    await postern.close();
    await host.close();
    await application.close();
  });
  return new Scene({ origin, port, secret, postern, issuer, seen, keys });
}

class Scene {
  constructor(parts) {
    Object.assign(this, parts);
  }

  browser() {
    return new Browser({ origin: this.origin, port: this.port });
  }

  async signedIn() {
    const browser = this.browser();
    const arrived = await logInAndArrive(browser, { returnTo: "/wiki/home" });
    assert.deepEqual([arrived.status, arrived.body], [200, "the application"]);
    return browser;
  }

  /** As written, to the proxy. */
  send(path, options = {}) {
    return send({ port: this.port, url: `${this.origin}/`, path, ...options });
  }

  /** What `act` brings, and what of it the application saw. */
  async watch(act) {
    const before = this.seen.length;
    const answer = await act();
    return { answer, reached: this.seen.slice(before) };
  }
}

const cookieOf = (browser) => ["cookie", `${SESSION_COOKIE}=${browser.jar.cookies.get(SESSION_COOKIE).value}`];
const SCRIPT = [["sec-fetch-site", "same-origin"], ["sec-fetch-mode", "cors"], ["sec-fetch-dest", "empty"]];

for (const [kind, found] of [["nginx", findNginx()], ["Caddy", findCaddy()]]) {
  const skip = !found && `${kind} is not installed`;
  const scene = skip ? undefined : await startScene(kind);
  const check = (name, work) => test(`${kind}: ${name}`, { skip }, work);

  check("who is not signed in reaches nothing but public paths", async () => {
    const nobody = scene.browser();
    const { answer, reached } = await scene.watch(() => nobody.fetch("/wiki/a?b=c"));
    assert.equal(answer.status, 401);
    assert.match(answer.headers["content-type"], /^application\/problem\+json/);
    assert.match(answer.headers["www-authenticate"], /^Cookie /);
    assert.equal(JSON.parse(answer.body).login_url, "/auth/login");
    assert.deepEqual(reached, []);
    const open = await scene.watch(() => nobody.fetch("/public/a"));
    assert.deepEqual([open.answer.status, open.reached.length], [200, 1]);
    for (const name of IDENTITY) assert.equal(open.reached[0].headers[name], undefined, name);
  });

  check("a program finds out where to get a token", async () => {
    const refused = await scene.send("/api/orders");
    assert.equal(refused.status, 401);
    const address = /resource_metadata="([^"]+)"/.exec(refused.headers["www-authenticate"])[1];
    assert.ok(address.startsWith(`${scene.origin}/`), address);
    const found = await scene.send(address.slice(scene.origin.length));
    assert.equal(found.status, 200, found.body);
    assert.deepEqual(JSON.parse(found.body).authorization_servers, [scene.issuer.url]);
  });

  check("a person is sent to sign in, and comes back", async () => {
    const browser = scene.browser();
    const { answer, reached } = await scene.watch(() => browser.navigate("/wiki/home?x=1", { follow: false }));
    assert.equal(answer.status, 302);
    assert.equal(answer.headers.location, `${scene.origin}/auth/login?return_to=%2Fwiki%2Fhome%3Fx%3D1&fragment=keep`);
    assert.deepEqual(reached, []);
    const arrived = await browser.navigate("/wiki/home?x=1");
    assert.deepEqual([arrived.status, arrived.body], [200, "the application"]);
    assert.equal(scene.seen.at(-1).url, "/wiki/home?x=1");
  });

  check("the application is told who it is, by Postern alone, and gets no cookie of Postern's", async () => {
    //
    const browser = await scene.signedIn();
    const spoofed = [
      ["x-postern-subject", "mallory"], ["X-Postern-Issuer", "https://evil.example"], ["x-postern-kind", "service"], ["x-postern-actor", "mallory"], ["x-postern-key", "0011223344556677"], ["x-postern-owner", "mallory"],
      ["x-postern-owner-issuer", "https://evil.example"],
      ["x-postern-secret", "guess"], ["authorization", "Basic bWFsbG9yeTo="],
    ];
    const headers = [["cookie", `theme=dark; ${cookieOf(browser)[1]}; lang=en`], ...SCRIPT, ...spoofed];
    const { answer, reached } = await scene.watch(() => scene.send("/wiki/a?b=c", { headers }));
    assert.equal(answer.status, 200);
    const [{ url, headers: got }] = reached;
    assert.equal(url, "/wiki/a?b=c");
    assert.deepEqual(IDENTITY.map((name) => got[name]), [scene.issuer.url, "alice", "human", "alice@example.com", "openid profile email"]);
    for (const name of ["actor", "key", "owner", "owner-issuer"]) assert.equal(got[`x-postern-${name}`], undefined, name);
    assert.equal(got["x-postern-secret"], undefined);
    assert.equal(got.authorization, undefined);
    assert.equal(got.cookie, "theme=dark; lang=en");
    for (const name of Object.keys(answer.headers)) assert.ok(!name.startsWith("x-postern-"), name);
    assert.ok(!JSON.stringify([answer.headers, got]).includes(scene.secret));
  });

  check("the application gets no API key, and no proof", async () => {
    //
    const browser = await scene.signedIn();
    const body = JSON.stringify({ name: "ci", scopes: ["read"] });
    const made = await browser.fetch("/auth/keys", { method: "POST", body, headers: [["content-type", "application/json"]] });
    assert.equal(made.status, 201, made.body);
    const { key, id } = JSON.parse(made.body);
    const proof = ["dpop", "a.b.c"];
    for (const [path, headers] of [
      ["/keys/a", [["x-api-key", key]]], ["/public/a", [["x-api-key", key]]], ["/public/a", [["authorization", `Bearer ${key}`]]],
    ]) {
      const { answer, reached } = await scene.watch(() => scene.send(path, { headers: [...headers, proof] }));
      assert.deepEqual([answer.status, reached.length], [200, 1], answer.body);
      const [{ headers: got }] = reached;
      assert.ok(!JSON.stringify(got).includes(key), `${path}: ${headers[0][0]}`);
      assert.deepEqual([got["x-postern-key"], got.dpop], [path === "/keys/a" ? id : undefined, undefined]);
    }
    const basic = await scene.watch(() => scene.send("/public/a", { headers: [["authorization", "Basic YTpi"]] }));
    assert.equal(basic.reached[0].headers.authorization, "Basic YTpi");
  });

  check("a long line of cookies arrives whole", async () => {
    const browser = await scene.signedIn();
    const long = `long=${"x".repeat(6000)}`;
    const { answer, reached } = await scene.watch(() => scene.send("/relay/a", { headers: [["cookie", `${long}; ${cookieOf(browser)[1]}`], ...SCRIPT] }));
    assert.deepEqual([answer.status, reached[0]?.headers.cookie], [200, long]);
  });

  check("the access token reaches the application where the route says so, and the browser never", async () => {
    const browser = await scene.signedIn();
    const { answer, reached } = await scene.watch(() => browser.fetch("/relay/a"));
    assert.equal(answer.status, 200);
    assert.match(reached[0].headers.authorization, /^Bearer canary-/);
    for (const one of browser.answers) assert.ok(!JSON.stringify(one).includes(reached[0].headers.authorization.slice("Bearer ".length)));
  });

  check("a body arrives whole with a request that a page of ours sends, and no other's does", async () => {
    //
    const browser = await scene.signedIn();
    const { answer, reached } = await scene.watch(() => browser.fetch("/wiki/a", { method: "POST", body: "hello" }));
    assert.deepEqual([answer.status, reached[0].method, reached[0].body], [200, "POST", "hello"]);
    for (const headers of [[["origin", ELSEWHERE]], [["sec-fetch-site", "cross-site"]], []]) {
      const refused = await scene.watch(() => scene.send("/wiki/a", { method: "POST", body: "x", headers: [cookieOf(browser), ...headers] }));
      assert.deepEqual([refused.answer.status, refused.reached], [403, []], JSON.stringify(headers));
      assert.match(refused.answer.headers["content-type"], /^application\/problem\+json/);
    }
  });

  check("what is missing, forbidden or odd is refused as by Postern itself", async () => {
    //
    const browser = await scene.signedIn();
    const headers = [cookieOf(browser), ...SCRIPT];
    for (const [path, status, method = "GET"] of [
      ["/admin/a", 403], ["/nothing", 404], ["/wiki/a%2fb", 400], ["/wiki/a;b", 400], ["/wiki//a", 400], ["/wiki/a", 405, "PROPFIND"],
    ]) {
      const { answer, reached } = await scene.watch(() => scene.send(path, { method, headers }));
      assert.deepEqual([answer.status, reached], [status, []], path);
      assert.equal(JSON.parse(answer.body).status, status);
      assert.match(answer.headers["x-request-id"], /^[0-9a-f]{20}$/);
    }
    const mark = await scene.postern.mark();
    await browser.fetch("/admin/a");
    const [event] = await scene.postern.eventsSince(mark);
    assert.deepEqual([event.event, event.via, event.path, event.reason, event.address], ["access", "verify", "/admin/a", "authz.insufficient_scope", "127.0.0.1"]);
  });

  check("no header of a caller's changes what is asked", async () => {
    // field rows 1 to 4
    const spoofs = ["x-forwarded-uri", "x-original-uri", "x-original-url", "x-rewrite-url", "x_forwarded_uri", "x-forwarded-path"].map((name) => [name, "/public/a"]);
    const others = [["x-forwarded-method", "OPTIONS"], ["x-original-method", "GET"], ["x-forwarded-host", "evil.example"], ["x-forwarded-proto", "https"],
      ["forwarded", "host=evil.example"], ["x-http-method-override", "OPTIONS"], ["x-real-ip", "192.0.2.1"], ["x-postern-secret", scene.secret]];
    for (const spoof of [...spoofs, ...others]) {
      for (const lines of [[spoof], [spoof, spoof]]) {
        const { answer, reached } = await scene.watch(() => scene.send("/wiki/a", { headers: [...SCRIPT, ...lines] }));
        assert.ok([400, 401].includes(answer.status), `${spoof}: ${answer.status}`);
        assert.deepEqual(reached, [], String(spoof));
      }
    }
  });

  check("no spelling of a path leads past the rule for it", async () => {
    // R-194, field row 2
    const paths = [
      "/public/../wiki/a", "/public/..%2fwiki/a", "/public/%2e%2e/wiki/a", "/public/..;/wiki/a", "/public/..\\wiki/a", "//wiki/a", "/./wiki/a",
      "/public//../wiki/a", "/public/a/../../wiki/a", "/%77iki/a", "/wiki/a#/public/a", "/public/a#/../../wiki/a", "/public/%252e%252e/wiki/a", "/WIKI/a", "/public/a%00/wiki",
      `${scene.origin}/wiki/a`, "http://evil.example/public/a",
    ];
    for (const path of paths) {
      const { answer, reached } = await scene.watch(() => scene.send(path, { headers: SCRIPT }).catch((error) => ({ status: error.code })));
      for (const { url } of reached) assert.match(url, /^\/public\/[a-z]*$/, `${path} reached ${url}: ${answer.status}`);
    }
  });

  check("a link on another site arrives, signed in, by one turn through ourselves", async () => {
    const browser = await scene.signedIn();
    const first = await browser.navigate("/wiki/deep?x=1", { initiator: ELSEWHERE, follow: false });
    assert.equal(first.status, 401);
    const { answer, reached } = await scene.watch(() => browser.navigate("/wiki/deep?x=1", { initiator: ELSEWHERE }));
    assert.deepEqual([answer.status, answer.body, reached.map(({ url }) => url)], [200, "the application", ["/wiki/deep?x=1"]]);
  });

  check("a WebSocket opens for pages of ours and for no others", async () => {
    //
    const browser = await scene.signedIn();
    const at = { port: scene.port, origin: scene.origin };
    const opened = await handshake(at, "/wiki/live", [cookieOf(browser), ["origin", scene.origin]]);
    assert.equal(opened.status, 101, opened.body);
    assert.equal(await opened.socket.next(), "welcome");
    assert.equal(scene.seen.at(-1).headers["x-postern-subject"], "alice");
    opened.socket.vanish();
    for (const [lines, status] of [[[cookieOf(browser), ["origin", ELSEWHERE]], 403], [[cookieOf(browser)], 403], [[["origin", scene.origin]], 401]]) {
      const { answer, reached } = await scene.watch(() => handshake(at, "/wiki/live", lines));
      assert.deepEqual([answer.status, reached], [status, []]);
    }
  });

  check("nobody but the proxy asks", async () => {
    const browser = await scene.signedIn();
    const question = [["x-forwarded-method", "GET"], ["x-forwarded-uri", "/relay/a"], ["x-forwarded-host", new URL(scene.origin).host], ["x-forwarded-proto", "http"]];
    for (const path of ["/auth/verify", "/auth/verify/refusal", "/auth//verify", "/auth/./verify", "/auth/verify?x", "/auth/%76erify"]) {
      for (const secret of ["guess", scene.secret]) {
        const answer = await scene.send(path, { headers: [cookieOf(browser), ...question, ["x-postern-secret", secret]] });
        assert.ok(answer.status >= 400, `${path}: ${answer.status}`);
        assert.equal(answer.headers.authorization, undefined, path);
      }
    }
    // And at Postern's own door, past the proxy, not without the secret.
    const headers = [["host", `127.0.0.1:${scene.postern.port}`], cookieOf(browser), ...question];
    const asked = (more) => send({ port: scene.postern.port, url: `http://127.0.0.1:${scene.postern.port}/auth/verify`, headers: [...headers.slice(1), ...more] });
    assert.equal((await asked([])).status, 400);
    assert.equal((await asked([["x-postern-secret", "guess"]])).status, 400);
    assert.equal((await asked([["x-postern-secret", scene.secret]])).status, 204);
    assert.equal((await send({ port: scene.postern.port, url: `http://127.0.0.1:${scene.postern.port}/wiki/a` })).status, 421);
  });

  check("a session cookie that is made anew reaches the browser", async () => {
    const browser = await scene.signedIn();
    const old = cookieOf(browser)[1];
    const keys = `${newKeyRing("k2")} ${scene.keys}`;
    await scene.postern.restart({ POSTERN_KEYS: keys });
    // A page's request in the background changes no cookie, a person's navigation does.
    assert.equal((await browser.fetch("/wiki/a")).setCookies.length, 0);
    const answer = await browser.navigate("/wiki/a", { initiator: scene.postern.origin });
    assert.equal(answer.status, 200);
    assert.notEqual(cookieOf(browser)[1], old);
    assert.equal((await browser.fetch("/wiki/a")).setCookies.length, 0);
    assert.equal((await browser.fetch("/wiki/a")).status, 200);
  });

  check("a sign-out holds from the next request on", async () => {
    //
    const browser = await scene.signedIn();
    const stolen = [cookieOf(browser), ...SCRIPT];
    assert.equal((await scene.send("/wiki/a", { headers: stolen })).status, 200);
    const out = await browser.fetch("/auth/logout", { method: "POST" });
    assert.equal(out.status, 200, out.body);
    const { answer, reached } = await scene.watch(() => scene.send("/wiki/a", { headers: stolen }));
    assert.deepEqual([answer.status, reached], [401, []]);
    assert.deepEqual(answer.setCookies, []);
  });

  check("who cannot be asked lets nobody in", async () => {
    //
    const browser = await scene.signedIn();
    await scene.postern.break({ SUBJECTS: "throw" });
    const { answer, reached } = await scene.watch(() => browser.fetch("/wiki/a"));
    await scene.postern.break({});
    assert.deepEqual([answer.status, reached], [503, []]);
    assert.equal(answer.headers["retry-after"], "10");
    assert.equal((await browser.fetch("/wiki/a")).status, 200);
  });
}
