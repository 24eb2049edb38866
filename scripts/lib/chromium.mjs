// A browser for the browser tests: the one that is there, or Debian's where apt may be used.

import { existsSync } from 'node:fs';

import { CannotGoOn, probe, run, step } from './progress.mjs';
import { onPath } from './toolchain.mjs';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];
const ELSEWHERE = [
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
];

/** The path of a Chromium, installed if need be and possible. */
export async function ensureChromium() {
  const named = process.env.CHROMIUM_BIN;
  if (named && !existsSync(named)) throw new CannotGoOn(`CHROMIUM_BIN names \`${named}\`, which is not there`);
  const found = named ?? find();
  if (found) return found;
  if (process.getuid?.() !== 0 || await probe('apt-get', ['--version']) === null) {
    throw new CannotGoOn([
      'The browser tests need Chromium or Chrome, and this script may not install it here.',
      'Install one (Debian or Ubuntu: `sudo apt-get install chromium`; macOS: `brew install --cask chromium`),',
      'or name one: `CHROMIUM_BIN=/path/to/chrome npm test`. Without a browser: `npm test -- --skip browser`.',
    ].join('\n'));
  }
  const env = { DEBIAN_FRONTEND: 'noninteractive' };
  await step('Chromium, by apt-get', async () => {
    await run('apt-get', ['update', '-qq'], { env });
    await run('apt-get', ['install', '-y', '-qq', '--no-install-recommends', 'chromium'], { env });
  });
  const installed = find();
  if (!installed) throw new CannotGoOn('apt-get installed Chromium, but no `chromium` is on the PATH');
  return installed;
}

function find() {
  return NAMES.flatMap(onPath)[0] ?? ELSEWHERE.find((path) => existsSync(path));
}
