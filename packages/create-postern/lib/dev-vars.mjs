// Values in `.dev.vars`, as wrangler and `postern check` read them.

/** A value in quotes: a text, a JWK, or a key in PEM; `undefined` if it cannot be written so that it is read as it is. */
export function quoted(value) {
  const lines = value.trim().replace(/\r?\n/g, '\n');
  if (/[^\n\x20-\x7e]|[\\`]/.test(lines)) return undefined;
  if (!lines.includes('"')) return `"${lines.replaceAll('\n', '\\n')}"`;
  return /['\n]/.test(lines) ? undefined : `'${lines}'`;
}
