// Values in `.dev.vars`, as wrangler and `postern check` read them.

/** An assignment, as the reader of wrangler (npm `dotenv`) finds it; one in quotes may have several lines. */
const ASSIGNMENT = /^[ \t]*(?:export[ \t]+)?([\w.-]+)(?:[ \t]*=|:[ \t])([ \t]*'(?:\\'|[^'])*'|[ \t]*"(?:\\"|[^"])*"|[ \t]*`(?:\\`|[^`])*`|[^#\r\n]*)[ \t]*(?:#.*)?$/gm;

/** A value in quotes: a text, a JWK, or a key in PEM; `undefined` if it cannot be written so that it is read as it is. */
export function quoted(value) {
  const lines = value.trim().replace(/\r?\n/g, '\n');
  if (/[^\n\x20-\x7e]|[\\`]/.test(lines)) return undefined;
  if (!lines.includes('"')) return `"${lines.replaceAll('\n', '\\n')}"`;
  return /['\n]/.test(lines) ? undefined : `'${lines}'`;
}

/** The names that have a value in a text. */
export function namesIn(text) {
  const all = [...text.matchAll(ASSIGNMENT)].filter(([, , value]) => value.trim().replace(/^(['"`])(.*)\1$/s, '$2').trim());
  return new Set(all.map(([, name]) => name));
}

/** A text with other lines for some names: `lines` has a line for each, or `null` for none. All else stays as it is. */
export function withLines(text, lines) {
  const isThere = new Set();
  const changed = text.replace(ASSIGNMENT, (whole, name) => {
    if (lines[name] === undefined) return whole;
    isThere.add(name);
    return lines[name] ?? '';
  });
  const added = Object.entries(lines).filter(([name, line]) => line !== null && !isThere.has(name)).map(([, line]) => line);
  return [changed.replace(/\n*$/, ''), ...added, ''].filter((part, index) => part || index).join('\n');
}
