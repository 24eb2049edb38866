// The platform these tests run on is the one that `wrangler.toml` deploys to.

import assert from "node:assert/strict";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import { unstable_readConfig } from "wrangler";

import { PLATFORM } from "./support/postern.mjs";

test("wrangler.toml has the platform, the stores and the entry that the tests use", () => {
  const config = unstable_readConfig({ config: fileURLToPath(new URL("../../wrangler.toml", import.meta.url)) }, { hideWarnings: true });
  assert.equal(config.compatibility_date, PLATFORM.compatibilityDate);
  assert.deepEqual(config.compatibility_flags, PLATFORM.compatibilityFlags);
  assert.match(config.main, /build\/index\.js$/);
  assert.deepEqual(config.kv_namespaces.map(({ binding }) => binding), ["POSTERN_CACHE"]);
  for (const env of [undefined, "production"]) {
    const { triggers } = unstable_readConfig({ config: fileURLToPath(new URL("../../wrangler.toml", import.meta.url)), env }, { hideWarnings: true });
    assert.deepEqual(triggers.crons, ["*/5 * * * *"], "documents are refreshed by time");
  }
  const objects = config.durable_objects.bindings.map(({ name, class_name: className }) => [name, className]);
  assert.deepEqual(objects.toSorted(), [["API_KEYS", "KeyObject"], ["BLOCKS", "BlockObject"], ["BUCKETS", "BucketObject"], ["DECISION_LOG", "DecisionObject"], ["ONCE", "OnceObject"], ["SERVICE_TOKENS", "ServiceTokenObject"], ["SID_INDEX", "SidIndexObject"], ["SUBJECTS", "SubjectObject"], ["TUPLES", "TupleObject"]]);
});
