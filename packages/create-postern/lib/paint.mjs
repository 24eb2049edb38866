// How text looks at the terminal.

/** Colours where the terminal has them and the person wants them. */
export function paintFor(output, env) {
  const colours = output.isTTY && !env.NO_COLOR && env.TERM !== 'dumb';
  const style = (code) => (text) => (colours ? `\x1b[${code}m${text}\x1b[0m` : text);
  return { bold: style('1'), dim: style('2'), cyan: style('36') };
}

/**
 * Text in lines of at most 80 columns, further lines below the text of the first. A word that is too long stays whole, and
 * a list among `parts` has a line for each of its items, to be copied.
 */
export function wrapped(first, parts, width = 80) {
  const indent = ' '.repeat(first.length);
  const lines = [first];
  let isFresh = true;
  const breakLine = () => {
    if (!isFresh) lines.push(indent);
    isFresh = true;
  };
  const put = (word) => {
    if (!isFresh && lines.at(-1).length + 1 + word.length > width) breakLine();
    lines[lines.length - 1] += isFresh ? word : ` ${word}`;
    isFresh = false;
  };
  for (const part of typeof parts === 'string' ? [parts] : parts) {
    if (!Array.isArray(part)) part.split(' ').filter(Boolean).forEach(put);
    else {
      for (const item of part) {
        breakLine();
        put(`  ${item}`);
      }
      breakLine();
    }
  }
  return (isFresh ? lines.slice(0, -1) : lines).join('\n');
}
