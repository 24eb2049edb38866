// Runs a WebAssembly program that was compiled for WASI (preview 1), with the few of its functions that a command line
// needs. The program may read files, standard input, the clock and random bytes. It can write to no file and has no
// network. `node:wasi` is experimental, and refuses paths such as `../wrangler.toml`.

import { randomFillSync } from 'node:crypto';
import { closeSync, fstatSync, openSync, readSync, readdirSync, statSync } from 'node:fs';
import { resolve } from 'node:path';

// Error numbers of WASI.
const OK = 0;
const [ACCESS, BAD_FILE, EXISTS, INVALID, IO, IS_FOLDER, LOOP, TOO_LONG, MISSING, NOT_FOLDER, NOT_PERMITTED, READ_ONLY, ABSENT_FUNCTION] =
  [2, 8, 20, 28, 29, 31, 32, 37, 44, 54, 63, 69, 52];
const NUMBERS = {
  EACCES: ACCESS, EBADF: BAD_FILE, EEXIST: EXISTS, EINVAL: INVALID, EISDIR: IS_FOLDER, ELOOP: LOOP, ENAMETOOLONG: TOO_LONG,
  ENOENT: MISSING, ENOTDIR: NOT_FOLDER, EPERM: NOT_PERMITTED,
};

// Kinds of files.
const [UNKNOWN, CHARACTERS, FOLDER, FILE] = [0, 2, 3, 4];
// Flags of `path_open`: `directory`, and those that write (`creat`, `excl`, `trunc`).
const OPEN_FOLDER = 2;
const OPEN_WRITES = 1 | 4 | 8;
const RIGHT_TO_WRITE = 1n << 6n;
const EVERY_RIGHT = 0xffff_ffff_ffff_ffffn;

const DIRECTORY_ENTRY_BYTES = 24;
// Folders by the names that the program knows them by, under the numbers from 3. Its standard library takes the `/` off the
// front of every path, so that the root of all files has a name of its own (`crates/cli/src/files.rs`).
const ROOTS = [['.', '.'], [':root', '/']];
const FIRST_ROOT = 3;
const WAIT_MS = 10;

/** How the program ends when it says so itself. */
class Exit extends Error {
  constructor(code) {
    super(`exit ${code}`);
    this.code = code;
  }
}

/**
 * Runs `module` with arguments (without the program's name). Returns what it wrote and its exit code.
 *
 * @param {WebAssembly.Module} module
 * @param {string[]} args
 * @param {string} [input] in place of standard input
 * @returns {{ out: Buffer, err: Buffer, code: number }}
 */
export function runModule(module, args, input) {
  const process = new Process(['postern', ...args], input);
  const functions = process.functions();
  const imports = {};
  for (const { module: from, name } of WebAssembly.Module.imports(module)) {
    (imports[from] ??= {})[name] = functions[name] ?? (() => ABSENT_FUNCTION);
  }
  const { exports } = new WebAssembly.Instance(module, imports);
  process.memory = exports.memory;
  let code = 0;
  try {
    exports._start();
  } catch (error) {
    if (!(error instanceof Exit)) throw Object.assign(error, { said: process.written(2).toString() });
    code = error.code;
  }
  return { out: process.written(1), err: process.written(2), code };
}

class Process {
  memory = null;
  #args;
  #input = null;
  #output = { 1: [], 2: [] };
  #open = new Map(ROOTS.map(([name, path], index) => [FIRST_ROOT + index, { path, name }]));

  constructor(args, input) {
    if (input !== undefined) this.#input = Buffer.from(input);
    this.#args = args.map((arg) => Buffer.from(`${arg}\0`));
  }

  written(fd) {
    return Buffer.concat(this.#output[fd]);
  }

  /** Each function by its name, with an exception of Node's as the number of the error. */
  functions() {
    const all = { ...this.#surroundings(), ...this.#files(), ...this.#folders() };
    const guarded = (work) => (...args) => {
      try {
        return work(...args) ?? OK;
      } catch (error) {
        if (error instanceof Exit || !error.code) throw error;
        return NUMBERS[error.code] ?? IO;
      }
    };
    return Object.fromEntries(Object.entries(all).map(([name, work]) => [name, guarded(work)]));
  }

  #surroundings() {
    return {
      args_sizes_get: (count, bytes) => this.#sizes(this.#args, count, bytes),
      args_get: (pointers, text) => this.#texts(this.#args, pointers, text),
      environ_sizes_get: (count, bytes) => this.#sizes([], count, bytes),
      environ_get: () => OK,
      clock_time_get: (_id, _precision, at) => this.#view().setBigUint64(at, BigInt(Date.now()) * 1_000_000n, true),
      random_get: (at, length) => { randomFillSync(this.#bytes(at, length)); },
      sched_yield: () => OK,
      proc_exit: (code) => { throw new Exit(code); },
    };
  }

  #files() {
    return {
      fd_read: (fd, vectors, count, at) => this.#read(fd, vectors, count, at),
      fd_write: (fd, vectors, count, at) => this.#write(fd, vectors, count, at),
      fd_close: (fd) => this.#close(fd),
      fd_fdstat_get: (fd, at) => this.#describe(fd, at),
      fd_filestat_get: (fd, at) => this.#status(this.#statusOf(fd), at),
      path_filestat_get: (fd, _flags, path, length, at) => this.#status(statSync(this.#path(fd, path, length)), at),
      path_open: (fd, _follow, path, length, how, rights, _inherited, _flags, at) => this.#openPath(this.#path(fd, path, length), how, rights, at),
    };
  }

  #folders() {
    return {
      fd_prestat_get: (fd, at) => {
        const { name } = this.#opened(fd);
        if (!name) return BAD_FILE;
        this.#view().setUint8(at, 0);
        return this.#view().setUint32(at + 4, name.length, true);
      },
      fd_prestat_dir_name: (fd, at, length) => {
        const { name } = this.#opened(fd);
        if (!name || name.length > length) return INVALID;
        return this.#bytes(at, length).set(Buffer.from(name));
      },
      fd_readdir: (fd, at, length, cookie, used) => this.#list(this.#opened(fd), at, length, Number(cookie), used),
    };
  }

  #view() {
    return new DataView(this.memory.buffer);
  }

  #bytes(at, length) {
    return new Uint8Array(this.memory.buffer, at, length);
  }

  #sizes(texts, count, bytes) {
    this.#view().setUint32(count, texts.length, true);
    this.#view().setUint32(bytes, texts.reduce((sum, text) => sum + text.length, 0), true);
  }

  #texts(texts, pointers, at) {
    for (const [index, text] of texts.entries()) {
      this.#view().setUint32(pointers + 4 * index, at, true);
      this.#bytes(at, text.length).set(text);
      at += text.length;
    }
  }

  #opened(fd) {
    if (fd < FIRST_ROOT) return { path: null };
    const opened = this.#open.get(fd);
    if (!opened) throw Object.assign(new Error('not open'), { code: 'EBADF' });
    return opened;
  }

  #path(fd, at, length) {
    return resolve(this.#opened(fd).path, Buffer.from(this.#bytes(at, length)).toString());
  }

  #vectors(at, count) {
    const view = this.#view();
    return Array.from({ length: count }, (_, index) =>
      this.#bytes(view.getUint32(at + 8 * index, true), view.getUint32(at + 8 * index + 4, true)));
  }

  #read(fd, vectors, count, at) {
    const opened = this.#opened(fd);
    if (fd !== 0 && opened.file === undefined) return IS_FOLDER;
    let total = 0;
    for (const vector of this.#vectors(vectors, count)) {
      const read = fd === 0 ? this.#readInput(vector) : readSync(opened.file, vector, 0, vector.length, opened.at);
      if (fd !== 0) opened.at += read;
      total += read;
      if (read < vector.length) break;
    }
    return this.#view().setUint32(at, total, true);
  }

  #readInput(vector) {
    if (!this.#input) return readInput(vector);
    const read = this.#input.copy(vector);
    this.#input = this.#input.subarray(read);
    return read;
  }

  #write(fd, vectors, count, at) {
    if (!this.#output[fd]) return READ_ONLY;
    const pieces = this.#vectors(vectors, count).map((vector) => Buffer.from(vector));
    this.#output[fd].push(...pieces);
    return this.#view().setUint32(at, pieces.reduce((sum, piece) => sum + piece.length, 0), true);
  }

  #close(fd) {
    const { file } = this.#opened(fd);
    this.#open.delete(fd);
    if (file !== undefined) closeSync(file);
  }

  #describe(fd, at) {
    const { path, file } = this.#opened(fd);
    this.#bytes(at, 24).fill(0);
    this.#view().setUint8(at, path === null ? CHARACTERS : file === undefined ? FOLDER : FILE);
    this.#view().setBigUint64(at + 8, EVERY_RIGHT, true);
    this.#view().setBigUint64(at + 16, EVERY_RIGHT, true);
  }

  #statusOf(fd) {
    if (fd < FIRST_ROOT) return fstatSync(fd);
    const { path, file } = this.#opened(fd);
    return file === undefined ? statSync(path) : fstatSync(file);
  }

  #status(status, at) {
    this.#bytes(at, 64).fill(0);
    this.#view().setUint8(at + 16, kind(status));
    this.#view().setBigUint64(at + 32, BigInt(status.size), true);
  }

  #openPath(path, how, rights, at) {
    if (how & OPEN_WRITES || rights & RIGHT_TO_WRITE) return READ_ONLY;
    const isFolder = statSync(path).isDirectory();
    if (how & OPEN_FOLDER && !isFolder) return NOT_FOLDER;
    const fd = Math.max(...this.#open.keys(), FIRST_ROOT) + 1;
    this.#open.set(fd, isFolder ? { path } : { path, file: openSync(path, 'r'), at: 0 });
    return this.#view().setUint32(at, fd, true);
  }

  /** As many entries as there is room for; the last may be cut, which tells the program to ask again. */
  #list(folder, at, length, cookie, used) {
    folder.entries ??= readdirSync(folder.path, { withFileTypes: true });
    let room = this.#bytes(at, length);
    for (const [index, entry] of [...folder.entries.entries()].slice(cookie)) {
      const name = Buffer.from(entry.name);
      const bytes = Buffer.alloc(DIRECTORY_ENTRY_BYTES + name.length);
      bytes.writeBigUInt64LE(BigInt(index + 1), 0);
      bytes.writeUInt32LE(name.length, 16);
      bytes.writeUInt8(kind(entry), 20);
      name.copy(bytes, DIRECTORY_ENTRY_BYTES);
      room.set(bytes.subarray(0, room.length));
      room = room.subarray(Math.min(bytes.length, room.length));
      if (!room.length) break;
    }
    this.#view().setUint32(used, length - room.length, true);
  }
}

function kind(entry) {
  if (entry.isDirectory()) return FOLDER;
  return entry.isFile() ? FILE : UNKNOWN;
}

/** Waits for input where the terminal or pipe has none yet. */
function readInput(vector) {
  for (;;) {
    try {
      return readSync(0, vector, 0, vector.length, null);
    } catch (error) {
      if (error.code === 'EOF') return 0;
      if (error.code !== 'EAGAIN') throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, WAIT_MS);
    }
  }
}
