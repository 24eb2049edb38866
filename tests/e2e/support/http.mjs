// Requests exactly as written: no header added, none joined, no path normalised, no redirect followed.

import { request as httpRequest } from "node:http";

/**
 * @typedef {object} Answer
 * @property {number} status
 * @property {import("node:http").IncomingHttpHeaders} headers
 * @property {string[]} setCookies
 * @property {string} body
 * @property {string} url
 */

/**
 * Sends one request to a loopback port.
 * @param {{ port: number, url: string, path?: string, method?: string, headers?: [string, string][], body?: string, arrived?: () => void }} options
 * `path` goes out byte for byte; by default it is the URL's. `arrived` is called for each part of the answer's body
 * @returns {Promise<Answer>}
 */
export function send({ port, url, path, method = "GET", headers = [], body = "", arrived = () => {} }) {
  const target = new URL(url);
  const all = [["host", target.host], ...headers];
  if (body !== "") all.push(["content-length", String(Buffer.byteLength(body))]);
  return new Promise((resolve, reject) => {
    const outgoing = httpRequest({
      host: "127.0.0.1", port, method, path: path ?? target.pathname + target.search, headers: all.flat(), agent: false,
    });
    outgoing.on("error", reject);
    outgoing.on("response", (incoming) => {
      const chunks = [];
      incoming.on("data", (chunk) => {
        chunks.push(chunk);
        arrived();
      });
      incoming.on("error", reject);
      incoming.on("end", () =>
        resolve({
          url,
          status: incoming.statusCode,
          headers: incoming.headers,
          setCookies: incoming.headers["set-cookie"] ?? [],
          body: Buffer.concat(chunks).toString(),
        }),
      );
    });
    outgoing.end(body);
  });
}
