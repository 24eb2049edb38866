// The types of guard.js.

/** Who is asking: always issuer and subject together. */
export interface Caller {
  readonly issuer: string;
  readonly subject: string;
  readonly kind: 'human' | 'service' | 'agent';
  /** The provider that a person signed in with. */
  readonly provider?: string;
  /** The program that got the token. */
  readonly client?: string;
  /** Who acts for the subject. */
  readonly actor?: string;
  /** The public id of the API key that a program came by. */
  readonly key?: string;
  /** The person whose API key it is: what their provider calls them, … */
  readonly owner?: string;
  /** … and which one that is. */
  readonly owner_issuer?: string;
  /** Only an address that the provider verified. */
  readonly email?: string;
  readonly scopes: readonly string[];
}

/** What guard needs of the Worker's environment. */
export interface GuardEnv {
  /** A service binding to Postern, which has `VERIFY`. */
  readonly POSTERN: { fetch(request: Request): Promise<Response> };
  /** The secret that Postern has under the same name. */
  readonly POSTERN_VERIFY_SECRET: string;
}

/** The request may pass. */
export interface Passed {
  readonly refusal?: undefined;
  /** `null` on a public route. */
  readonly caller: Caller | null;
  /**
   * The same request, with the caller's identity as Postern knows it: to be sent on. What a browser says under the names of the
   * routes' `headers` is not in it, only what Postern says under them.
   */
  readonly request: Request;
  /** Adds to the answer what Postern has to say with it. */
  finish(response: Response): Response;
}

/** The request may not pass. */
export interface Refused {
  /** What to answer: the way to sign in, for instance. */
  readonly refusal: Response;
  readonly caller?: undefined;
  readonly request?: undefined;
  readonly finish?: undefined;
}

/** Whether this request may pass, by Postern's `ROUTES`. */
export function guard(request: Request, env: GuardEnv): Promise<Passed | Refused>;

/** Whether the request is for Postern itself: signing in and out, its keys and metadata. Pass it on as it is. Questions of AuthZEN (`/access/v1/`) are not among them. */
export function isPosterns(request: Request): boolean;
