// Versions of policies, published as `postern policy pack` and wrangler would.

import { createHash } from "node:crypto";

const POINTER = "policies/pointer";

/** The stored text of a version, and its name: of one file of policies, or of several by name. */
export function versionOf(text) {
  const files = typeof text === "string" ? { "a.cedar": text } : Object.fromEntries(Object.entries(text).sort());
  const stored = JSON.stringify({ files, format: 1 });
  return { stored, version: createHash("sha256").update(stored).digest("hex") };
}

/** Who publishes. Each publishing has a higher serial than the one before. */
export class Publisher {
  #serial = 0;

  constructor(postern) {
    this.postern = postern;
  }

  /** Publishes a version: it first, then the pointer. Resolves with its name. */
  async publish(text, { shadow } = {}) {
    const live = await this.#store(text);
    await this.point({ live, ...(shadow !== undefined && { shadow: await this.#store(shadow) }) });
    return live;
  }

  /** Points at versions that are there, or not. */
  async point(versions) {
    this.#serial += 1;
    const namespace = await this.postern.policies();
    await namespace.put(POINTER, JSON.stringify({ serial: this.#serial, ...versions }));
  }

  /** Stores something else under a version's name. */
  async overwrite(version, text) {
    const namespace = await this.postern.policies();
    await namespace.put(`policies/${version}`, text);
  }

  async withdraw() {
    const namespace = await this.postern.policies();
    await namespace.delete(POINTER);
  }

  async #store(text) {
    const { stored, version } = versionOf(text);
    await this.overwrite(version, stored);
    return version;
  }
}
