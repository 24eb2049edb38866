// The types of verifier.mjs.

/** What a verified assertion says. */
export interface Assertion {
  /** Postern's PUBLIC_URL. */
  readonly iss: string;
  /** This upstream, as the route names it. */
  readonly aud: string;
  /** The caller: the same text for the same caller for ever, and no two callers share one. */
  readonly sub: string;
  /** What the issuer calls the caller. */
  readonly sub_id: { readonly format: 'iss_sub'; readonly iss: string; readonly sub: string };
  readonly kind: 'human' | 'service' | 'agent';
  readonly provider?: string;
  readonly client_id?: string;
  readonly act?: unknown;
  /** Scopes with spaces between them. */
  readonly scope?: string;
  readonly roles?: readonly string[];
  readonly tenant?: string;
  /** Only an address that the provider verified. */
  readonly email?: string;
  readonly email_verified?: boolean;
  readonly auth_time?: number;
  readonly acr?: string;
  readonly amr?: readonly string[];
  /** The session, as `/auth/sessions` names it. */
  readonly sid?: string;
  readonly jti: string;
  readonly iat: number;
  readonly exp: number;
}

/**
 * Makes a function that verifies assertions: it resolves with what a good one says, and rejects any other.
 * `issuer` is Postern's PUBLIC_URL; `audience` is this upstream as the route names it.
 * `options` are those of jose's `createRemoteJWKSet`.
 */
export function verifier(
  issuer: string, audience: string, options?: import('jose').RemoteJWKSetOptions,
): (assertion: string) => Promise<Assertion>;
