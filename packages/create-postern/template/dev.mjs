// For development: a provider on this machine with two accounts, and everything else. Accounts and passwords are public.

import { spawn } from 'node:child_process';
import { join } from 'node:path';

import { startProvider } from 'postern/demo-provider';

process.chdir(import.meta.dirname);
process.loadEnvFile('.dev.vars');

const provider = await startProvider({
  port: __providerPort__,
  clients: [{
    client_id: 'postern',
    client_secret: process.env.__secretName__,
    client_name: '__name__',
    grant_types: ['authorization_code', 'refresh_token'],
    redirect_uris: ['__origin__/auth/callback/demo'],
    post_logout_redirect_uris: ['__origin__/auth/logged-out'],
  }],
}).catch((error) => {
  if (error.code !== 'EADDRINUSE') throw error;
  console.error('Port __providerPort__ is in use: stop the other program, or set up again with `--provider-port __freePort__ --force`');
  process.exit(1);
});
console.log(`Sign in as alice / wonderland or bob / builder at ${provider.issuer}. Open __origin__`);

const program = join('node_modules', '__command__');
const child = spawn(process.execPath, [program, ...[__args__], ...process.argv.slice(2)], { stdio: 'inherit' });
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
child.on('exit', async (code) => {
  await provider.close();
  process.exit(code ?? 1);
});
