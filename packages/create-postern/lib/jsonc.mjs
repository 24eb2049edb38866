// JSON with comments, as people write it: what fits on a line stands on one.

const WIDTH = 100;

/** `sections`: lists of `[comment, members]`; a comment may be missing. */
export function jsonc(sections) {
  const parts = sections.map(([comment, members]) => {
    const notes = comment ? comment.split('\n').map((line) => `  // ${line}`) : [];
    return [...notes, Object.entries(members).map(([key, value]) => `  ${JSON.stringify(key)}: ${format(value, 2, key.length + 6)}`).join(',\n')].join('\n');
  });
  return `{\n${parts.join(',\n\n')}\n}\n`;
}

function format(value, indent, used) {
  const flat = oneLine(value);
  if (indent + used + flat.length <= WIDTH || value === null || typeof value !== 'object') return flat;
  const pad = ' '.repeat(indent + 2);
  const isList = Array.isArray(value);
  const items = isList
    ? value.map((one) => pad + format(one, indent + 2, 0))
    : Object.entries(value).map(([key, one]) => `${pad}${JSON.stringify(key)}: ${format(one, indent + 2, key.length + 4)}`);
  const [open, close] = isList ? '[]' : '{}';
  return `${open}\n${items.join(',\n')}\n${' '.repeat(indent)}${close}`;
}

function oneLine(value) {
  if (Array.isArray(value)) return `[${value.map(oneLine).join(', ')}]`;
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  const members = Object.entries(value).map(([key, one]) => `${JSON.stringify(key)}: ${oneLine(one)}`);
  return members.length ? `{ ${members.join(', ')} }` : '{}';
}
