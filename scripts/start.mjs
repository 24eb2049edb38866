// `npm start`: from a bare clone to the demo in a browser. Two providers, the demo API, an MCP server, Postern and
// a single-page application, all on loopback, until Ctrl-C.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';

import { bootstrap } from './lib/bootstrap.mjs';
import { ensureDevVars } from './lib/dev-vars.mjs';
import { root } from './lib/paths.mjs';
import { CannotGoOn, bold, cyan, dim, elapsed, main, red, step } from './lib/progress.mjs';
import { ensureRust } from './lib/toolchain.mjs';
import { buildWorker } from './lib/worker.mjs';
import { startWranglerDev } from './lib/wrangler.mjs';

const PORT = Number(process.env.POSTERN_PORT ?? 8787);
const PUBLIC_URL = `http://localhost:${PORT}`;
/** As in `[vars.PROVIDERS]` of wrangler.toml. */
const PROVIDERS = [
  { id: 'demo', name: 'Demo Identity', port: 9001 },
  { id: 'partner', name: 'Partner Login', port: 9002 },
];

await main(async () => {
  const since = performance.now();
  await bootstrap();
  await ensureRust();
  await step('Postern', () => buildWorker('release'), String);
  const secrets = ensureDevVars();

  await Promise.all([PORT, ...PROVIDERS.map(({ port }) => port)].map(ensureFree));
  const running = await step('Providers', () => startProviders(secrets));
  let wrangler;
  const stopAll = () => Promise.all([wrangler?.stop(), ...running.map((provider) => provider.close())]);
  stopOnSignals(stopAll);
  try {
    await step('Postern and the demo API in workerd', async () => {
      wrangler = await startWranglerDev({
        configs: ['wrangler.toml', 'demo/api/wrangler.toml', mcpConfiguration()], port: PORT, vars: { PUBLIC_URL }, onLine: showEvent,
      });
    });
  } catch (error) {
    await stopAll();
    throw error;
  }
  await welcome(since);
  const code = await wrangler.exit;
  await stopAll();
  throw new CannotGoOn(`wrangler dev ended by itself (${code}):\n${wrangler.last.join('\n')}`);
});

async function startProviders(secrets) {
  const { DEMO_ROBOT, startProvider } = await import('../demo/provider/provider.mjs');
  return Promise.all(PROVIDERS.map(({ id, name, port }) => startProvider({
    port,
    name,
    clients: [{
      client_id: 'postern',
      client_secret: secrets[`PROVIDER_${id.toUpperCase()}_CLIENT_SECRET`],
      client_name: 'the Postern demo',
      grant_types: ['authorization_code', 'refresh_token'],
      redirect_uris: [`${PUBLIC_URL}/auth/callback/${id}`],
      post_logout_redirect_uris: [`${PUBLIC_URL}/auth/logged-out`],
    }, DEMO_ROBOT],
  })));
}

/** The configuration of the MCP server with the port in use: it believes Postern's word, and `--var` is for the first Worker alone. */
function mcpConfiguration() {
  const source = join(root, 'demo', 'mcp');
  const text = readFileSync(join(source, 'wrangler.toml'), 'utf8')
    .replace(/^main = .*$/m, `main = ${JSON.stringify(join(source, 'index.mjs'))}`)
    .replace(/^POSTERN = .*$/m, `POSTERN = ${JSON.stringify(PUBLIC_URL)}`);
  const folder = join(root, '.wrangler', 'mcp');
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'wrangler.toml'), text);
  return join(folder, 'wrangler.toml');
}

async function welcome(since) {
  const { DEMO_ACCOUNTS } = await import('../demo/provider/provider.mjs');
  const accounts = DEMO_ACCOUNTS.map(({ login, password }) => `${bold(login)} / ${bold(password)}`).join('   or   ');
  console.log([
    '',
    `  ${bold('Postern is running')} ${dim(`after ${elapsed(since)}`)}`,
    '',
    `      Open     ${bold(cyan(PUBLIC_URL))}`,
    `      Sign in  ${accounts}`,
    `      Program  sign in and make a key at ${cyan(`${PUBLIC_URL}/auth/keys`)}, then:`,
    `               curl -H 'Authorization: Bearer demo_…' ${PUBLIC_URL}/api/greeting`,
    `      Agent    node demo/agent.mjs ${PUBLIC_URL}/mcp`,
    `               or give ${cyan(`${PUBLIC_URL}/mcp`)} to any MCP client that runs on this computer`,
    '',
    dim('  Decisions appear below, one line each; everything else is in .wrangler/dev.log. Ctrl-C stops.'),
    '',
  ].join('\n'));
}

/** Postern logs one JSON object per decision; errors of the runtime are shown too. */
function showEvent(line) {
  const [, event] = /^(?:\[[^\]]*\] )?(\{.*\})$/.exec(line) ?? [];
  if (event) console.log(dim(`  │ ${event}`));
  else if (/\[(?:wrangler:)?error\]|✘|Uncaught|panicked/i.test(line)) console.log(red(`  │ ${line}`));
}

function stopOnSignals(stopAll) {
  let stopping = false;
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(signal, async () => {
      if (stopping) return;
      stopping = true;
      console.log(dim('\n  Stopping …'));
      await stopAll();
      process.exit(0);
    });
  }
}

/** A port is free when nobody answers on it, over IPv4 or IPv6. */
async function ensureFree(port) {
  const answers = await Promise.all(['127.0.0.1', '::1'].map((host) => new Promise((resolve) => {
    const socket = connect({ host, port }, () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  })));
  if (!answers.includes(true)) return;
  const remedy = port === PORT
    ? 'stop what runs there, or choose another one: `POSTERN_PORT=8788 npm start`'
    : 'stop what runs there (another `npm start`?); the providers need this port, as wrangler.toml names it';
  throw new CannotGoOn(`Port ${port} is taken: ${remedy}.`);
}
