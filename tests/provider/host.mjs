// Any number of issuers behind one loopback port, each under a path of its own.

import { createServer } from "node:http";

import { html, send } from "./answers.mjs";
import { FapiIssuer } from "./fapi.mjs";
import { Issuer } from "./issuer.mjs";

async function bodyOf(request) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

/**
 * Starts a host of providers.
 * @returns {Promise<ProviderHost>}
 */
export async function startProviders() {
  const host = new ProviderHost();
  await host.listen();
  return host;
}

class ProviderHost {
  /** Every request that came in, `METHOD /path`, whoever it was for. */
  seen = [];
  /** What takes connections; others may hand it requests that came by TLS. */
  server = createServer((request, response) => {
    this.#serve(request, response).catch((error) => response.destroy(error));
  });
  #issuers = new Map();

  async listen(port = 0) {
    await new Promise((listening) => this.server.listen(port, "127.0.0.1", listening));
    this.port = this.server.address().port;
    this.origin = `http://127.0.0.1:${this.port}`;
  }

  /**
   * Adds an issuer at `/{path}`; `path` may be empty, or end in a slash that then belongs to the issuer. With `fapi` in its
   * options it is one of FAPI 2.0 (fapi.mjs).
   * @returns {Issuer}
   */
  issuer(path, options) {
    const Kind = options?.fapi ? FapiIssuer : Issuer;
    const issuer = new Kind(`${this.origin}/${path}`, options);
    this.#issuers.set(`/${path}`.replace(/\/$/, ""), issuer);
    return issuer;
  }

  /** Stops answering: connections are refused from now on. */
  close() {
    return new Promise((closed) => {
      this.server.close(closed);
      this.server.closeAllConnections();
    });
  }

  async #serve(request, response) {
    this.seen.push(`${request.method} ${request.url}`);
    const { pathname, searchParams } = new URL(request.url, this.origin);
    const prefix = this.#prefixOf(pathname);
    const issuer = this.#issuers.get(prefix);
    const body = await bodyOf(request);
    if (!issuer) return send(response, html("no such issuer", 404));
    const answer = await issuer.answer({
      method: request.method,
      url: request.url,
      path: pathname.slice(prefix.length),
      query: searchParams,
      headers: request.headers,
      body,
      certificate: request.socket.getPeerX509Certificate?.(),
    });
    return send(response, answer);
  }

  #prefixOf(pathname) {
    const prefixes = [...this.#issuers.keys()].filter((prefix) => pathname.startsWith(`${prefix}/`));
    return prefixes.sort((one, other) => other.length - one.length)[0] ?? "";
  }
}
