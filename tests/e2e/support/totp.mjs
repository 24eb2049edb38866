// An app that makes codes (RFC 6238), of Node's own means.

import { createHmac } from "node:crypto";

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/** The time step of a moment in milliseconds. */
export const stepAt = (now) => Math.floor(now / 30_000);

/** The code of a time step, for a secret in base32. */
export function codeOf(secret, step) {
  const bits = [...secret].map((letter) => ALPHABET.indexOf(letter).toString(2).padStart(5, "0")).join("");
  const key = Buffer.from(bits.match(/.{8}/g).map((byte) => parseInt(byte, 2)));
  const message = Buffer.alloc(8);
  message.writeBigUInt64BE(BigInt(step));
  const tag = createHmac("sha1", key).update(message).digest();
  const value = tag.readUInt32BE(tag.at(-1) & 0xf) & 0x7fffffff;
  return String(value % 1_000_000).padStart(6, "0");
}
