/** Owns what an app password was used from and for in the last 30 days: addresses, clients, repositories. */

export type UseKind = 'address' | 'client' | 'repository';

/** Times are epoch milliseconds. */
export type Use = {
  readonly kind: UseKind;
  /** "10.0.0.7", "docker/28.2.2", "team/app". */
  readonly value: string;
  readonly firstAt: number;
  readonly lastAt: number;
};
