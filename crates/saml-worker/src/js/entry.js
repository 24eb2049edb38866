// The SAML Worker. It is bound to Postern as a service, has no address and nothing worth stealing, and reads what
// strangers post. A question is one POST, and its answer depends on nothing else.

import module from "./index_bg.wasm";
import load from "./bindgen.js";

/** As `MAX_QUESTION` in crates/saml-messages. */
const MAX_QUESTION = 1024 * 1024;
const NO_STORE = { "cache-control": "no-store" };

/** The instance that answers now. One that trapped is thrown away: nothing vouches for its memory. */
let instance;

export default {
  async fetch(request) {
    if (request.method !== "POST") return refuse(405);
    const question = await read(request);
    if (!question) return refuse(413);
    try {
      instance ??= begin();
      return new Response(instance.answer(question), { headers: { "content-type": "application/json", ...NO_STORE } });
    } catch (error) {
      instance = undefined;
      console.error(JSON.stringify({ time: Math.floor(Date.now() / 1000), event: "saml_worker_ended", reason: `${error?.stack ?? error}` }));
      return refuse(500);
    }
  },
};

const refuse = (status) => new Response(null, { status, headers: NO_STORE });

/** A fresh instance. */
function begin() {
  const { bindgen } = load();
  const { exports } = new WebAssembly.Instance(module, { "./index_bg.js": bindgen });
  bindgen.__wbg_set_wasm(exports);
  exports.__wbindgen_start?.();
  return bindgen;
}

/** The body, or nothing if it is too long. */
async function read(request) {
  const parts = [];
  let length = 0;
  for await (const part of request.body ?? []) {
    length += part.byteLength;
    if (length > MAX_QUESTION) return undefined;
    parts.push(part);
  }
  const all = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.byteLength;
  }
  return all;
}
