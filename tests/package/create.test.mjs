// What `npm create postern` asks, writes, leaves alone and refuses.

import assert from "node:assert/strict";
import { once } from "node:events";
import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { dirname, join } from "node:path";
import { PassThrough } from "node:stream";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import { unstable_getVarsForDev as getVarsForDev, unstable_readConfig as readConfig } from "wrangler";

import { freePort } from "../e2e/support/ports.mjs";
import { TARBALLS, done, emptyFolder, run, serve } from "./support/project.mjs";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const PACKED = TARBALLS["create-postern"].replace(/-[\d.]+\.tgz$/, "");
const { createPostern } = await import(join(PACKED, "lib/create.mjs"));
const { PROVIDERS, secretName } = await import(join(PACKED, "lib/providers.mjs"));
const POSTERN = join(PACKED, "../postern/bin/postern.mjs");
const read = (folder, path) => readFileSync(join(folder, path), "utf8");
const json = (folder, path) => JSON.parse(read(folder, path));

/** Runs it without a terminal, or with one at which `typed` is answered, one text for each question. */
async function create(folder, args, { env = {}, typed, node = "22.12.0" } = {}) {
  const input = Object.assign(new PassThrough(), { isTTY: Boolean(typed) });
  const [output, errors] = [new PassThrough(), new PassThrough()];
  output.isTTY = Boolean(typed);
  const said = { out: "", err: "" };
  const answers = [...(typed ?? [])];
  output.on("data", (chunk) => {
    said.out += chunk;
    // A question ends with a colon and nothing after it.
    if (answers.length && /: (\x1b\[\d+[A-Z])?$/.test(String(chunk))) {
      const answer = answers.shift();
      // After all of the question is written.
      setImmediate(() => (answer === null ? input.end() : input.write(`${answer}\n`)));
    }
  });
  errors.on("data", (chunk) => void (said.err += chunk));
  const code = await createPostern({ args, env, input, output, errors, folder, node });
  return { code, ...said };
}

/** The configuration as wrangler reads it. */
function configuration(folder, config = "wrangler.jsonc") {
  return readConfig({ config: join(folder, config) }, { hideWarnings: false });
}

const EXAMPLES = Object.entries(PROVIDERS).map(([id, { asks }]) => [
  id, ["--provider", id, ...asks.flatMap(({ key, example }) => [`--${key.replaceAll("_", "-")}`, example])],
]);
const AUTH0 = ["--provider", "auth0", "--domain", "example.eu.auth0.com"];

test("for every provider: what is written says where to sign in, and what is printed says what to register", async () => {
  for (const [id, args] of EXAMPLES) {
    const folder = emptyFolder();
    const { code, out, err } = await create(folder, [...args, "--client-id", "the-client", "--url", "https://app.example.com", "--name", "my-app"]);
    assert.deepEqual([code, err], [0, ""], id);
    const { vars, routes, services, workers_dev: workersDev, preview_urls: previewUrls, assets, main, observability } = configuration(folder);
    assert.equal(vars.PROVIDERS[id].client_id, "the-client");
    assert.equal(vars.PUBLIC_URL, "https://app.example.com");
    assert.equal(vars.ROUTES["/api/{*rest}"].token, "assertion", "safe for every provider");
    assert.equal(vars.ROUTES["/api/{*rest}"].public, undefined);
    assert.deepEqual([workersDev, previewUrls, assets.run_worker_first], [false, false, true]);
    assert.deepEqual(routes, [{ pattern: "app.example.com", custom_domain: true }]);
    assert.deepEqual(services, [{ binding: "API", service: "my-app-api" }]);
    assert.deepEqual([observability.enabled, observability.redact_query_string, observability.logs.invocation_logs], [true, true, false]);
    assert.match(main, /node_modules\/postern\/index\.js$/);
    for (const base of ["http://localhost:8787", "https://app.example.com"]) assert.match(out, new RegExp(`^ +${base}/auth/callback/${id}$`, "m"), id);
    assert.doesNotMatch(JSON.stringify(vars) + out, /[{](callback|origin|signed_out|domain|[a-z]+_[a-z]+)[}]|undefined/, id);
    assert.deepEqual(out.split("\n").filter((line) => line.length > 80), [], id);
    assert.doesNotMatch(out, /\x1b/);
    const { vars: { POSTERN_URL } } = configuration(folder, "api/wrangler.jsonc");
    assert.equal(POSTERN_URL, "https://app.example.com");
  }
});

test("for every provider, `postern check` has no objection, and wants the same addresses registered", async () => {
  for (const [id, args] of EXAMPLES) {
    const folder = emptyFolder();
    const { out } = await create(folder, [...args, "--client-id", "the-client", "--url", "https://app.example.com", "--name", "my-app"]);
    const said = await done(folder, process.execPath, [POSTERN, "check", "--secrets", "none"]);
    assert.match(said, /^wrangler\.jsonc: no problems$/m, id);
    assert.doesNotMatch(said, /^Warnings$/m, id);
    const [, redirect] = /redirect URI +(\S+)$/m.exec(said);
    assert.ok(out.includes(redirect), `${id}: ${redirect}`);
    assert.ok(said.includes(secretName({ id, clientAuth: PROVIDERS[id].client_auth })), id);
  }
});

test("the help fits a terminal and names every option", async () => {
  const { code, out } = await create(emptyFolder(), ["--help"]);
  assert.equal(code, 0);
  assert.deepEqual(out.split("\n").filter((line) => line.length > 80), []);
  for (const [, args] of EXAMPLES) for (const option of args.filter((one) => one.startsWith("--"))) assert.ok(out.includes(`${option} `), option);
});

test("secrets are fresh, for their owner alone, and neither in the configuration nor in the example", async () => {
  const folders = [emptyFolder(), emptyFolder()];
  for (const folder of folders) await create(folder, AUTH0, { env: { POSTERN_CLIENT_SECRET: "s3cret~value" } });
  const [one, other] = folders.map((folder) => read(folder, ".dev.vars"));
  assert.match(one, /^POSTERN_KEYS="dev1:[\w-]{43}"$/m);
  assert.match(one, /^PROVIDER_AUTH0_CLIENT_SECRET="s3cret~value"$/m);
  assert.match(one, /^PUBLIC_URL="http:\/\/localhost:8787"$/m);
  assert.notEqual(/dev1:.*/.exec(one)[0], /dev1:.*/.exec(other)[0]);
  assert.equal(statSync(join(folders[0], ".dev.vars")).mode & 0o777, 0o600);
  assert.match(read(folders[0], ".gitignore"), /^\.dev\.vars$/m);
  // A Deploy button makes a secret of the deployment of each line that is no comment.
  assert.deepEqual(read(folders[0], ".dev.vars.example").match(/^[^#\n].*$/gm), ['POSTERN_KEYS=""', 'PROVIDER_AUTH0_CLIENT_SECRET=""']);
  const key = /dev1:([\w-]+)/.exec(one)[1];
  for (const path of readdirSync(folders[0], { recursive: true }).filter((name) => statSync(join(folders[0], name)).isFile() && name !== ".dev.vars")) {
    assert.ok(!read(folders[0], path).includes(key) && !read(folders[0], path).includes("s3cret"), path);
  }
});

test("keys are written so that wrangler reads them as they are", async () => {
  const pem = "-----BEGIN PRIVATE KEY-----\nMIGH+/Ag==\n-----END PRIVATE KEY-----";
  const jwk = '{"kty":"EC","crv":"P-256"}';
  const apple = EXAMPLES.find(([id]) => id === "apple")[1];
  for (const secret of [pem, jwk]) {
    const folder = emptyFolder();
    assert.equal((await create(folder, apple, { env: { POSTERN_CLIENT_SECRET: `${secret}\n` } })).code, 0);
    const { PROVIDER_APPLE_PRIVATE_KEY: { value } } = getVarsForDev(join(folder, "wrangler.jsonc"), undefined, {}, undefined, true);
    assert.equal(value, secret);
  }
});

test("an existing project keeps what it has", async () => {
  const folder = emptyFolder();
  const manifest = { name: "shop", version: "3.2.1", scripts: { dev: "astro dev", build: "astro build" }, dependencies: { astro: "^6.0.0" }, devDependencies: { wrangler: "4.160.0" } };
  writeFileSync(join(folder, "package.json"), JSON.stringify(manifest, null, "\t"));
  writeFileSync(join(folder, ".gitignore"), "dist\n/node_modules/");
  const { code, out } = await create(folder, [...AUTH0, "--api", "none", "--postern", "^1.2.3"]);
  assert.equal(code, 0);
  const { scripts, dependencies, devDependencies, version } = json(folder, "package.json");
  assert.deepEqual(scripts, { dev: "astro dev", build: "astro build", "postern:dev": "wrangler dev", check: "postern check", deploy: "wrangler deploy" });
  assert.deepEqual([dependencies, devDependencies, version], [{ astro: "^6.0.0", postern: "^1.2.3" }, { wrangler: "4.160.0" }, "3.2.1"]);
  assert.match(read(folder, "package.json"), /^\t"scripts"/m);
  assert.equal(read(folder, ".gitignore"), "dist\n/node_modules/\n.dev.vars\n.wrangler\npostern-keys.txt\n");
  assert.match(out, /npm run postern:dev/);
  assert.equal(configuration(folder).assets.directory, "dist", "what the project builds");
  assert.deepEqual(configuration(folder).services, []);
  assert.ok(!existsSync(join(folder, "public")) && !existsSync(join(folder, "api")));
});

test("an API that is there is bound as it is called", async () => {
  const folder = emptyFolder();
  mkdirSync(join(folder, "worker"));
  writeFileSync(join(folder, "worker/wrangler.toml"), '# The API.\nname = "orders"\nmain = "index.js"\n');
  await create(folder, [...AUTH0, "--api", "worker"]);
  assert.deepEqual(configuration(folder).services, [{ binding: "API", service: "orders" }]);
  assert.equal(json(folder, "package.json").scripts.dev, "wrangler dev -c wrangler.jsonc -c worker/wrangler.toml");
  const elsewhere = emptyFolder();
  const { out } = await create(elsewhere, [...AUTH0, "--api", "https://api.example.com/"]);
  assert.equal(configuration(elsewhere).vars.ROUTES["/api/{*rest}"].upstream, "https://api.example.com");
  assert.match(out, /verifier\(PUBLIC_URL, 'https:\/\/api\.example\.com'\)/);
});

test("an API on this machine is accepted, and it says what to change for the deployment", async () => {
  for (const api of ["http://localhost:3000", "http://127.0.0.1:3000/"]) {
    const folder = emptyFolder();
    const upstream = api.replace(/\/$/, "");
    const { code, out } = await create(folder, [...AUTH0, "--client-id", "the-client", "--api", api]);
    assert.equal(code, 0);
    assert.equal(configuration(folder).vars.ROUTES["/api/{*rest}"].upstream, upstream);
    assert.match(out.replace(/\s+/g, " "), new RegExp(`before you deploy: in ROUTES, put the https:// address of your API in the place of ${upstream},`));
    assert.match(await done(folder, process.execPath, [POSTERN, "check", "--secrets", "none"]), /^wrangler\.jsonc: no problems$/m);
    const { code: refused } = await create(folder, [...AUTH0, "--client-id", "the-client", "--api", api, "--url", "https://app.example.com", "--force"]);
    assert.equal(refused, 0);
    const said = await run(folder, process.execPath, [POSTERN, "check", "--secrets", "none"]);
    assert.equal(said.code, 1, "not with an address on the network");
    assert.match(said.out + said.err, /upstream: expected an https URL/);
  }
});

test("a workers.dev address opens workers.dev for the Worker of that name, and nothing else", async () => {
  const folder = emptyFolder();
  await create(folder, [...AUTH0, "--url", "https://my-app.example.workers.dev"]);
  const { name, workers_dev: workersDev, preview_urls: previewUrls, routes } = configuration(folder);
  assert.deepEqual([name, workersDev, previewUrls, routes], ["my-app", true, false, undefined]);
});

test("a Vite project gets the plugin; a configuration that is there is not touched, but told of", async () => {
  const folder = emptyFolder();
  await create(folder, [...AUTH0, "--vite"]);
  assert.match(read(folder, "vite.config.js"), /cloudflare\(\{ auxiliaryWorkers: \[\{ configPath: '\.\/api\/wrangler\.jsonc' \}\] \}\)/);
  assert.equal(configuration(folder).assets.directory, undefined);
  assert.match(read(folder, ".dev.vars"), /^PUBLIC_URL="http:\/\/localhost:5173"$/m);
  const own = emptyFolder();
  writeFileSync(join(own, "package.json"), '{ "devDependencies": { "vite": "^7.0.0" }, "scripts": { "dev": "vite" } }');
  writeFileSync(join(own, "vite.config.ts"), "export default {};\n");
  writeFileSync(join(own, "index.html"), "mine");
  const { out } = await create(own, AUTH0);
  assert.deepEqual([read(own, "vite.config.ts"), read(own, "index.html")], ["export default {};\n", "mine"]);
  assert.ok(!existsSync(join(own, "vite.config.js")));
  const [, next] = out.split("\nNext\n");
  assert.match(next, /^ {2}Edit vite\.config\.ts\. Without this, Postern guards nothing/, "the first step");
  assert.ok(next.indexOf("strictPort") < next.indexOf("npm install"));
  for (const line of ["import { cloudflare } from '@cloudflare/vite-plugin';", "cloudflare(),", "server: { port: 5173, strictPort: true },"]) assert.ok(next.includes(`\n      ${line}\n`), line);
  assert.match(next, /`proxy` for `\/api` must go/);
  assert.doesNotMatch(out, /export default|defineConfig/, "lines to add, not a file");
  writeFileSync(join(own, "vite.config.ts"), "import { cloudflare } from '@cloudflare/vite-plugin';\n");
  assert.match((await create(own, [...AUTH0, "--force"])).out, /\nNext\n {2}npm install/);
  assert.equal(json(own, "package.json").devDependencies.vite, "^7.0.0");
});

test("from the demo to a provider of one's own, the API stays", async () => {
  const folder = emptyFolder();
  await create(folder, ["--demo", "--name", "shop"]);
  writeFileSync(join(folder, "api/index.js"), "mine");
  const { out } = await create(folder, [...AUTH0, "--name", "shop", "--force", "--url", "https://app.example.com"]);
  assert.equal(read(folder, "api/index.js"), "mine");
  assert.deepEqual(configuration(folder).services, [{ binding: "API", service: "shop-api" }]);
  assert.equal(json(folder, "package.json").scripts.dev, "wrangler dev -c wrangler.jsonc -c api/wrangler.jsonc");
  assert.match(out, /POSTERN_URL to\s+https:\/\/app\.example\.com/);
});

test("in development it answers at localhost, wherever it will be deployed", async () => {
  const folder = emptyFolder();
  const port = await freePort();
  await create(folder, [...AUTH0, "--client-id", "the-client", "--url", "https://app.example.com", "--port", String(port)], { env: { POSTERN_CLIENT_SECRET: "s3cret" } });
  mkdirSync(join(folder, "node_modules"));
  symlinkSync(join(PACKED, "../postern"), join(folder, "node_modules/postern"));
  const [command, ...args] = json(folder, "package.json").scripts.dev.split(" ");
  assert.equal(command, "wrangler");
  const server = await serve(folder, process.execPath, [join(ROOT, "node_modules/wrangler/bin/wrangler.js"), ...args], /Ready on http/);
  const [page, api] = await Promise.all(["/", "/api/hello"].map((path) => fetch(`http://localhost:${port}${path}`)));
  assert.deepEqual([page.status, api.status], [200, 401], server.said());
  await server.stop();
});

test("the commands to deploy are those of the guide", async () => {
  const { out } = await create(emptyFolder(), AUTH0);
  const [, printed] = out.split("\nTo deploy\n");
  const [, guide] = /## 6\. Deploy\s+```sh[^\n]*\n(.*?)```/s.exec(read(ROOT, "docs/guides/spa-and-api.md"));
  const commands = guide.trim().replace("PROVIDER_CORP", "PROVIDER_AUTH0").split("\n");
  assert.equal(commands[0], "npx wrangler login");
  assert.deepEqual(printed.trim().split("\n").slice(0, commands.length).map((line) => line.trim()), commands);
  assert.match(printed.replace(/\s+/g, " "), /Move postern-keys\.txt to where you keep secrets: a rotation needs the old key/);
});

test("the demo says how to go on to a provider of one's own with what was run", async () => {
  const folder = emptyFolder();
  const { out } = await create(folder, ["--demo"]);
  const [, command] = /For a provider of your own:\n {2}(.*) --provider NAME --force\n/.exec(out);
  assert.equal(command, `node ${join(PACKED, "index.mjs")}`, "the package comes from a file");
  assert.match(out, /--force replaces wrangler\.jsonc and keeps a copy, wrangler\.jsonc\.bak\./);
  const again = [...command.split(" ").slice(1), ...AUTH0, "--force"];
  assert.match(await done(folder, process.execPath, again), /\(the old one is wrangler\.jsonc\.bak\)/);
  const published = emptyFolder();
  cpSync(PACKED, join(published, "create-postern"), { recursive: true });
  const said = await done(published, process.execPath, [join(published, "create-postern/index.mjs"), "app", "--demo"]);
  assert.match(said, /^ {2}npm create postern -- --provider NAME --force$/m);
});

test("the demo says in one line that the provider's port is in use", async () => {
  const folder = emptyFolder();
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  await create(folder, ["--demo", "--provider-port", String(port)]);
  mkdirSync(join(folder, "node_modules"));
  symlinkSync(join(PACKED, "../postern"), join(folder, "node_modules/postern"));
  const { code, out, err } = await run(folder, process.execPath, ["dev.mjs"]);
  server.close();
  const other = port > 65_533 ? port - 2 : port + 2;
  assert.deepEqual([code, out], [1, ""]);
  assert.equal(err, `Port ${port} is in use: stop the other program, or set up again with \`--provider-port ${other} --force\`\n`);
});

test("files that are there are listed and not overwritten, unless told to", async () => {
  const folder = emptyFolder();
  for (const path of [".dev.vars", ".dev.vars.example"]) writeFileSync(join(folder, path), "MINE=1");
  const before = readdirSync(folder);
  const { code, err } = await create(folder, AUTH0);
  assert.equal(code, 1);
  assert.match(err, /nothing was written:\n {2}\.dev\.vars\n {2}\.dev\.vars\.example\n--force/);
  assert.deepEqual([readdirSync(folder), read(folder, ".dev.vars")], [before, "MINE=1"]);
  assert.equal((await create(folder, [...AUTH0, "--force"])).code, 0);
  assert.match(read(folder, ".dev.vars"), /^MINE=1\nPOSTERN_KEYS="dev1:/);
  assert.equal(read(folder, ".dev.vars.example"), 'MINE=1\nPOSTERN_KEYS=""\nPROVIDER_AUTH0_CLIENT_SECRET=""\n');
  assert.equal(statSync(join(folder, ".dev.vars")).mode & 0o777, 0o600, "it was for everybody before");
});

const OWN = { "wrangler.jsonc": '{\n  "name": "orders", "main": "index.js"\n}\n', "wrangler.json": '{ "name": "orders" }\n', "wrangler.toml": 'name = "orders"\n' };

test("another Worker's file is told of before the first question", async () => {
  for (const [file, text] of Object.entries(OWN)) {
    const folder = emptyFolder();
    writeFileSync(join(folder, file), text);
    const { code, out, err } = await create(folder, [], { typed: ["1"] });
    assert.deepEqual([code, out], [1, ""], file);
    assert.equal(err, `create-postern: ${file} is there already. Postern is a Worker of its own: move your file to \`api/\` and name that folder with \`--api\`, or use \`--force\` to replace it.\n`);
    assert.deepEqual(readdirSync(folder), [file]);
  }
});

test("what is replaced has a copy, which a second run does not replace, and gives the Worker its name", async () => {
  for (const [file, text] of Object.entries(OWN)) {
    const folder = emptyFolder();
    writeFileSync(join(folder, file), text);
    const { code, out } = await create(folder, [...AUTH0, "--force", "--api", "none"]);
    assert.equal(code, 0);
    assert.match(out, new RegExp(`^Replaced +${file} \\(the old one is ${file}\\.bak\\)$`, "m"));
    assert.doesNotMatch(/^Written.*/m.exec(out)[0], file === "wrangler.jsonc" ? /wrangler/ : /toml|wrangler\.json,/);
    assert.equal(read(folder, `${file}.bak`), text);
    assert.equal(configuration(folder).name, "orders");
    assert.deepEqual(Object.keys(OWN).filter((name) => existsSync(join(folder, name))), ["wrangler.jsonc"], "wrangler reads only one");
    assert.match((await create(folder, AUTH0)).err, /^create-postern: Postern is set up here already\. `--force`/);
    await create(folder, ["--provider", "google", "--force", "--api", "none"]);
    assert.equal(read(folder, `${file}.bak`), text);
    assert.equal(configuration(folder).name, "orders");
  }
});

test("a project is called as its package.json says", async () => {
  const folder = emptyFolder();
  writeFileSync(join(folder, "package.json"), '{ "name": "@acme/Shop_Front" }');
  await create(folder, AUTH0);
  assert.equal(configuration(folder).name, "shop-front");
});

test("--force makes no new keys over those that are there, and keeps other lines and secrets", async () => {
  const folder = emptyFolder();
  const before = 'POSTERN_KEYS=k1:old  # mine\nOTHER="line one\nPUBLIC_URL=no\n"\nPROVIDER_DEMO_CLIENT_SECRET="gone"\nPROVIDER_AUTH0_CLIENT_SECRET="s3cret"\nPUBLIC_URL="http://localhost:1"\n';
  writeFileSync(join(folder, ".dev.vars"), before);
  const { out } = await create(folder, [...AUTH0, "--force"]);
  const after = before.replace('PROVIDER_DEMO_CLIENT_SECRET="gone"', "").replace("http://localhost:1", "http://localhost:8787");
  assert.equal(read(folder, ".dev.vars"), after);
  assert.match(out, /^Changed +\.dev\.vars \(its keys stay\)/m);
  assert.doesNotMatch(out, /put what the provider gave you/);
  await create(folder, [...AUTH0, "--force"], { env: { POSTERN_CLIENT_SECRET: "n3w$&" } });
  assert.equal(read(folder, ".dev.vars"), after.replace("s3cret", () => "n3w$&"));
  const empty = emptyFolder();
  writeFileSync(join(empty, ".dev.vars"), 'POSTERN_KEYS=""\n');
  assert.match((await create(empty, [...AUTH0, "--force"])).out, /put what the provider gave you/);
  assert.match(read(empty, ".dev.vars"), /^POSTERN_KEYS="dev1:[\w-]{43}"$/m);
  const demo = emptyFolder();
  await create(demo, ["--demo"]);
  const first = read(demo, ".dev.vars");
  await create(demo, ["--demo", "--force"]);
  assert.equal(read(demo, ".dev.vars"), first);
});

const WRONG = [
  [[], /--provider or --demo is needed/],
  [["--provider", "auth0"], /--domain is needed/],
  [["--provider", "auth9"], /--provider: expected auth0, /],
  [["--demo", "--provider", "auth0"], /exclude each other/],
  [["--provider", "auth0", "--domain", "https://example.auth0.com"], /--domain: expected a host name/],
  [["--provider", "auth0", "--domain", 'a.b","x":"'], /--domain: expected a host name/],
  [["--provider", "entra", "--tenant-id", "common"], /--tenant-id: expected an id/],
  [["--provider", "other", "--issuer", "login.example.com"], /--issuer: expected an address/],
  [[...AUTH0, "--url", "https://app.example.com/path"], /--url: expected an address/],
  [[...AUTH0, "--url", "http://app.example.com"], /--url: expected an address/],
  [[...AUTH0, "--url", "https://a.b.example.workers.dev"], /--url: expected https:\/\/NAME/],
  [[...AUTH0, "--url", "https://other.example.workers.dev", "--name", "mine"], /not `mine`/],
  [[...AUTH0, "--api", "http://api.example.com"], /--api: expected a URL that begins with https/],
  ...["http://localhost.example.com:3000", "http://localhost:3000/api", "http://10.0.0.1:3000", "http://localhost:3000@evil.example"].map((api) => [[...AUTH0, "--api", api], /--api: expected a URL/]),
  [[...AUTH0, "--api", "Bad Name"], /--api: expected/],
  [[...AUTH0, "--front", "../elsewhere"], /--front: expected a folder in the project/],
  [[...AUTH0, "--name", "Bad Name"], /--name: expected small letters/],
  [[...AUTH0, "--port", "0"], /--port: expected a port/],
  [[...AUTH0, "--client-id", "two words"], /--client-id: expected visible/],
  [[...AUTH0, "one", "two"], /expected one folder/],
  [["--nonsense"], /Unknown option '--nonsense'\nThe options/],
];

test("what is asked wrongly is told, and nothing is written", async () => {
  for (const [args, expected] of WRONG) {
    const folder = emptyFolder();
    const { code, err } = await create(folder, args);
    assert.equal(code, 1, args.join(" "));
    assert.match(err, expected);
    assert.deepEqual(readdirSync(folder), [], args.join(" "));
  }
  const folder = emptyFolder();
  const { code, err } = await create(folder, AUTH0, { env: { POSTERN_CLIENT_SECRET: 'a"\nPOSTERN_KEYS="x' } });
  assert.equal(code, 1);
  assert.match(err, /cannot hold/);
  assert.ok(!err.includes("POSTERN_KEYS"), "the secret is not repeated");
});

test("at a terminal it asks, shows what to register before it wants the client, and does not show the secret", async () => {
  const folder = emptyFolder();
  const typed = ["nine", "1", "https://app.workers.dev", "https://front.example.workers.dev", "http://api.example.com", "", "https://wrong", "example.eu.auth0.com", "the-client", "s3cret-typed"];
  const { code, out, err } = await create(folder, [], { typed, env: { NO_COLOR: "1" } });
  assert.deepEqual([code, err], [0, ""]);
  const lines = out.replace(/\x1b\[\d+[A-Z]/g, "").split(/\r?\n/);
  assert.deepEqual(lines.filter((line) => line.length > 80 && !typed.some((answer) => answer && line.endsWith(answer))), []);
  assert.match(out, /expected a number from 1 to \d+/);
  for (const told of [/expected https:\/\/NAME\.SUBDOMAIN\.workers\.dev/, /expected a URL that begins with https/, /expected a host name/]) assert.match(out, told);
  assert.equal(configuration(folder).name, "front", "as the address says");
  assert.ok(out.indexOf("https://front.example.workers.dev/auth/callback/auth0") < out.indexOf("Client ID (empty"), "registered first");
  assert.ok(!out.includes("s3cret-typed"));
  assert.match(read(folder, ".dev.vars"), /CLIENT_SECRET="s3cret-typed"/);
  assert.deepEqual(configuration(folder).vars.PROVIDERS, { auth0: { preset: "auth0", domain: "example.eu.auth0.com", client_id: "the-client" } });
});

test("a GUID in capitals is lowered", async () => {
  const typed = "6F1D2C1E-8A55-4A3E-9D3C-0B9B5E3C1F10";
  const entra = emptyFolder();
  await create(entra, ["--provider", "entra", "--tenant-id", typed]);
  assert.equal(configuration(entra).vars.PROVIDERS.entra.tenant_id, typed.toLowerCase());
  const several = emptyFolder();
  await create(several, ["--provider", "entra-multitenant", "--tenants", `${typed}, ${typed.replace("6F", "0F")}`]);
  assert.deepEqual(configuration(several).vars.PROVIDERS["entra-multitenant"].tenants, [typed, typed.replace("6F", "0F")].map((id) => id.toLowerCase()));
  assert.equal((await create(emptyFolder(), ["--provider", "auth0", "--domain", "Example.auth0.com"])).code, 1, "of ids alone");
});

test("an empty answer says what is expected; the second one is to be filled in later, and refused until then", async () => {
  const folder = emptyFolder();
  const { code, out } = await create(folder, ["--provider", "entra", "--api", "none", "--url", "https://app.example.com"], { typed: ["", "common", "", "", "the-client", "s3cret"], env: { NO_COLOR: "1" } });
  assert.equal(code, 0);
  const said = out.replace(/\x1b\[\d+[A-Z]/g, "").replace(/\s+/g, " ");
  assert.equal(said.match(/expected an id, such as 6f1d2c1e-8a55-4a3e-9d3c-0b9b5e3c1f10\. To fill it in later, leave it empty once more/g).length, 2, "not the first one after a wrong one");
  assert.match(said, /wrangler\.jsonc: put Directory \(tenant\) ID in the place of TENANT_ID\./);
  assert.equal(configuration(folder).vars.PROVIDERS.entra.tenant_id, "TENANT_ID");
  const checked = await run(folder, process.execPath, [POSTERN, "check", "--secrets", "none"]);
  assert.equal(checked.code, 1);
  assert.match(checked.out + checked.err, /PROVIDERS\.entra\.tenant_id/);
  assert.equal((await create(emptyFolder(), ["--provider", "entra", "--tenant-id", ""])).code, 1, "an empty option is a mistake");
});

test("a Node that is too old for wrangler is told of", async () => {
  assert.match((await create(emptyFolder(), ["--demo"], { node: "20.20.2" })).out, /install Node 22\.12 or later, which wrangler needs: this is 20\.20\.2/);
  for (const node of ["22.12.0", "24.0.0"]) assert.doesNotMatch((await create(emptyFolder(), ["--demo"], { node })).out, /install Node/);
});

test("colours are for terminals whose owner wants them", async () => {
  const typed = () => [String(Object.keys(PROVIDERS).length + 1), ""];
  assert.match((await create(emptyFolder(), [], { typed: typed() })).out, /\x1b\[1mPostern is set up/);
  assert.doesNotMatch((await create(emptyFolder(), [], { typed: typed(), env: { NO_COLOR: "1" } })).out, /\x1b\[[0-9]*m/);
});

test("who stops in the middle has nothing written", async () => {
  const folder = emptyFolder();
  const { code, err } = await create(folder, [], { typed: ["1", null] });
  assert.equal(code, 1);
  assert.match(err, /nothing was written/);
  assert.deepEqual(readdirSync(folder), []);
});

test("what it writes for the platform is what this repository deploys and is tested with", () => {
  const platform = json(PACKED, "platform.json");
  const config = readConfig({ config: join(ROOT, "wrangler.toml") }, { hideWarnings: true });
  const objects = Object.fromEntries(config.durable_objects.bindings.map(({ name, class_name: className }) => [name, className]));
  assert.deepEqual(
    [platform.wrangler, platform.crons, platform.objects],
    [{ compatibility_date: config.compatibility_date, compatibility_flags: config.compatibility_flags }, config.triggers.crons, objects],
  );
  assert.equal(json(ROOT, "node_modules/wrangler/package.json").engines.node, ">=22.12.0", "WRANGLER_NODE of lib/report.mjs");
  const { devDependencies, version } = json(ROOT, "package.json");
  for (const name of ["wrangler", "jose", "oidc-provider"]) assert.equal(platform.versions[name], `^${devDependencies[name]}`, name);
  for (const tarball of Object.values(TARBALLS)) assert.equal(json(tarball.replace(/-[\d.]+\.tgz$/, ""), "package.json").version, version, dirname(tarball));
});
