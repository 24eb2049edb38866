// Asks Postern, over a service binding, whether a request may pass. No dependencies.
//
//   POSTERN                  a service binding to Postern, which has `VERIFY`
//   POSTERN_VERIFY_SECRET    the secret that Postern has under the same name

/** What only we say to Postern, and only Postern to us: from a browser it would be a claim. */
const NOT_FROM_OUTSIDE = /^(x-postern-|x-forwarded-|x-original-|x-rewrite-|x-real-ip$|forwarded$)/;
/** In which Postern names the headers of the routes' `headers`. */
const NAMES = "x-postern-headers";
/** An API key of Postern's, or a token of an agent's: shown to Postern, and nobody else's to see. */
const SECRET = /(?<![\w-])[a-z0-9]{2,12}_([0-9A-Za-z]{43}|(ac|ap|at|rt)_[\w-]{100})_[0-9A-Za-z]{6}(?![\w-])/;
/** Of the connection and the body, which do not go along with the question. */
const NOT_ASKED = ["connection", "content-length", "transfer-encoding", "upgrade"];

/**
 * @typedef {object} Caller who is asking: always issuer and subject together
 * @property {string} issuer
 * @property {string} subject
 * @property {"human" | "service" | "agent"} kind
 * @property {string} [provider] the provider that a person signed in with
 * @property {string} [client] the program that got the token
 * @property {string} [actor] who acts for the subject
 * @property {string} [key] the public id of the API key that a program came by
 * @property {string} [owner] the person whose API key it is, together with …
 * @property {string} [owner_issuer] … the issuer of their name
 * @property {string} [email] only one that the provider verified
 * @property {string[]} scopes
 *
 * @typedef {object} Passed
 * @property {Caller | null} caller `null`: the route is public
 * @property {Request} request the same request, saying who asks as Postern knows it: to be sent on
 * @property {(response: Response) => Response} finish adds to the answer what Postern has to say with it
 */

/**
 * Whether this request may pass, by Postern's `ROUTES`.
 * @returns {Promise<{ refusal: Response } | Passed & { refusal?: undefined }>} `refusal`: what to answer instead, the way to sign in for instance
 */
export async function guard(request, env) {
  let verdict;
  try {
    verdict = await env.POSTERN.fetch(question(request, env.POSTERN_VERIFY_SECRET));
  } catch (error) {
    console.error(JSON.stringify({ event: "postern_unreachable", reason: String(error) }));
    return { refusal: unavailable(503) };
  }
  // Postern passes by 204 and never refuses by any other 2xx: that would be another Worker's answer.
  if (verdict.ok && verdict.status !== 204) return { refusal: unavailable(502) };
  if (!verdict.ok) return { refusal: verdict };
  return { caller: callerOf(verdict.headers), request: withIdentity(request, verdict.headers), finish: (response) => finished(response, verdict.headers) };
}

/** Whether it is Postern's own: signing in and out, its keys and metadata. Pass it on as it is. Questions of AuthZEN (`/access/v1/`) are not among them. */
export function isPosterns(request) {
  const [path] = target(request.url).split("?");
  return /^\/(auth|\.well-known\/(jwks\.json|oauth-protected-resource|oauth-authorization-server|authzen-configuration))(\/|$)/.test(path);
}

function question(request, secret) {
  const { protocol, host, origin } = new URL(request.url);
  const headers = new Headers(request.headers);
  for (const name of [...headers.keys()]) if (NOT_FROM_OUTSIDE.test(name) || NOT_ASKED.includes(name)) headers.delete(name);
  headers.set("x-postern-secret", secret);
  headers.set("x-forwarded-method", request.method);
  headers.set("x-forwarded-uri", target(request.url));
  headers.set("x-forwarded-host", host);
  headers.set("x-forwarded-proto", protocol.slice(0, -1));
  const address = request.headers.get("cf-connecting-ip");
  if (address) headers.set("x-real-ip", address);
  return new Request(`${origin}/auth/verify`, { headers, redirect: "manual" });
}

/** Path and query, byte for byte as they came. */
const target = (url) => url.slice(url.indexOf("/", url.indexOf("//") + 2)).split("#")[0];

const unavailable = (status) => new Response("Please try again in a moment.\n", { status, headers: { "retry-after": "10", "cache-control": "no-store" } });

/** @returns {Caller | null} */
function callerOf(told) {
  const issuer = told.get("x-postern-issuer");
  if (issuer === null) return null;
  const fact = (name) => told.get(`x-postern-${name}`) ?? undefined;
  const facts = Object.fromEntries(["subject", "kind", "provider", "client", "actor", "key", "owner", "owner-issuer", "email"].map((name) => [name.replace("-", "_"), fact(name)]));
  return { issuer, ...facts, scopes: fact("scopes")?.split(" ") ?? [] };
}

/** What Postern says goes in the place of what the browser said, also where it says nothing. */
function withIdentity(request, told) {
  const headers = new Headers(request.headers);
  // By which the routes tell of the caller, and the header of API keys.
  const named = told.get(NAMES)?.split(", ") ?? [];
  for (const [name, value] of [...headers]) if (NOT_FROM_OUTSIDE.test(name) || SECRET.test(value)) headers.delete(name);
  for (const name of ["authorization", "cookie", "dpop", ...named]) headers.delete(name);
  const isTold = (name) => name.startsWith("x-postern-") || name === "authorization" || name === "cookie" || named.includes(name);
  for (const [name, value] of told) if (isTold(name) && name !== NAMES) headers.set(name, value);
  return new Request(request, { headers });
}

function finished(response, told) {
  if (response.status === 101) return response;
  const headers = new Headers(response.headers);
  // A session cookie that was made anew.
  for (const cookie of told.getSetCookie()) headers.append("set-cookie", cookie);
  for (const [name, value] of told) if (name.startsWith("access-control-")) headers.set(name, value);
  headers.append("vary", told.get("vary") ?? "Cookie");
  if (told.has("x-postern-issuer")) headers.set("cache-control", "private, no-store");
  return new Response(response.body, { status: response.status, headers });
}
