// A browser without a window: cookies per origin, forms by name, redirects one at a time.
// Enough to sign in at the demo provider from a test.

const MAX_HOPS = 12;

export class ScriptedBrowser {
  #cookies = new Map();

  /** One request, redirects not followed, cookies kept per origin. */
  async fetch(url, init = {}) {
    const { origin } = new URL(url);
    const jar = this.#cookies.get(origin) ?? new Map();
    const headers = new Headers(init.headers);
    if (jar.size) headers.set('cookie', [...jar].map(([name, value]) => `${name}=${value}`).join('; '));
    const response = await fetch(url, { ...init, headers, redirect: 'manual' });
    for (const line of response.headers.getSetCookie()) store(jar, line);
    this.#cookies.set(origin, jar);
    return response;
  }

  /** Follows redirects until a page, or until `stop(url)` says that the next address is not to be fetched. */
  async navigate(url, { stop = () => false, ...init } = {}) {
    let next = url;
    for (let hop = 0; hop < MAX_HOPS; hop += 1) {
      if (stop(next)) return { url: next, response: null, body: '' };
      const response = await this.fetch(next, init);
      const location = response.headers.get('location');
      if (!location) return { url: next, response, body: await response.text() };
      await response.body?.cancel();
      next = new URL(location, next).href;
      init = {};
    }
    throw new Error(`more than ${MAX_HOPS} redirects, at ${next}`);
  }

  /** Posts a form to `url` and goes on from there. */
  submit(url, fields, options = {}) {
    const body = new URLSearchParams(fields).toString();
    return this.navigate(url, {
      ...options, method: 'POST', body, headers: { 'content-type': 'application/x-www-form-urlencoded' },
    });
  }
}

function store(jar, line) {
  const [pair, ...attributes] = line.split(';').map((part) => part.trim());
  const at = pair.indexOf('=');
  const expires = attributes.find((one) => /^expires=/i.test(one))?.slice(8);
  const gone = (expires && Date.parse(expires) <= Date.now()) || attributes.some((one) => /^max-age=0$/i.test(one));
  if (gone) jar.delete(pair.slice(0, at));
  else jar.set(pair.slice(0, at), pair.slice(at + 1));
}
