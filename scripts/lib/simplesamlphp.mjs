// SimpleSAMLphp for the browser tests of SAML: the one that is there, or Debian's where apt may be used.

import { existsSync } from 'node:fs';

import { ensureByApt } from './apt.mjs';
import { probe } from './progress.mjs';

const PACKAGES = ['simplesamlphp', 'php-cli', 'php-xml', 'php-mbstring'];

const isThere = async () => existsSync(process.env.SIMPLESAMLPHP ?? '/usr/share/simplesamlphp')
  && await probe('php', ['-r', 'exit(class_exists("DOMDocument") ? 0 : 1);']) !== null;

/** Installs it, where that can be done. Resolves with whether it is there: without it, its tests do not run. */
export const ensureSimpleSaml = () => ensureByApt('SimpleSAMLphp', isThere, PACKAGES);
