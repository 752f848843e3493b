/** Owns what an operation of the API is: where it is, what it needs, what it is given. One list serves it and describes it. */
import type { ApiScope } from '../accounts/api-tokens.ts';
import type { Actor } from '../audit/audit.ts';
import type { ApiField, Input } from './input.ts';

/** What an operation is given: who calls, and what was sent. */
export type ApiCall = {
  readonly by: Actor;
  /** The account of the administrator whose token it is; `null` for a token of the command line. */
  readonly accountId: string | null;
  /** A part of the path: `{id}`. */
  param(name: string): string;
  readonly query: Input;
  readonly body: Input;
};

/** What is sent in pieces instead of as JSON. */
export type Download = {
  /** Of the answer's Content-Type. */
  readonly type: string;
  readonly fileName: string;
  /** Once the first of what it holds is read. @throws {Refusal} */
  lines(call: ApiCall): Promise<AsyncIterable<string>>;
};

export type ApiRoute = {
  readonly method: 'get' | 'post' | 'put';
  /** Below /api/v1, with `{id}` for what varies. */
  readonly path: string;
  /** `null`: anyone. */
  readonly scope: ApiScope | null;
  readonly summary: string;
  readonly query?: readonly ApiField[];
  readonly body?: readonly ApiField[];
  /** The JSON of the answer. @throws {Refusal} */
  run(call: ApiCall): Promise<object> | object;
  /** In place of `run`'s JSON. */
  readonly download?: Download;
};
