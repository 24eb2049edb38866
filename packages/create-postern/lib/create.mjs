// From the command line to the files.

import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';

import { settle } from './answers.mjs';
import { Questions } from './ask.mjs';
import { namesIn } from './dev-vars.mjs';
import { ALWAYS, filesOf, ignoring } from './files.mjs';
import { manifestFor } from './manifest.mjs';
import { USAGE, readOptions } from './options.mjs';
import { paintFor } from './paint.mjs';
import { VERSION } from './platform.mjs';
import { Problem } from './problem.mjs';
import { lookAt } from './project.mjs';
import { report } from './report.mjs';
import { write } from './write.mjs';

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
  // Before the first question, so that no answer is lost.
  if (!options.force) refuseProject(project);
  const questions = canAsk ? new Questions(input, output, paint) : undefined;
  let answers;
  try {
    answers = await settle(options, project, { questions, env, say: (text) => output.write(text) });
  } finally {
    questions?.close();
  }
  const vars = project.read('.dev.vars') ?? '';
  Object.assign(answers, { viteConfig: project.viteConfig, knowsPlugin: project.knowsPlugin, vars, kept: namesIn(vars) });
  const files = filesOf(answers, project);
  if (!options.force) refuseToOverwrite(project, Object.keys(files));
  const { text, names } = manifestFor(answers, project);
  files['package.json'] = { text, extends: true };
  const ignored = ignoring(project.read('.gitignore'));
  if (ignored) files['.gitignore'] = { text: ignored, extends: true };
  // Wrangler reads only one of them, without a word about the other.
  const outcome = write(project.folder, files, project.wranglerFiles.filter((name) => !files[name]));
  return say(output, report({ answers, outcome, names, project, from, node, paint }));
}

function say(output, text) {
  output.write(text);
  return 0;
}

function refuseProject(project) {
  const [wrangler] = project.wranglerFiles;
  if (project.hasPostern) throw new Problem(`Postern is set up here already. \`--force\` sets it up again: it replaces ${wrangler}, and keeps a copy of it.`);
  if (wrangler) {
    throw new Problem(`${wrangler} is there already. Postern is a Worker of its own: move your file to \`api/\` and name that folder with \`--api\`, or use \`--force\` to replace it.`);
  }
  refuseToOverwrite(project, ALWAYS);
}

function refuseToOverwrite({ folder }, paths) {
  const there = paths.filter((path) => existsSync(join(folder, path)));
  if (!there.length) return;
  throw new Problem([
    'these files are there already, nothing was written:',
    ...there.map((path) => `  ${path}`),
    '--force replaces them and keeps copies; in .dev.vars it changes only the lines of Postern.',
  ].join('\n'));
}
