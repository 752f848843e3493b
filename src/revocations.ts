/** Owns revocation by administrators: which passwords a selection means, what would stop, revoke, undo within 24 hours. */
import type { Actor, AppPassword } from './app-passwords.ts';
import type { Use } from './uses.ts';

/** Live passwords to which everything that is given applies; at least one thing must be given. Times are epoch milliseconds. */
export type Selection = {
  readonly passwordId?: string;
  readonly accountId?: string;
  /** The verified domain of their owners. */
  readonly domain?: string;
  /** A group of their owners: of the provider, with its prefix, or of the policy file. */
  readonly group?: string;
  readonly provider?: string;
  readonly createdBefore?: number;
  /** Not used since, though made before. */
  readonly unusedSince?: number;
};

export type Preview = {
  readonly people: number;
  readonly passwords: number;
  /** The first hundred, by login. */
  readonly sample: readonly AppPassword[];
  /** What used them in the last 30 days, the latest first, at most a hundred of each kind. */
  readonly uses: readonly Use[];
};

export type Revocation = {
  readonly id: string;
  readonly at: number;
  readonly by: string;
  readonly reason: string;
  readonly selection: Selection;
  readonly passwords: number;
  /** From then on it stands. */
  readonly undoUntil: number;
  readonly undone: { readonly at: number; readonly by: string } | null;
};

export type Revocations = {
  /** @throws {Refusal} `bad_request` for an empty selection */
  preview(selection: Selection): Promise<Preview>;
  /**
   * Counts from the next `/auth` request on.
   * @param expected the number of passwords that the preview showed; `null` where nobody looked
   * @param reason told to the owners; may be ''
   * @throws {Refusal} `bad_request` for an empty selection, `conflict` where the number has changed since the preview, `not_found` where nothing is selected
   */
  revoke(selection: Selection, expected: number | null, reason: string, by: Actor): Promise<Revocation>;
  /**
   * The passwords work again, except those that have expired or were leaked.
   * @returns how many
   * @throws {Refusal} `not_found`; `conflict` after 24 hours or when it is undone already
   */
  undo(id: string, by: Actor): Promise<number>;
  /** The newest first, at most a hundred. */
  recent(): Promise<Revocation[]>;
  /** @throws {Refusal} `not_found` */
  byId(id: string): Promise<Revocation>;
};
