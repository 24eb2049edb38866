// How text looks at the terminal.

/** Colours where the terminal has them and the person wants them. */
export function paintFor(output, env) {
  const colours = output.isTTY && !env.NO_COLOR && env.TERM !== 'dumb';
  const style = (code) => (text) => (colours ? `\x1b[${code}m${text}\x1b[0m` : text);
  return { bold: style('1'), dim: style('2'), cyan: style('36') };
}

/** Text in lines of at most 80 columns, further lines below the text of the first. A word that is too long stays whole. */
export function wrapped(first, text, width = 80) {
  const indent = ' '.repeat(first.length);
  const lines = [first];
  let isEmpty = true;
  for (const word of text.split(' ')) {
    if (!isEmpty && lines.at(-1).length + 1 + word.length > width) {
      lines.push(indent);
      isEmpty = true;
    }
    lines[lines.length - 1] += isEmpty ? word : ` ${word}`;
    isEmpty = false;
  }
  return lines.join('\n');
}
