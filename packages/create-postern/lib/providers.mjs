// The providers: Postern's presets (`providers.json`, see docs/providers), and any other by its issuer.

import { readFileSync } from 'node:fs';

/** Those that most people look for come first. */
const FIRST = ['auth0', 'google', 'entra', 'okta', 'keycloak', 'cognito', 'zitadel', 'authentik', 'gitlab', 'apple', 'github'];

const OTHER = {
  title: 'Another OpenID provider',
  asks: [{ key: 'issuer', what: 'Its issuer, exactly as it writes it', form: 'url', example: 'https://login.example.com' }],
  register: [
    'Register a confidential web client with the authorization code grant.',
    'Set the redirect URI {callback} and the post-logout redirect URI {signed_out}.',
    'If the provider has back-channel logout, set its URI {backchannel_logout}.',
    'Copy the client ID and the client secret.',
  ],
};

const presets = JSON.parse(readFileSync(new URL('../providers.json', import.meta.url), 'utf8'));
const rank = (id) => (FIRST.includes(id) ? FIRST.indexOf(id) : FIRST.length);

/** By id, in the order in which they are offered. */
export const PROVIDERS = {
  ...Object.fromEntries(Object.keys(presets).sort((a, b) => rank(a) - rank(b)).map((id) => [id, { ...presets[id], preset: id }])),
  other: OTHER,
};

/** Every key that some provider asks for. */
export const ASKED = [...new Set(Object.values(PROVIDERS).flatMap(({ asks }) => asks.map(({ key }) => key)))];

const LABEL = '[a-z0-9]([a-z0-9-]*[a-z0-9])?';
const GUID = '[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}';

/** An answer as the provider writes it: ids are copied in capitals too. */
export const normal = ({ form }, text) => (form === 'guid' || form === 'guids' ? text.toLowerCase().replace(/\s+/g, '') : text);

/** What stands for an answer that is filled in later. `postern check` and the Worker refuse it, or the provider does. */
export const placeholder = ({ key }) => key.toUpperCase();

/** Forms of what is asked, with what to say of anything else. */
const FORMS = {
  host: [new RegExp(`^${LABEL}(\\.${LABEL})+$`), 'a host name without https:// and without a path'],
  guid: [new RegExp(`^${GUID}$`), 'an id'],
  guids: [new RegExp(`^(any|${GUID}(,${GUID})*)$`), 'ids with commas between them, or `any`'],
  name: [/^[\w.-]{1,128}$/, 'letters, digits, `.`, `_` and `-`'],
  url: [/^https?:\/\/[^\s"\\]{1,500}$/, 'an address that begins with https://'],
};

/** What is wrong with an answer, or nothing. */
export function wrongWith({ form, example }, text) {
  const [pattern, expected] = FORMS[form];
  return pattern.test(text) ? undefined : `expected ${expected}, such as ${example}`;
}

/** The value of an answer in the configuration. */
export function valueOf({ form }, text) {
  return form === 'guids' && text !== 'any' ? text.split(',') : text;
}

/** The name of the secret that proves to the provider who asks. */
export function secretName({ id, clientAuth }) {
  const what = ['apple', 'private_key_jwt'].includes(clientAuth) ? 'PRIVATE_KEY' : 'CLIENT_SECRET';
  return `PROVIDER_${id.toUpperCase().replaceAll('-', '_')}_${what}`;
}
