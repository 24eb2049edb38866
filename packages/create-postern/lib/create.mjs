// From the command line to the files.

import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

import { settle } from './answers.mjs';
import { Questions } from './ask.mjs';
import { filesOf, ignoring } from './files.mjs';
import { manifestFor } from './manifest.mjs';
import { USAGE, readOptions } from './options.mjs';
import { paintFor } from './paint.mjs';
import { VERSION } from './platform.mjs';
import { Problem } from './problem.mjs';
import { lookAt } from './project.mjs';
import { report } from './report.mjs';

/** Does all of it; resolves with the exit code: 0 it is done, 1 something is in the way. */
export async function createPostern({ args, env, input, output, errors, folder: from, node }) {
  try {
    const options = readOptions(args);
    if (options.help) return say(output, USAGE);
    if (options.version) return say(output, `create-postern ${VERSION}\n`);
    const canAsk = Boolean(input.isTTY) && !options.yes;
    return await create({ options, env, canAsk, input, output, from, node });
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    errors.write(`create-postern: ${error.message}\n`);
    return 1;
  }
}

async function create({ options, env, canAsk, input, output, from, node }) {
  const paint = paintFor(output, env);
  const project = lookAt(resolve(from, options.folder ?? '.'));
  // Wrangler reads only one of them, without a word about the other.
  if (['wrangler.json', 'wrangler.toml'].some(project.has)) {
    throw new Problem('there is a wrangler file here already. Postern is a Worker of its own: set it up in another folder, and name this one with --api.');
  }
  const questions = canAsk ? new Questions(input, output, paint) : undefined;
  let answers;
  try {
    answers = await settle(options, project, { questions, env, say: (text) => output.write(text) });
  } finally {
    questions?.close();
  }
  Object.assign(answers, { viteConfig: project.viteConfig, knowsPlugin: project.knowsPlugin });
  const files = filesOf(answers);
  if (!options.force) refuseToOverwrite(project, Object.keys(files));
  const { text, names } = manifestFor(answers, project);
  files['package.json'] = { text };
  const ignored = ignoring(project.has('.gitignore') ? readFileSync(join(project.folder, '.gitignore'), 'utf8') : undefined);
  if (ignored) files['.gitignore'] = { text: ignored };
  write(project.folder, files);
  return say(output, report({ answers, written: Object.keys(files), names, project, from, node, paint }));
}

function say(output, text) {
  output.write(text);
  return 0;
}

function refuseToOverwrite({ folder }, paths) {
  const there = paths.filter((path) => existsSync(join(folder, path)));
  if (there.length) throw new Problem(`these files are there already, nothing was written:\n${there.map((path) => `  ${path}`).join('\n')}\n--force overwrites them.`);
}

function write(folder, files) {
  for (const [path, { text, mode = 0o644 }] of Object.entries(files)) {
    const file = join(folder, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text, { mode });
    // A file that was there keeps its mode otherwise.
    if (mode !== 0o644) chmodSync(file, mode);
  }
}
