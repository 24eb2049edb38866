// The guard: which requests pass to an upstream, exactly as they were matched, and what goes with them.

import assert from "node:assert/strict";
import { request as httpRequest } from "node:http";
import { after, test } from "node:test";

import { startCanaryHost } from "../provider/canary_host.mjs";
import { refreshTarget } from "./support/browser.mjs";
import { logIn } from "./support/login.mjs";
import { assertNothingLeaks, SESSION_COOKIE } from "./support/refusals.mjs";
import { startWorld } from "./support/world.mjs";

const OTHER_SITE = "http://127.0.0.1:9";
const world = await startWorld(
  { main: { settings: { scopes: ["openid", "orders:read"] } }, other: {} },
  {
    routes: {
      "/api/echo": { methods: ["GET", "POST", "DELETE"], upstream: "service:ECHO" },
      "/api/relay": { methods: ["GET"], upstream: "service:ECHO", token: "relay" },
      "/api/orders/{id}": { methods: ["GET"], upstream: "service:ECHO" },
      "/api/scoped": { methods: ["GET"], upstream: "service:ECHO", require: { scopes: ["orders:read"] } },
      "/api/denied": { methods: ["GET"], upstream: "service:ECHO", require: { scopes: ["orders:write"] } },
      "/api/otherop": { methods: ["GET"], upstream: "service:ECHO", require: { providers: ["other"] } },
      "/files/{*path}": { methods: ["GET"], upstream: "service:ECHO" },
      "/static/{*path}": { methods: ["GET"], upstream: "assets", public: true },
      "/page": { methods: ["GET"], upstream: "service:ECHO" },
    },
  },
);
const { postern, issuers } = world;
const alice = world.browser();
assert.equal((await logIn(alice, { provider: "main" })).status, 200);
const cookie = ["cookie", `${SESSION_COOKIE}=${alice.jar.cookies.get(SESSION_COOKIE).value}`];
after(() => world.mend());

const SAME_ORIGIN = [["sec-fetch-site", "same-origin"], ["sec-fetch-mode", "cors"], ["sec-fetch-dest", "empty"]];
const asAlice = (path, { method, headers = [], body } = {}) => postern.send(path, { method, body, headers: [cookie, ...SAME_ORIGIN, ...headers] });

/** Runs `act` and says whether anything was forwarded. */
async function forwards(act) {
  const before = (await postern.forwarded()).length;
  const answer = await act();
  const seen = (await postern.forwarded()).slice(before);
  return { answer, seen };
}

async function assertGuarded(act, statuses, what = "") {
  const { answer, seen } = await forwards(act);
  assert.ok(statuses.includes(answer.status), `${answer.status} instead of ${statuses} ${what}`);
  assert.deepEqual(seen, [], `something was forwarded ${what}`);
  return answer;
}

test("a program without a session gets 401 with a challenge and a login URL", async () => {
  const answer = await assertGuarded(() => world.browser().fetch("/api/echo"), [401]);
  assert.ok(answer.headers["www-authenticate"]);
  const problem = JSON.parse(answer.body);
  assert.equal(problem.status, 401);
  assert.match(problem.login_url, /^\/auth\/login/);
  assert.equal(answer.headers.location, undefined);
});

test("a person without a session is sent to sign in and back to path and query", async () => {
  const answer = await assertGuarded(() => world.browser().navigate("/page?a=b&c=%2F", { follow: false }), [302]);
  const target = new URL(answer.headers.location, postern.origin);
  assert.equal(target.pathname, "/auth/login");
  assert.equal(target.searchParams.get("return_to"), "/page?a=b&c=%2F");
});

test("a person from another site is first sent once round through ourselves", async () => {
  const browser = world.browser();
  const first = await assertGuarded(() => browser.navigate("/page?x=1", { initiator: OTHER_SITE, follow: false }), [200]);
  assert.equal(refreshTarget(first.body), "/page?x=1");
  assert.deepEqual(first.setCookies, []);
  const second = await browser.navigate("/page?x=1", { initiator: postern.origin, follow: false });
  assert.equal(second.status, 302);
});

test("a person from another site who is signed in arrives", async () => {
  const answer = await alice.navigate("/page?from=elsewhere", { initiator: OTHER_SITE });
  assert.equal(answer.status, 200);
  assert.equal(JSON.parse(answer.body).path, "/page?from=elsewhere");
});

test("a frame, an image and a script's request are programs, whatever they accept", async () => {
  for (const [mode, dest] of [["navigate", "iframe"], ["no-cors", "image"], ["cors", "empty"], ["no-cors", "script"], ["websocket", "websocket"]]) {
    const headers = [["sec-fetch-site", "cross-site"], ["sec-fetch-mode", mode], ["sec-fetch-dest", dest], ["accept", "text/html"]];
    await assertGuarded(() => postern.send("/page", { headers }), [401]);
  }
});

test("an image, a script or a frame of another origin gets nothing by our cookie", async () => {
  // R-168: a sibling subdomain is the same site, so even a strict cookie comes along
  for (const site of ["same-site", "cross-site"]) {
    for (const [mode, dest] of [["no-cors", "image"], ["no-cors", "script"], ["cors", "empty"], ["navigate", "iframe"]]) {
      const headers = [cookie, ["sec-fetch-site", site], ["sec-fetch-mode", mode], ["sec-fetch-dest", dest]];
      await assertGuarded(() => postern.send("/api/echo", { headers }), [403], `${site} ${dest}`);
    }
  }
});

test("who comes from a sign-in and still has no session is not sent there again", async () => {
  // field row 12
  const browser = world.browser();
  await logIn(browser, { provider: "main" });
  browser.jar.cookies.delete(SESSION_COOKIE);
  const page = await assertGuarded(() => browser.navigate("/page", { initiator: postern.origin, follow: false }), [401]);
  assert.match(page.headers["content-type"], /^text\/html/);
  await postern.advance(11);
  assert.equal((await browser.navigate("/page", { initiator: postern.origin, follow: false })).status, 302);
});

test("what is not a route is nothing, signed in or not", async () => {
  // R-193
  for (const path of ["/", "/nothing", "/api", "/api/", "/api/echo/", "/api/echo/x", "/API/ECHO", "/api/orders", "/api/orders/1/2", "/auth", "/auth/nothing", "/auth/admin", "/page.html"]) {
    await assertGuarded(() => asAlice(path), [404]);
    await assertGuarded(() => postern.send(path), [404]);
  }
});

test("a method that no rule names is 405, and no header changes the method", async () => {
  // R-190
  for (const method of ["PUT", "PATCH", "OPTIONS", "PROPFIND"]) {
    const answer = await assertGuarded(() => asAlice("/api/echo", { method }), [405, 501]);
    if (answer.status === 405) assert.match(answer.headers.allow, /GET/);
  }
  for (const name of ["x-http-method-override", "x-method-override", "x-http-method"]) {
    const { seen } = await forwards(() => asAlice("/api/echo", { headers: [[name, "DELETE"]] }));
    assert.equal(seen[0].method, "GET");
    assert.equal(seen[0].headers[name], undefined);
  }
  await assertGuarded(() => asAlice("/api/orders/1?_method=DELETE", { method: "POST", headers: [["x-http-method-override", "GET"], ["content-length", "0"]] }), [405]);
});

test("HEAD is guarded like GET", async () => {
  // R-190
  await assertGuarded(() => postern.send("/api/echo", { method: "HEAD", headers: SAME_ORIGIN }), [401]);
  assert.equal((await asAlice("/api/echo", { method: "HEAD" })).status, 200);
});

const AMBIGUOUS = [
  "/api//echo", "//api/echo", "/api/echo//", "/api%2fecho", "/api%2Fecho", "/api/orders/..%2fecho", "/api/orders/%2e%2e%2fecho", "/api/orders/a%5cb",
  "/api/orders/a%00", "/api/orders/a;b", "/api;x=1/echo", "/api/echo;.css", "/api/orders/%252e%252e", "/api/orders/a%0ab", "/api/orders/%zz", "/api/orders/%",
  "/api/orders/%c0%af", "/api/orders/%ff", "/files/a//b", "/files/..%5c..%5cetc", "/static/%2e%2e%2f",
];
test("a path with more than one reading is refused before any rule is looked at", async () => {
  // R-194; field row 2
  for (const path of AMBIGUOUS) await assertGuarded(() => asAlice(path), [400, 404], path);
  for (const path of ["/api//echo", "/api%2fecho", "/api/orders/a;b", "/api/orders/a%5cb", "/api/orders/%252e"]) {
    await assertGuarded(() => postern.send(path), [400]);
  }
});

test("dots in a path are resolved before the rule is found, and never after", async () => {
  // R-194: the platform resolves them; what was matched is what is forwarded
  for (const path of ["/public/../api/echo", "/api/./echo", "/static/../api/echo", "/static/%2e%2e/api/echo", "/api/orders/../echo", "/static\\..\\api\\echo"]) {
    const { answer, seen } = await forwards(() => postern.send(path, { headers: SAME_ORIGIN }));
    assert.ok([400, 401, 404].includes(answer.status), `${path}: ${answer.status}`);
    assert.deepEqual(seen, []);
  }
});

test("path and query reach the upstream byte for byte", async () => {
  for (const path of ["/api/orders/a%20b?x=%2F..%2F&y=%00", "/api/orders/caf%C3%A9?", "/files/a/b/c.txt?q=a+b%2Bc&q=2", "/api/orders/-._~!$&()*+,=:@?!$&()*+,;=:@/?"]) {
    const { answer, seen } = await forwards(() => asAlice(path));
    if (answer.status === 400) continue; // refused is never wrong
    assert.equal(answer.status, 200, path);
    assert.equal(seen[0].path.replace(/\?$/, ""), path.replace(/\?$/, ""));
  }
});

const SPOOFED = [
  "forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-forwarded-port", "x-forwarded-prefix", "x-forwarded-uri", "x-forwarded-user",
  "x-forwarded-email", "x-forwarded-groups", "x-original-url", "x-original-uri", "x-rewrite-url", "x-real-ip", "x-postern-subject", "x-postern-assertion", "x-auth-request-user",
  "x-auth-request-email", "x-user", "x-user-id", "x-remote-user", "remote-user", "true-client-ip", "x-client-ip", "cf-access-jwt-assertion", "cf-access-authenticated-user-email",
  "x-ssl-client-verify", "x-amzn-oidc-identity", "x-middleware-subrequest", "client-cert", "x-goog-authenticated-user-email", "authorization", "proxy-authorization", "x-request-id",
];
test("no header by which somebody says who they are or where they ask reaches the upstream", async () => {
  // R-124-like; field rows 1 to 4
  const headers = SPOOFED.map((name) => [name, "evil.example"]);
  const { answer, seen } = await forwards(() => asAlice("/api/echo", { headers }));
  assert.equal(answer.status, 200, answer.body);
  for (const [name, value] of Object.entries(seen[0].headers)) assert.ok(!value.includes("evil.example"), `${name}: ${value}`);
});

test("none of these headers opens a route, nor changes which one answers", async () => {
  // field rows 1 and 3
  for (const name of [...SPOOFED, "user-agent", "x-custom-ip-authorization", "x-http-method-override"]) {
    for (const value of ["/static/x", "alice", "127.0.0.1", "GoogleHC/1.0", "kube-probe/1.0", "https"]) {
      await assertGuarded(() => postern.send("/api/echo", { headers: [[name, value], ...SAME_ORIGIN] }), [400, 401]);
    }
  }
});

for (const name of ["x_user", "X_Forwarded_User", "x-postern_subject", "remote_user"]) {
  test(`a header named \`${name}\` is refused`, async () => {
    // field row 4
    await assertGuarded(() => asAlice("/api/echo", { headers: [[name, "admin"]] }), [400]);
  });
}

test("a header that only looks odd is taken out, and the log names it", async () => {
  const mark = await postern.mark();
  const headers = [["api_key", "v"], ["_", "v"], ["x-tenant-id", "t"], ["x-trace", "1"]];
  const { answer, seen } = await forwards(() => asAlice("/api/echo", { headers }));
  assert.equal(answer.status, 200, answer.body);
  assert.equal(seen[0].headers["x-trace"], "1");
  for (const name of ["api_key", "_", "x-tenant-id"]) assert.equal(seen[0].headers[name], undefined, name);
  const [event] = await postern.eventsSince(mark);
  assert.deepEqual(event.removed.toSorted(), ["_", "api_key", "x-tenant-id"]);
});

test("equivalent spellings arrive in one", async () => {
  // R-194, RFC 3986 §6.2.2
  const pairs = [["/api/orders/[draft]", "/api/orders/%5Bdraft%5D"], ["/api/orders/a|b^c", "/api/orders/a%7Cb%5Ec"], ["/api/orders/%7Euser", "/api/orders/~user"], ["/%61pi/orders/x%2Dy", "/api/orders/x-y"]];
  for (const [sent, spelt] of pairs) {
    const { answer, seen } = await forwards(() => asAlice(sent));
    assert.deepEqual([answer.status, seen[0]?.path], [200, spelt], sent);
    await assertGuarded(() => postern.send(sent, { headers: SAME_ORIGIN }), [401]);
  }
});

test("a GET or HEAD with a body is refused, for it would be sent without", async () => {
  for (const method of ["GET", "HEAD"]) {
    await assertGuarded(() => asAlice("/api/echo", { method, body: "x" }), [400]);
    await assertGuarded(() => asAlice("/api/echo", { method, headers: [["transfer-encoding", "chunked"]] }), [400]);
  }
});

test("a service knows what the platform says of the caller, and no caller can say it", async () => {
  const cf = { country: "DE", colo: "FRA", asn: 3320, timezone: "Europe/Berlin" };
  await postern.connections(cf);
  const { answer, seen } = await forwards(() => asAlice("/api/echo", { headers: [["cf-ipcountry", "US"], ["cf-timezone", "UTC"]] }));
  assert.equal(answer.status, 200);
  assert.deepEqual(seen[0].cf, cf);
  assert.equal(seen[0].headers["cf-timezone"], undefined);
  await postern.connections(null);
});

test("Postern's cookies stay here and the browser's other cookies go on", async () => {
  const headers = [["cookie", `a=1; ${cookie[1]}; __Host-postern-login-x=y; __HOST-POSTERN=z; b=2`], ...SAME_ORIGIN];
  const { answer, seen } = await forwards(() => postern.send("/api/echo", { headers }));
  assert.equal(answer.status, 200);
  assert.equal(seen[0].headers.cookie, "a=1; b=2");
});

test("an upstream cannot set Postern's cookies", async () => {
  // R-173
  const answer = await asAlice("/api/echo");
  assert.ok(!answer.setCookies.some((line) => line.includes("__Host-postern")), answer.setCookies.join());
  assert.ok(answer.setCookies.some((line) => line.startsWith("upstream=1")));
});

test("the access token reaches the upstream of a relaying route, and no other", async () => {
  const relayed = (await forwards(() => asAlice("/api/relay"))).seen[0].headers.authorization;
  const [scheme, token] = relayed.split(" ");
  assert.equal(scheme, "Bearer");
  assert.ok(issuers.main.canaries.has(token));
  const plain = (await forwards(() => asAlice("/api/echo"))).seen[0];
  assertNothingLeaks(JSON.stringify(plain), Object.values(issuers), "an upstream that gets no token");
});

test("an answer that depends on who asked is stored nowhere", async () => {
  // R-189
  for (const path of ["/api/echo", "/files/me.css", "/files/me.js?x.jpg"]) {
    const answer = await asAlice(path);
    assert.equal(answer.status, 200);
    assert.match(answer.headers["cache-control"], /no-store/);
    assert.match(answer.headers.vary ?? "", /cookie/i);
  }
});

test("an unsafe method by cookie needs a page of ours", async () => {
  // R-166 to R-169
  const evidence = (headers) => postern.send("/api/echo", { method: "POST", headers: [cookie, ["content-type", "text/plain"], ...headers], body: "x" });
  const refused = [
    [],
    [["sec-fetch-site", "cross-site"]],
    [["sec-fetch-site", "same-site"]],
    [["sec-fetch-site", "none"]],
    [["origin", "null"]],
    [["origin", "https://evil.example"]],
    [["origin", `${postern.origin}1`]],
    [["origin", `${postern.origin}.evil.example`]],
    [["origin", postern.origin.toUpperCase()]],
    [["origin", postern.origin.replace("http:", "https:")]],
    [["sec-fetch-site", "same-origin"], ["origin", "https://evil.example"]],
    [["sec-fetch-site", "cross-site"], ["origin", postern.origin]],
    [["sec-fetch-site", "cross-site"], ["x-postern-csrf", "1"]],
    [["sec-fetch-site", "cross-site"], ["origin", "null"]],
    [["referer", `${postern.origin}/page`]],
  ];
  for (const headers of refused) await assertGuarded(() => evidence(headers), [403]);
  const accepted = [[["sec-fetch-site", "same-origin"]], [["origin", postern.origin]], [["x-postern-csrf", "1"]], [["sec-fetch-site", "same-origin"], ["origin", "null"]]];
  for (const headers of accepted) {
    const { answer, seen } = await forwards(() => evidence(headers));
    assert.equal(answer.status, 200, JSON.stringify(headers));
    assert.equal(seen[0].body, "x");
  }
});

/** The status of a WebSocket handshake. */
function handshake(headers) {
  const all = [["host", new URL(postern.origin).host], ["upgrade", "websocket"], ["connection", "Upgrade"], ["sec-websocket-version", "13"], ["sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="], ...headers];
  return new Promise((resolve, reject) => {
    const request = httpRequest({ host: "127.0.0.1", port: postern.port, path: "/api/echo", headers: all.flat(), agent: false });
    request.on("error", reject);
    request.on("response", (response) => {
      response.resume();
      resolve(response.statusCode);
    });
    request.on("upgrade", (response, socket) => {
      socket.destroy();
      resolve(response.statusCode);
    });
    request.end();
  });
}

test("a WebSocket is opened for a page of ours that is signed in, and for nobody else", async () => {
  // R-174
  assert.equal(await handshake([cookie, ["origin", postern.origin]]), 101);
  assert.equal(await handshake([["origin", postern.origin]]), 401);
  for (const origin of ["https://evil.example", "null", `${postern.origin}.evil.example`]) assert.equal(await handshake([cookie, ["origin", origin]]), 403, origin);
  assert.equal(await handshake([cookie]), 403);
});

test("a redirect of the upstream is the browser's to follow, not ours", async () => {
  // R-173
  const canary = await startCanaryHost();
  const answer = await asAlice(`/api/orders/moved?${encodeURIComponent(`${canary.origin}/`)}`);
  await canary.close();
  assert.equal(answer.status, 302);
  assert.equal(answer.headers.location, `${canary.origin}/`);
  assert.deepEqual(canary.hits, []);
});

test("scopes that the provider did not grant are missed by 403, those it did grant by nothing", async () => {
  assert.equal((await asAlice("/api/scoped")).status, 200);
  await assertGuarded(() => asAlice("/api/denied"), [403]);
  const page = await assertGuarded(() => alice.navigate("/api/denied", { initiator: postern.origin, follow: false }), [403]);
  assert.match(page.headers["content-type"], /^text\/html/);
});

test("a route for one provider's people is closed to another's", async () => {
  await assertGuarded(() => asAlice("/api/otherop"), [403]);
  const bob = world.browser();
  await logIn(bob, { provider: "other" });
  assert.equal((await bob.fetch("/api/otherop")).status, 200);
});

test("a public route asks nobody who they are", async () => {
  const { answer, seen } = await forwards(() => postern.send("/static/app.js"));
  assert.equal(answer.status, 200);
  assert.equal(seen[0].path, "/static/app.js");
  const withSession = await forwards(() => asAlice("/static/app.js"));
  assert.equal(withSession.seen[0].headers.cookie, undefined);
});

test("another host's requests are not served", async () => {
  // R-192
  for (const url of ["http://evil.example/", "http://localhost:1/", "http://127.0.0.1:8787/", "http://localhost.evil.example:8787/"]) {
    await assertGuarded(() => postern.send("/api/echo", { url, headers: [cookie, ...SAME_ORIGIN] }), [400, 421]);
  }
});

test("every access is one event, with rule and reason", async () => {
  const mark = await postern.mark();
  await asAlice("/api/orders/7");
  await postern.send("/api/orders/7");
  await asAlice("/nothing");
  const events = await postern.eventsSince(mark);
  assert.deepEqual(events.map(({ event, outcome, reason, route, subject }) => [event, outcome, reason, route, subject]), [
    ["access", "allow", "authz.requirements_met", "/api/orders/{id}", "alice"],
    ["access", "deny", "authn.no_credential", "/api/orders/{id}", undefined],
    ["access", "deny", "route.none", undefined, undefined],
  ]);
});
