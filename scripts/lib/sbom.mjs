// What is compiled into a release, as a bill of materials in CycloneDX: every crate below the Worker, the engine for
// policies and the command line. The npm packages bring no others.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { root } from './paths.mjs';
import { run } from './progress.mjs';

/** What is shipped, by the platform that it is compiled for. */
const SHIPPED = [['wasm32-unknown-unknown', ['postern-worker', 'postern-policy-module']], ['wasm32-wasip1', ['postern-cli']]];

/** The bill of materials of release `version`. The same source gives the same text. */
export async function billOfMaterials(version) {
  const crates = new Map();
  const edges = new Map();
  for (const [platform, names] of SHIPPED) await collect(platform, names, crates, edges);
  const checksums = checksumsOfLock();
  const found = [...crates.values()].sort((a, b) => (refOf(a) < refOf(b) ? -1 : 1));
  return {
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    version: 1,
    metadata: { component: { type: 'application', 'bom-ref': `pkg:npm/postern@${version}`, name: 'postern', version, purl: `pkg:npm/postern@${version}` } },
    components: found.map((crate) => component(crate, checksums)),
    dependencies: [
      { ref: `pkg:npm/postern@${version}`, dependsOn: found.filter(({ name }) => SHIPPED.some(([, names]) => names.includes(name))).map(refOf) },
      ...found.map((crate) => ({ ref: refOf(crate), dependsOn: [...edges.get(crate.id)].sort() })),
    ],
  };
}

/** Follows what is linked, and leaves out what only builds and tests use. */
async function collect(platform, names, crates, edges) {
  const { packages, resolve } = JSON.parse(await run('cargo', ['metadata', '--quiet', '--format-version', '1', '--locked', '--filter-platform', platform], { cwd: root }));
  const byId = new Map(packages.map((one) => [one.id, one]));
  const nodes = new Map(resolve.nodes.map((node) => [node.id, node]));
  const waiting = packages.filter(({ name }) => names.includes(name)).map(({ id }) => id);
  const seen = new Set();
  for (let id = waiting.pop(); id; id = waiting.pop()) {
    if (seen.has(id)) continue;
    seen.add(id);
    crates.set(id, byId.get(id));
    const linked = nodes.get(id).deps.filter(({ dep_kinds: kinds }) => kinds.some(({ kind }) => kind === null)).map(({ pkg }) => pkg);
    edges.set(id, new Set([...(edges.get(id) ?? []), ...linked.map((one) => refOf(byId.get(one)))]));
    waiting.push(...linked);
  }
}

const refOf = ({ name, version }) => `pkg:cargo/${name}@${version}`;

function component(crate, checksums) {
  const { name, version, license } = crate;
  const checksum = checksums.get(`${name}@${version}`);
  return {
    type: 'library', 'bom-ref': refOf(crate), name, version, purl: refOf(crate),
    // Cargo allowed `MIT/Apache-2.0` for `MIT OR Apache-2.0`.
    ...(license && { licenses: [{ expression: license.replaceAll('/', ' OR ') }] }),
    ...(checksum && { hashes: [{ alg: 'SHA-256', content: checksum }] }),
  };
}

function checksumsOfLock() {
  const lock = readFileSync(join(root, 'Cargo.lock'), 'utf8');
  const entries = lock.matchAll(/^name = "([^"]+)"\nversion = "([^"]+)"\nsource = "[^"]+"\nchecksum = "([0-9a-f]{64})"$/gm);
  return new Map([...entries].map(([, name, version, checksum]) => [`${name}@${version}`, checksum]));
}
