// What is known of each provider: `providers.json`.

import { readFileSync } from 'node:fs';

/** By id, in the order in which they are offered. */
export const PROVIDERS = JSON.parse(readFileSync(new URL('../providers.json', import.meta.url), 'utf8'));

/** Every key that some provider asks for. */
export const ASKED = [...new Set(Object.values(PROVIDERS).flatMap(({ asks }) => asks.map(({ key }) => key)))];

const LABEL = '[a-z0-9]([a-z0-9-]*[a-z0-9])?';

/** Forms of what is asked, with what to say of anything else. */
const FORMS = {
  host: [new RegExp(`^${LABEL}(\\.${LABEL})+$`), 'a host name without https:// and without a path'],
  guid: [/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/, 'an id in small letters'],
  name: [/^[\w.-]{1,128}$/, 'letters, digits, `.`, `_` and `-`'],
  url: [/^https?:\/\/[^\s"\\]{1,500}$/, 'an address that begins with https://'],
};

/** What is wrong with an answer, or nothing. */
export function wrongWith({ form, example }, text) {
  const [pattern, expected] = FORMS[form];
  return pattern.test(text) ? undefined : `expected ${expected}, such as ${example}`;
}

/** `value` with `{name}` in all its texts replaced by the value of that name. */
export function filled(value, values) {
  if (typeof value === 'string') return value.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
  if (Array.isArray(value)) return value.map((one) => filled(one, values));
  if (!value || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, filled(one, values)]));
}
