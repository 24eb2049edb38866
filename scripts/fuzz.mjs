// `npm run fuzz`: throws made-up input at every parser of outside bytes.
//   npm run fuzz                                every target for a minute
//   npm run fuzz -- jwt jwks --seconds 1800     some of them, for half an hour each

import { parseArgs } from 'node:util';

import { bootstrap } from './lib/bootstrap.mjs';
import { fuzz, fuzzTargets, prepareFuzzing } from './lib/fuzz.mjs';
import { main, step } from './lib/progress.mjs';
import { ensureCargoFuzz, ensureRust } from './lib/toolchain.mjs';

await main(async () => {
  await bootstrap({ keep: true });
  const { values, positionals } = parseArgs({ allowPositionals: true, options: { seconds: { type: 'string', default: '60' } } });
  await ensureRust();
  const cargoFuzz = await ensureCargoFuzz();
  await step('fuzz targets', () => prepareFuzzing(cargoFuzz), String);
  for (const target of positionals.length ? positionals : fuzzTargets()) {
    await step(`fuzzing ${target}`, () => fuzz(cargoFuzz, target, Number(values.seconds)), String);
  }
});
