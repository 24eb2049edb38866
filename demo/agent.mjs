// node demo/agent.mjs [http://localhost:8787/mcp]: a program that acts for a person at an MCP server. It finds out where to
// ask, sends the person there, gets a token for what they agreed to, and calls the tools.

import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';

import { Client, StreamableHTTPClientTransport, UnauthorizedError } from '@modelcontextprotocol/client';

const server = new URL(process.argv[2] ?? 'http://localhost:8787/mcp');
const origin = 'http://localhost:9010';
/** What this program says of itself: the address of this document is its name (Client ID Metadata Documents). */
const metadata = {
  client_id: `${origin}/client.json`,
  client_name: 'Demo agent',
  redirect_uris: [`${origin}/callback`],
  grant_types: ['authorization_code', 'refresh_token'],
  response_types: ['code'],
  token_endpoint_auth_method: 'none',
};

/** What is kept while the program runs. */
const kept = { state: randomUUID() };
const authProvider = {
  redirectUrl: metadata.redirect_uris[0],
  clientMetadata: metadata,
  clientInformation: () => ({ client_id: metadata.client_id }),
  state: () => kept.state,
  tokens: () => kept.tokens,
  saveTokens: (tokens) => { kept.tokens = tokens; },
  codeVerifier: () => kept.verifier,
  saveCodeVerifier: (verifier) => { kept.verifier = verifier; },
  discoveryState: () => kept.discovered,
  saveDiscoveryState: (state) => { kept.discovered = state; },
  redirectToAuthorization: (url) => console.log(`\nOpen this in your browser, and allow or refuse it:\n\n  ${url}\n`),
};

const answers = new Promise((resolve) => { kept.answer = resolve; });
const listener = createServer((request, response) => {
  const url = new URL(request.url, origin);
  if (url.pathname === '/client.json') {
    response.setHeader('content-type', 'application/json');
    return response.end(JSON.stringify(metadata));
  }
  if (url.pathname !== '/callback' || url.searchParams.get('state') !== kept.state) {
    response.statusCode = 404;
    return response.end();
  }
  response.setHeader('content-type', 'text/html; charset=utf-8');
  response.end('<!doctype html><title>Demo agent</title><link rel="icon" href="data:,"><p>You can close this page.');
  return kept.answer(url.searchParams);
});

try {
  await listening();
  const client = await connect();
  const { tools } = await client.listTools();
  console.log(`Tools that it may use: ${tools.map(({ name }) => name).join(', ') || 'none'}`);
  for (const [name, args] of [['whoami', {}], ['search', { word: 'hedgehog' }], ['dump', {}]]) {
    const said = await client.callTool({ name, arguments: args }).then(({ content }) => content[0].text, (error) => `refused (${error.message})`);
    console.log(`${name}: ${said}`);
  }
  await client.close();
} catch (error) {
  console.error(`\n${explained(error)}`);
  process.exitCode = 1;
} finally {
  listener.close();
}

function listening() {
  return new Promise((ready, failed) => {
    listener.once('error', failed);
    listener.listen(9010, 'localhost', ready);
  });
}

/** What a person can do about it, where that is known. */
function explained(error) {
  const codes = [];
  for (let cause = error; cause; cause = cause.cause) codes.push(cause.code);
  if (codes.includes('EADDRINUSE')) return 'Port 9010 is taken: stop what runs there (another demo/agent.mjs?).';
  if (codes.includes('ECONNREFUSED')) return `Nothing answers at ${server.origin}: run \`npm start\` first, and give the address that it prints.`;
  return error.message;
}

/** A client that is connected, once the person has agreed. */
async function connect() {
  const client = () => new Client({ name: 'demo-agent', version: '1.0.0' }, { versionNegotiation: { mode: 'auto' } });
  const first = new StreamableHTTPClientTransport(server, { authProvider });
  try {
    const connected = client();
    await connected.connect(first);
    return connected;
  } catch (error) {
    if (!(error instanceof UnauthorizedError)) throw error;
  }
  const answer = await answers;
  if (answer.has('error')) throw new Error(`not allowed: ${answer.get('error')}`);
  await first.finishAuth(answer);
  const connected = client();
  await connected.connect(new StreamableHTTPClientTransport(server, { authProvider }));
  return connected;
}
