// The JSON Schema of the configuration, as editors use it. That it names what the Worker reads, crates/cli/src/catalogue/tests.rs holds.
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import Ajv from 'ajv';
import { experimental_readRawConfig as readRawConfig } from 'wrangler';
import { root } from '../../scripts/lib/paths.mjs';

const read = (file) => JSON.parse(readFileSync(join(root, file), 'utf8'));
const schema = read('packages/postern/schema.json');
const validate = new Ajv({ allErrors: true, allowUnionTypes: true }).compile(schema);

const STRAY = 'no-such-name-anywhere';
/** What the Worker refuses, and that is what these files are for. */
const WRONG = ['fixtures/config/conflicts.toml', 'fixtures/config/empty.toml', 'fixtures/config/unreadable.toml', 'fixtures/config/wrong.toml'];

/** Of the environments in the others, those that are wrong too. */
const WRONG_ENVIRONMENTS = ['wrong', 'unnamed'];

/** Every `vars` of a wrangler file. */
function configurations(file) {
  const { rawConfig } = readRawConfig({ config: join(root, file) });
  const environments = Object.entries(rawConfig.env ?? {}).filter(([name]) => !WRONG_ENVIRONMENTS.includes(name));
  const all = [rawConfig, ...environments.map(([, own]) => own)].map(({ vars }) => vars).filter(Boolean);
  return { rawConfig, all };
}

const files = globSync(['wrangler.toml', 'examples/**/wrangler.toml', 'fixtures/config/*.toml'], { cwd: root }).filter((file) => !WRONG.includes(file)).sort();

test('every configuration of the repository is valid', () => {
  let count = 0;
  for (const file of files) {
    for (const vars of configurations(file).all) {
      assert.ok(validate(vars), `${file}: ${JSON.stringify(validate.errors, null, 1)}`);
      count += 1;
    }
  }
  assert.ok(count >= 10, `${count}: are they still looked for in the right place?`);
});

test('a variable that is not ours is not valid', () => {
  for (const name of [STRAY, 'ROUTE', 'ROUTES_', 'routes', '_ROUTES', '0A_ROUTES', 'SHOP_SITES']) {
    assert.equal(validate({ [name]: {} }), false, name);
  }
  assert.ok(validate({ SITES: ['shop'], SHOP_ROUTES: { '/a': { upstream: 'assets' } } }));
});

test('a key that its table does not have is not valid, in any table', () => {
  const tables = Object.entries(schema.definitions);
  assert.ok(tables.length >= 15, `${tables.length}`);
  for (const [name, table] of tables) {
    const one = new Ajv({ allowUnionTypes: true }).compile({ ...table, definitions: schema.definitions });
    // `then`: what a table needs that is not about SAML.
    const required = [table, table.then, table.anyOf?.[0]].flatMap((one) => one?.required ?? []);
    const least = Object.fromEntries(required.map((key) => [key, table.properties[key].examples[0]]));
    assert.ok(one(least), `${name}: ${JSON.stringify(one.errors)}`);
    assert.equal(one({ ...least, [STRAY]: true }), false, name);
    for (const key of required) assert.equal(one(without(least, key)), false, `${name} without ${key}`);
  }
});

test('the example of every key is valid, and what is of another type is not', () => {
  for (const [name, table] of Object.entries(schema.definitions)) {
    for (const [key, value] of Object.entries(table.properties)) {
      const one = new Ajv({ allowUnionTypes: true }).compile({ ...value, definitions: schema.definitions });
      assert.ok(one(value.examples[0]), `${name}.${key}: ${JSON.stringify(one.errors)}`);
      if (value.type || value.enum || value.anyOf || value.allOf) assert.equal(one([[[]]]), false, `${name}.${key}`);
    }
  }
});

test('misspelt words of a choice are not valid', () => {
  const routes = (route) => ({ ROUTES: { '/a': { upstream: 'assets', ...route } } });
  assert.ok(validate(routes({ token: 'none', methods: ['GET'] })));
  for (const wrong of [{ token: 'relayed' }, { methods: ['get'] }, { upstream: 'ORDERS' }, { revocation: 5 }, { limits: { address: { rate: '300' } } }]) {
    assert.equal(validate(routes(wrong)), false, JSON.stringify(wrong));
  }
});

test('a whole wrangler file is valid by its own schema and ours together', () => {
  const ajv = new Ajv({ strict: false, validateFormats: false });
  ajv.addSchema(read('node_modules/wrangler/config-schema.json'), 'https://here/wrangler/config-schema.json');
  ajv.addSchema(schema, 'https://here/postern/schema.json');
  const both = ajv.compile({ $id: 'https://here/postern/wrangler.schema.json', ...read('packages/postern/wrangler.schema.json') });
  const { rawConfig } = configurations('wrangler.toml');
  assert.ok(both(rawConfig), JSON.stringify(both.errors, null, 1));
  assert.equal(both({ ...rawConfig, vars: { ...rawConfig.vars, ROUTE: {} } }), false);
  assert.equal(both({ ...rawConfig, env: { a: { vars: { ROUTE: {} } } } }), false);
  assert.equal(both({ ...rawConfig, mian: 'x' }), false);
});

function without(object, key) {
  const { [key]: _, ...rest } = object;
  return rest;
}
