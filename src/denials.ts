/** Owns what was refused by the policy or by a password's limits: counted per person, repository, action and rule. */

/** Times are epoch milliseconds. */
export type Denial = {
  /** The docker user name; '' for those without credentials. */
  readonly account: string;
  readonly service: string;
  /** "repository". */
  readonly type: string;
  /** "team/app". */
  readonly name: string;
  readonly action: string;
  /** `password`: the policy allows it, and the limits of the password do not. */
  readonly by: 'policy' | 'password';
  /** The rule that decided, as it was at the last time; `null` where none matched. */
  readonly rule: { readonly line: number; readonly comment: string | null } | null;
  /** The name of the password that was used last. */
  readonly password: string | null;
  readonly address: string;
  readonly count: number;
  readonly firstAt: number;
  readonly lastAt: number;
};

export type DenialFilter = { readonly account?: string; readonly repository?: string; readonly action?: string };

export type DenialLog = {
  /** The latest first. */
  ofAccount(accountId: string): Promise<Denial[]>;
  /** The latest of all, at most 500. */
  list(filter: DenialFilter): Promise<Denial[]>;
};
