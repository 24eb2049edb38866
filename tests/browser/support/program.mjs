// A program's own site: its document, a page with a link that asks the person, and the page where it is answered, which leads on
// to another as many do.

import { createHash, randomBytes } from "node:crypto";
import { createServer } from "node:http";
import { after } from "node:test";

const VERIFIER = randomBytes(32).toString("base64url");

/** Starts the site of a program for `${origin}/mcp`; closed after the file's tests. */
export async function startProgram(origin) {
  const site = createServer((request, response) => {
    const { pathname, search } = new URL(request.url, at);
    if (pathname === "/client.json") {
      response.setHeader("content-type", "application/json");
      response.end(JSON.stringify({ client_id: id, client_name: "Example Agent", redirect_uris: [callback] }));
    } else if (pathname === "/cb") {
      response.writeHead(302, { location: `${at}/done${search}` }).end();
    } else {
      response.setHeader("content-type", "text/html");
      response.end(`<!doctype html><title>Program</title><link rel="icon" href="data:,"><a href="${link(pathname)}">Connect</a>`);
    }
  });
  await new Promise((resolve) => site.listen(0, "127.0.0.1", resolve));
  after(() => {
    site.close();
    site.closeAllConnections();
  });
  const at = `http://127.0.0.1:${site.address().port}`;
  const [id, callback] = [`${at}/client.json`, `${at}/cb`];

  /** Where a person is asked; `scope` is all that there is without one. */
  const address = (state, { scope } = {}) => `${origin}/auth/agents/authorize?${new URLSearchParams({
    response_type: "code", client_id: id, redirect_uri: callback, resource: `${origin}/mcp`, state,
    code_challenge: createHash("sha256").update(VERIFIER).digest("base64url"), code_challenge_method: "S256", ...(scope && { scope }),
  })}`;
  /** The same, in a page. */
  const link = (state, more) => address(state, more).replaceAll("&", "&amp;");

  return {
    at, id, callback, address, link,
    /** The person goes to the program's page and follows its link. */
    async connect(page, path = "/") {
      await page.goto(`${at}${path}`);
      await page.getByRole("link", { name: "Connect" }).click();
    },
    /** The answer with which the person comes back. */
    async arrived(page) {
      await page.waitForURL(`${at}/done?**`);
      return new URL(page.url()).searchParams;
    },
    /** What the token endpoint says to a code. */
    redeem: (code) => fetch(`${origin}/auth/agents/token`, {
      method: "POST",
      body: new URLSearchParams({ grant_type: "authorization_code", code, client_id: id, redirect_uri: callback, code_verifier: VERIFIER }),
    }),
  };
}
