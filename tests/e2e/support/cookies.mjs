// A cookie jar as browsers keep it, as far as these tests need: one host, `__Host-` rules, SameSite.

/** @typedef {{ name: string, value: string, sameSite: string, maxAge?: number, attributes: string[], line: string }} Cookie */

/** @returns {Cookie} */
export function parseSetCookie(line) {
  const [pair, ...attributes] = line.split(";").map((part) => part.trim());
  const equals = pair.indexOf("=");
  const named = (name) => attributes.find((attribute) => attribute.toLowerCase().startsWith(`${name}=`))?.slice(name.length + 1);
  const maxAge = named("max-age");
  return {
    name: pair.slice(0, equals),
    value: pair.slice(equals + 1),
    sameSite: (named("samesite") ?? "Lax").toLowerCase(),
    ...(maxAge !== undefined && { maxAge: Number(maxAge) }),
    attributes,
    line,
  };
}

function hostPrefixHolds({ name, attributes }) {
  if (!name.startsWith("__Host-")) return true;
  const lower = attributes.map((attribute) => attribute.toLowerCase());
  return lower.includes("secure") && lower.includes("path=/") && !lower.some((attribute) => attribute.startsWith("domain="));
}

export class Jar {
  /** @type {Map<string, Cookie>} */
  cookies = new Map();

  /** Takes in what an answer set; what a browser would throw away is thrown away. */
  store(setCookies) {
    for (const cookie of setCookies.map(parseSetCookie)) {
      if (!hostPrefixHolds(cookie)) continue;
      if (cookie.maxAge !== undefined && cookie.maxAge <= 0) this.cookies.delete(cookie.name);
      else this.cookies.set(cookie.name, cookie);
    }
  }

  /** The `Cookie` header of a request; `crossSite` as RFC 6265bis §5.2 means it, `topLevelGet` as §5.6.7.1 does. */
  header({ crossSite, topLevelGet }) {
    const sent = [...this.cookies.values()].filter(({ sameSite }) => {
      if (!crossSite || sameSite === "none") return true;
      return sameSite === "lax" && topLevelGet;
    });
    return sent.map(({ name, value }) => `${name}=${value}`).join("; ");
  }

  /** The names that start with `prefix`. */
  named(prefix) {
    return [...this.cookies.keys()].filter((name) => name.startsWith(prefix));
  }
}
