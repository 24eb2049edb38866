// Makes the pictures of the docs: Postern's own pages in Chromium, as `npm run build` built them.
//
//   npm run screenshots              the pictures of docs/pictures
//   npm run screenshots -- FOLDER    every page in every language, light and dark, narrow and wide, to look at

import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';

import { bootstrap } from './lib/bootstrap.mjs';
import { root } from './lib/paths.mjs';

await bootstrap();
const { ensureChromium } = await import('./lib/chromium.mjs');
const { buildWorker } = await import('./lib/worker.mjs');
const { step } = await import('./lib/progress.mjs');

await step('Worker', () => buildWorker('release'));
const executablePath = await ensureChromium();

const { chromium } = await import('playwright-core');
const { EVERY_PAGE, signedInState, startEveryPage } = await import('../tests/browser/support/every_page.mjs');

const LANGUAGES = ['en', 'de', 'fr', 'es', 'pt', 'ja', 'ar'];
const WIDTHS = { narrow: 360, wide: 1280 };
const SCHEMES = ['light', 'dark'];

/** Of the docs: by the file's name, which page, and how it is seen. */
const PICTURES = {
  chooser: { page: 'chooser', width: 640 },
  forbidden: { page: 'forbidden', width: 640 },
  'forbidden-arabic-dark': { page: 'forbidden', width: 640, language: 'ar', colorScheme: 'dark' },
  sessions: { page: 'sessions', width: 640 },
};

/** The pictures to make: where, of which page, and how it is seen. */
function wanted(folder) {
  if (!folder) return Object.entries(PICTURES).map(([name, picture]) => ({ path: join(root, 'docs/pictures', `${name}.png`), language: 'en', colorScheme: 'light', ...picture }));
  const all = [];
  for (const [page, { english }] of Object.entries(EVERY_PAGE)) {
    for (const language of english ? ['en'] : LANGUAGES) {
      for (const [size, width] of Object.entries(WIDTHS)) {
        for (const colorScheme of SCHEMES) {
          all.push({ path: join(resolve(folder), `${page.replaceAll(/\W+/g, '-')}-${language}-${colorScheme}-${size}.png`), page, language, width, colorScheme });
        }
      }
    }
  }
  return all;
}

async function make(browser, { origin }, pictures) {
  const state = await signedInState(browser, origin);
  for (const { path, page: name, language, width, colorScheme } of pictures) {
    const { signedIn, open } = EVERY_PAGE[name];
    mkdirSync(join(path, '..'), { recursive: true });
    const context = await browser.newContext({
      locale: { en: 'en-GB', pt: 'pt-BR' }[language] ?? language, timezoneId: 'Europe/Berlin', viewport: { width, height: 640 }, colorScheme,
      ...(signedIn && { storageState: state }),
    });
    const page = await context.newPage();
    await open(page, origin);
    await page.screenshot({ path, fullPage: true });
    await context.close();
  }
  return `${pictures.length} of them`;
}

const folder = process.argv[2];
const site = await startEveryPage({ longest: Boolean(folder) });
const browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu'] });
try {
  await step('Pictures', () => make(browser, site, wanted(folder)));
} finally {
  await browser.close();
  await site.close();
}
// The providers' servers would go on.
process.exit();
