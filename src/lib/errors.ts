/** Owns the one error class that carries a message for the reader, and its closed list of codes. */

/**
 * What was to be stored is at fault, not the database: another try can't help, and what is stored beside it mustn't wait
 * for it.
 */
export class RejectedData extends Error {
  override readonly name: string = 'RejectedData';
}

/** Also a refusal because of such data. */
export function isRejected(error: unknown): boolean {
  return error instanceof RejectedData || (error instanceof Error && error.cause instanceof RejectedData);
}

/** Each code and the HTTP status that it is answered with. */
export const refusalStatuses = {
  bad_request: 400,
  unauthenticated: 401,
  denied: 403,
  not_found: 404,
  method_not_allowed: 405,
  conflict: 409,
  too_large: 413,
  too_many_requests: 429,
  /** What only the operator can fix: a file that cannot be read, a secret that is cut off. */
  misconfigured: 500,
  internal: 500,
  bad_gateway: 502,
  unavailable: 503,
} as const;

export type RefusalCode = keyof typeof refusalStatuses;

/**
 * A request that is refused for a reason that its sender can read.
 * `message` is for the reader and says what to do next; `cause` is for the log and is never sent.
 */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly code: RefusalCode;
  /** Seconds until another try makes sense; sent as Retry-After. */
  readonly retryAfter: number | undefined;
  /** The field of what was sent that the message is about, so that a form can show it there. */
  readonly field: string | undefined;

  constructor(
    code: RefusalCode,
    message: string,
    options: { cause?: unknown; retryAfter?: number; field?: string } = {},
  ) {
    super(message, { cause: options.cause });
    this.code = code;
    this.retryAfter = options.retryAfter;
    this.field = options.field;
  }

  get status(): number {
    return refusalStatuses[this.code];
  }
}

/** What an error says; anything can be thrown. */
export function errorMessage(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The code of an error of Node, OpenSSL or a library: "ENOENT"; '' where it has none. */
export function errorCode(error: unknown): string {
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : '';
  return typeof code === 'string' ? code : '';
}
