// The real nginx and the real Caddy, with the very files of `examples/forward-auth`: what names other places is put in
// their stead, nothing else.

import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { findCaddy, findNginx } from "../../../scripts/lib/proxies.mjs";
import { send } from "./http.mjs";
import { freePort } from "./ports.mjs";

const EXAMPLES = fileURLToPath(new URL("../../../examples/forward-auth/", import.meta.url));
const STARTS_WITHIN_MS = 15_000;

/** An example with every `[from, to]` replaced; one that is not there would mean that the example is another by now. */
function example(name, replacements) {
  return replacements.reduce((text, [from, to]) => {
    if (!text.includes(from)) throw new Error(`${name} does not say \`${from}\``);
    return text.replaceAll(from, to);
  }, readFileSync(join(EXAMPLES, name), "utf8"));
}

function nginx({ folder, port, postern, application, secret }) {
  const server = example("nginx.conf", [
    ["listen 443 ssl;", `listen 127.0.0.1:${port};`],
    ["    ssl_certificate     /etc/ssl/app.example.com.pem;\n", ""],
    ["    ssl_certificate_key /etc/ssl/private/app.example.com.key;\n", ""],
    ["https://postern.example.net", `http://127.0.0.1:${postern}`],
    ["127.0.0.1:3000", `127.0.0.1:${application}`],
    ["the POSTERN_VERIFY_SECRET", secret],
  ]);
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((name) => `${name}_temp_path ${folder}/${name};`).join("\n");
  const main = `daemon off; pid ${folder}/pid; error_log stderr warn; events {}\nhttp { access_log off;\n${temporary}\n${server}\n}`;
  writeFileSync(join(folder, "nginx.conf"), main);
  return [findNginx(), ["-c", join(folder, "nginx.conf"), "-p", folder, "-e", "stderr"]];
}

function caddy({ folder, port, postern, application }) {
  const site = example("Caddyfile", [
    ["app.example.com {", `http://localhost:${port} {`],
    ["https://postern.example.net", `http://127.0.0.1:${postern}`],
    ["127.0.0.1:3000", `127.0.0.1:${application}`],
  ]);
  writeFileSync(join(folder, "Caddyfile"), `{\n\tadmin off\n\tauto_https off\n}\n${site}`);
  return [findCaddy(), ["run", "--config", join(folder, "Caddyfile"), "--adapter", "caddyfile"]];
}

const KINDS = { nginx, Caddy: caddy };

/** Starts a proxy before an application, with a Postern to ask; ports and the secret as given. */
export async function startProxy(kind, options) {
  const folder = mkdtempSync(join(tmpdir(), "postern-proxy-"));
  const [command, args] = KINDS[kind]({ folder, ...options });
  const env = { ...process.env, POSTERN_VERIFY_SECRET: options.secret, XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder, HOME: folder };
  const child = spawn(command, args, { env, stdio: ["ignore", "pipe", "pipe"] });
  const said = [];
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => said.push(String(chunk)));
  const exited = new Promise((done) => child.once("exit", done));
  const proxy = {
    output: () => said.join(""),
    close: async () => {
      child.kill("SIGTERM");
      await exited;
      rmSync(folder, { recursive: true, force: true });
    },
  };
  await answers(proxy, child, options.port);
  return proxy;
}

async function answers(proxy, child, port) {
  for (const until = Date.now() + STARTS_WITHIN_MS; ; ) {
    const answer = await send({ port, url: `http://localhost:${port}/auth/health` }).catch(() => undefined);
    if (answer) return;
    if (Date.now() > until || child.exitCode !== null) throw new Error(`the proxy does not answer:\n${proxy.output()}`);
    await new Promise((soon) => setTimeout(soon, 25));
  }
}
