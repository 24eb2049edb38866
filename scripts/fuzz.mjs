// `npm run fuzz`: throws made-up input at every parser of outside bytes, with AddressSanitizer. Unlike `npm test`, which does
// so for a moment, it needs a nightly Rust and cargo-fuzz, and installs them.
//   npm run fuzz                                every target for a minute
//   npm run fuzz -- jwt jwks --seconds 1800     some of them, for half an hour each

import { parseArgs } from 'node:util';

import { bootstrap } from './lib/bootstrap.mjs';
import { buildWithSanitizer, fuzz, fuzzTargets } from './lib/fuzz.mjs';
import { CannotGoOn, main, step } from './lib/progress.mjs';
import { ensureRust } from './lib/toolchain.mjs';

await main(async () => {
  await bootstrap({ keep: true });
  const { values, positionals } = parseArgs({ allowPositionals: true, options: { seconds: { type: 'string', default: '60' } } });
  await ensureRust();
  const targets = chosen(await fuzzTargets(), positionals);
  const built = await buildWithSanitizer(targets);
  for (const target of targets) {
    await step(`fuzzing ${target.name}`, () => fuzz(built, target, Number(values.seconds)), String);
  }
});

/** The targets of these names, or all. */
function chosen(targets, names) {
  if (!names.length) return targets;
  return names.map((name) => {
    const found = targets.find((target) => target.name === name);
    if (!found) throw new CannotGoOn(`there is no target \`${name}\`; there are: ${targets.map((target) => target.name).join(', ')}`);
    return found;
  });
}
