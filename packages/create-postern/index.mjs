#!/usr/bin/env node
// `npm create postern`: sets Postern up in a folder.

import { createPostern } from './lib/create.mjs';

process.exitCode = await createPostern({
  args: process.argv.slice(2), env: process.env, input: process.stdin, output: process.stdout, errors: process.stderr, folder: process.cwd(),
  node: process.versions.node,
});
