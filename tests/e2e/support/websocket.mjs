// A WebSocket client as plain as it gets (RFC 6455): it says what it is told to, answers nothing by itself, and can
// vanish without a word. And the server's half of the same, for upstreams that are no Workers.

import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { createServer, request as httpRequest } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";

import { logIn } from "./login.mjs";
import { SESSION_COOKIE } from "./refusals.mjs";
import { AT_MOST_MS } from "./until.mjs";

const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
const [TEXT, BINARY, CLOSE] = [1, 2, 8];

function frame(opcode, payload, mask) {
  const length = payload.length;
  const head = length < 126 ? Buffer.from([length]) : length < 65536 ? Buffer.alloc(3) : Buffer.alloc(9);
  if (length >= 65536) head.writeBigUInt64BE(BigInt(length), 1);
  else if (length >= 126) head.writeUInt16BE(length, 1);
  if (length >= 126) head[0] = length < 65536 ? 126 : 127;
  if (!mask) return Buffer.concat([Buffer.from([0x80 | opcode]), head, payload]);
  head[0] |= 0x80;
  const key = randomBytes(4);
  return Buffer.concat([Buffer.from([0x80 | opcode]), head, key, payload.map((byte, index) => byte ^ key[index % 4])]);
}

/** One whole frame at the start of `bytes`, or undefined while there is none. */
function parse(bytes) {
  if (bytes.length < 2) return undefined;
  const masked = (bytes[1] & 0x80) !== 0;
  let [length, at] = [bytes[1] & 0x7f, 2];
  if (length === 126) [length, at] = [bytes.length < 4 ? Infinity : bytes.readUInt16BE(2), 4];
  else if (length === 127) [length, at] = [bytes.length < 10 ? Infinity : Number(bytes.readBigUInt64BE(2)), 10];
  const start = at + (masked ? 4 : 0);
  if (bytes.length < start + length) return undefined;
  const key = bytes.subarray(at, start);
  const payload = bytes.subarray(start, start + length);
  return { opcode: bytes[0] & 0x0f, final: (bytes[0] & 0x80) !== 0, payload: masked ? payload.map((byte, index) => byte ^ key[index % 4]) : payload, end: start + length };
}

/** An open WebSocket. */
export class Socket {
  #bytes = Buffer.alloc(0);
  #parts = [];
  #messages = [];
  #waiting = [];
  #mask;
  /** @type {Promise<{ code: number, reason: string }>} how the other side closed; 1005 without a code, 1006 without a word */
  closed;

  constructor(connection, head, { mask }) {
    this.connection = connection;
    this.#mask = mask;
    this.closed = new Promise((resolve) => {
      this.end = resolve;
    });
    connection.on("error", () => {});
    connection.on("close", () => this.end({ code: 1006, reason: "" }));
    connection.on("data", (chunk) => this.#take(chunk));
    this.#take(head);
  }

  send(message) {
    this.connection.write(frame(typeof message === "string" ? TEXT : BINARY, Buffer.from(message), this.#mask));
  }

  close(code, reason = "") {
    const payload = code === undefined ? Buffer.alloc(0) : Buffer.concat([Buffer.from([code >> 8, code & 0xff]), Buffer.from(reason)]);
    this.connection.write(frame(CLOSE, payload, this.#mask));
  }

  /** Gone without a word. */
  vanish() {
    this.connection.destroy();
  }

  /** The next message: a string, or a Buffer. */
  next() {
    if (this.#messages.length) return Promise.resolve(this.#messages.shift());
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  #take(chunk) {
    this.#bytes = Buffer.concat([this.#bytes, chunk]);
    for (let found = parse(this.#bytes); found; found = parse(this.#bytes)) {
      this.#bytes = this.#bytes.subarray(found.end);
      this.#handle(found);
    }
  }

  #handle({ opcode, final, payload }) {
    if (opcode === CLOSE) {
      this.end({ code: payload.length ? payload.readUInt16BE(0) : 1005, reason: payload.subarray(2).toString() });
      return;
    }
    if (opcode > BINARY) return;
    if (opcode) this.text = opcode === TEXT;
    this.#parts.push(payload);
    if (!final) return;
    const whole = Buffer.concat(this.#parts.splice(0));
    const message = this.text ? whole.toString() : whole;
    const waiting = this.#waiting.shift();
    if (waiting) waiting(message);
    else this.#messages.push(message);
  }
}

/**
 * Asks for a WebSocket, as written. Resolves with the answer, and the open `socket` if it is 101.
 * @param {{ port: number, origin: string }} postern
 */
export function handshake(postern, path, headers = [], { method = "GET" } = {}) {
  const all = [
    ["host", new URL(postern.origin).host], ["upgrade", "websocket"], ["connection", "Upgrade"],
    ["sec-websocket-version", "13"], ["sec-websocket-key", randomBytes(16).toString("base64")], ...headers,
  ];
  return new Promise((resolve, reject) => {
    const request = httpRequest({ host: "127.0.0.1", port: postern.port, path, method, headers: all.flat(), agent: false });
    request.on("error", reject);
    request.on("response", (response) => {
      let body = "";
      response.setEncoding("utf8").on("data", (chunk) => { body += chunk; });
      response.on("end", () => resolve({ status: response.statusCode, headers: response.headers, body }));
    });
    request.on("upgrade", (response, connection, head) => {
      resolve({ status: response.statusCode, headers: response.headers, socket: new Socket(connection, head, { mask: true }) });
    });
    request.end();
  });
}

/** A WebSocket server on a port of its own; `onSocket` gets every socket with the request that opened it, `onRequest` whatever else is asked. */
export async function startSocketServer(onSocket, onRequest = (_, response) => response.writeHead(426).end()) {
  const server = createServer(onRequest);
  const open = new Set();
  server.on("upgrade", (request, connection, head) => {
    const accept = createHash("sha1").update(request.headers["sec-websocket-key"] + GUID).digest("base64");
    connection.write(`HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\nsec-websocket-accept: ${accept}\r\n\r\n`);
    open.add(connection);
    onSocket(new Socket(connection, head, { mask: false }), request);
  });
  await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
  return {
    origin: `http://127.0.0.1:${server.address().port}`,
    close: () => {
      for (const connection of open) connection.destroy();
      return new Promise((closed) => server.close(closed));
    },
  };
}

/** How both ends hear of a session's end. */
export const ENDED = { code: 4401, reason: "session ended" };

let people = 0;

/** Somebody new who has just signed in: their browser, its cookie, and how they open a WebSocket. */
export async function signedIn(world, sub = `person-${(people += 1)}`) {
  const browser = world.browser();
  world.issuers.main.user = { sub };
  const answer = await logIn(browser, { provider: "main" });
  assert.equal(answer.status, 200, answer.body);
  const cookie = ["cookie", `${SESSION_COOKIE}=${browser.jar.cookies.get(SESSION_COOKIE).value}`];
  const open = async (path) => {
    const opened = await handshake(world.postern, path, [cookie, ["origin", world.postern.origin]]);
    assert.equal(opened.status, 101, opened.body);
    return opened.socket;
  };
  return { sub, browser, cookie, open };
}

/** What `promise` brings; fails with words where it brings nothing. */
export function coming(promise, what) {
  const late = sleep(AT_MOST_MS, undefined, { ref: false }).then(() => assert.fail(`this did not come: ${what}`));
  return Promise.race([promise, late]);
}
