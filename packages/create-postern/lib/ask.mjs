// Questions at the terminal.

import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';

import { wrapped } from './paint.mjs';
import { Problem } from './problem.mjs';

/** Asks at a terminal. `paint` makes text bold or quiet. */
export class Questions {
  #lines;
  #output;
  #paint;
  #isSecret = false;

  constructor(input, output, paint) {
    this.#output = output;
    this.#paint = paint;
    const echo = new Writable({
      write: (chunk, _encoding, done) => {
        if (!this.#isSecret) output.write(chunk);
        done();
      },
    });
    this.#lines = createInterface({ input, output: echo, terminal: true });
    this.#lines.on('SIGINT', () => this.#lines.close());
  }

  /** A text; `wrong` says what is wrong with one. An empty answer is the default. */
  async text(question, { standard = '', hint = '', wrong = () => undefined } = {}) {
    for (;;) {
      const shown = standard || hint;
      const answer = (await this.#line(`${this.#paint.bold(question)}${shown ? this.#paint.dim(` (${shown})`) : ''}: `)) || standard;
      const why = wrong(answer);
      if (!why) return answer;
      this.#output.write(`${wrapped('  ', why)}\n`);
    }
  }

  /** A text that is not shown. */
  async secret(question) {
    this.#output.write(`${this.#paint.bold(question)}: `);
    this.#isSecret = true;
    try {
      return await this.#line('');
    } finally {
      this.#isSecret = false;
      this.#output.write('\n');
    }
  }

  /** One of several; `choices` are `[value, title]`. The first one is the default. */
  async choice(question, choices) {
    const width = String(choices.length).length;
    this.#output.write(`${this.#paint.bold(question)}\n`);
    choices.forEach(([, title], index) => this.#output.write(`  ${String(index + 1).padStart(width)}  ${title}\n`));
    const answer = await this.text('Number', {
      standard: '1',
      wrong: (text) => (choices[Number(text) - 1] ? undefined : `expected a number from 1 to ${choices.length}`),
    });
    return choices[Number(answer) - 1][0];
  }

  close() {
    this.#lines.close();
  }

  #line(prompt) {
    return new Promise((resolve, reject) => {
      const stop = () => reject(new Problem('stopped, nothing was written'));
      this.#lines.once('close', stop);
      this.#lines.question(prompt).then((answer) => {
        this.#lines.off('close', stop);
        resolve(answer.trim());
      }, reject);
    });
  }
}
