// The configuration file: variables that are bundled with the Worker, beside those that are bindings. Rust reads and checks
// both together.

/** Whether it is an object as a JSON module has it. */
const isPlain = (value) => typeof value === "object" && value !== null && [Object.prototype, null].includes(Object.getPrototypeOf(value));

/** The tables of providers with their places among them as `order`, unless they say it themselves: the reader of JSON knows no order. */
const inOrder = (name, value) =>
  name.endsWith("PROVIDERS") && isPlain(value)
    ? Object.fromEntries(Object.entries(value).map(([id, table], order) => [id, isPlain(table) ? { order, ...table } : table]))
    : value;

const ordered = (file) => Object.fromEntries(Object.entries(file).map(([name, value]) => [name, inOrder(name, value)]));

/** The one file of this Worker. */
export const configuration = {
  file: undefined,
  /** Whether there was a request: too late for another file. */
  isInUse: false,

  /** @param {object | string} file a JSON module, or its text */
  set(file) {
    if (typeof file !== "string" && !isPlain(file)) throw new TypeError("configured(): expected a JSON module or its text");
    if (this.isInUse || this.file !== undefined) throw new Error("configured(): to be called once, where the Worker's module is evaluated");
    this.file = file;
  },

  /** Its text; `undefined` where there is none. Each instance reads it anew. */
  read() {
    return typeof this.file === "object" ? JSON.stringify(ordered(this.file)) : this.file;
  },
};
