// The types of postern.js. Copied beside it they are found by themselves; for the one that is served:
//
//     declare module '/auth/postern.js' { export * from './postern.js'; }

/** Who is signed in, as `GET /auth/me` tells. A person is `issuer` and `subject` together. */
export interface Session {
  readonly issuer: string;
  readonly subject: string;
  readonly kind: 'human' | 'service' | 'agent';
  /** The id of the provider in the configuration. */
  readonly provider: string;
  readonly claims: Readonly<Record<string, unknown>>;
  /** By the provider's word at sign-in: for what a page shows, not for what it may. */
  readonly roles: readonly string[];
  readonly tenant: string | null;
  readonly session: Clocks;
  /** Postern's time when it answered, in UNIX seconds. */
  readonly now: number;
  /** How many seconds Postern's clock is ahead of this one. */
  readonly skew: number;
}

/** Times in UNIX seconds, by Postern's clock. */
export interface Clocks {
  readonly created_at: number;
  readonly authenticated_at: number;
  /** The session ends here unless there is a request before. */
  readonly idle_expires_at: number;
  /** It ends here in any case. */
  readonly expires_at: number;
  readonly acr: string | null;
  readonly amr: readonly string[];
}

/** Which of the two ends a session: `idle` can be put off by a request, `absolute` by signing in only. */
export type Clock = 'idle' | 'absolute';

/** One of the person's own sessions, as `GET /auth/sessions` tells. */
export interface ListedSession {
  readonly id: string;
  readonly device: string;
  readonly place: string | null;
  readonly created_at: number;
  readonly last_seen: number;
  readonly expires_at: number;
  /** Whether it is this browser's. */
  readonly current: boolean;
  /** What it is, if a program acts for the person by it. */
  readonly grant?: ListedGrant;
}

/** What a person granted to a program. */
export interface ListedGrant {
  /** The client's id, a URL. */
  readonly client: string;
  readonly client_name: string;
  readonly redirect_uri?: string;
  /** The URL that it is for. */
  readonly resource: string;
  readonly scopes: readonly string[];
  /** Whether it ends with the session in which it was given. */
  readonly with_session?: boolean;
}

/** RFC 9457. `scope`: which scopes would have done. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly request_id?: string;
  readonly login_url?: string;
  /** Where a second factor is proven, where one is asked for. */
  readonly verify_url?: string;
  /** What kind of sign-in would do, where the one at hand does not (RFC 9470). */
  readonly acr_values?: string;
  /** How long ago it may have been at most, in seconds. */
  readonly max_age?: number;
  readonly scope?: string;
}

export interface LoginOptions {
  /** A path on this origin; this very place by default, with query and fragment. */
  returnTo?: string;
  provider?: string;
  prompt?: string;
  login_hint?: string;
  acr_values?: string;
  max_age?: string;
}

export interface WatchOptions {
  /** How many seconds before the end `expiring` comes; 60 by default. */
  warn?: number;
  /** How often Postern is asked while the tab is seen, in seconds; 30 by default. It never keeps a session alive. */
  every?: number;
}

/** What a watch tells. */
export interface WatchEvents {
  /** Postern was asked; `null`: nobody is signed in. */
  change: CustomEvent<{ readonly session: Session | null }>;
  /** Once before each end, when nothing has put it off. */
  expiring: CustomEvent<{ readonly session: Session; readonly clock: Clock; readonly seconds: number }>;
  /** There was a session, and it is over: expired, signed out here or in another tab, or ended from elsewhere. */
  ended: CustomEvent<Record<string, never>>;
  /** Postern does not answer; nothing is known to have changed. */
  unreachable: CustomEvent<{ readonly cause: unknown }>;
}

export interface SessionWatch extends EventTarget {
  /** What is known; `undefined` until the first answer. */
  readonly session: Session | null | undefined;
  /** Asks now. */
  look(): Promise<void>;
  /** Ends the watch. */
  stop(): void;
  addEventListener<K extends keyof WatchEvents>(
    name: K, listener: (event: WatchEvents[K]) => void, options?: boolean | AddEventListenerOptions,
  ): void;
  addEventListener(
    name: string, listener: EventListenerOrEventListenerObject | null, options?: boolean | AddEventListenerOptions,
  ): void;
}

/** An answer that is not the one asked for. */
export class PosternError extends Error {
  constructor(response: Response, problem: Problem | null);
  readonly status: number;
  readonly problem: Problem | null;
}

/**
 * `fetch`. If the session has ended, or a better or more recent sign-in is wanted, a read goes to sign in and comes back
 * here, and a write is left to you with its 401, so that nothing typed is lost. `login: false` leaves reads to you as well.
 */
export function fetch(input: RequestInfo | URL, init?: RequestInit & { login?: boolean }): Promise<Response>;

/** What Postern says of a refusal, or `null` if the answer is no such thing. The answer can still be read. */
export function problem(response: Response): Promise<Problem | null>;

/** Who is signed in, or `null`. Does not keep the session alive unless `touch`: that is for what a person does. */
export function me(options?: { touch?: boolean }): Promise<Session | null>;

/** The seconds left of a session, and which end comes first. */
export function timeLeft(
  session: Pick<Session, 'session' | 'skew'>, at?: number,
): { idle: number; absolute: number; first: Clock };

/** Puts the idle end off, in all tabs. */
export function stay(): Promise<Session | null>;

/** Where signing in begins, for a link. */
export function loginUrl(options?: LoginOptions): string;

/** Leaves this page to sign in. */
export function login(options?: LoginOptions): void;

/** Where a person proves a second factor, and comes back from to `returnTo`: this very place by default. */
export function verifyUrl(options?: { returnTo?: string }): string;

/** Goes there. */
export function verify(options?: { returnTo?: string }): void;

/** Leaves this page to sign out, here and at the provider; the other tabs notice. */
export function logout(): void;

/** Where the person is signed in. */
export function sessions(): Promise<ListedSession[]>;

/** Ends one of them; resolves with how many that were. */
export function endSession(id: string): Promise<number>;

/** Ends all but this one; resolves with how many those were. */
export function endOtherSessions(): Promise<number>;

/** Tells when the session changes, is about to end, and has ended, whichever tab it was that noticed. */
export function watch(options?: WatchOptions): SessionWatch;
