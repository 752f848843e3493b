/** Owns the numbers of the advisory locks that transactions queue for in PostgreSQL: no two purposes of a database share one. */

/** Any fixed numbers. They stay: replicas of two versions queue for the same ones. */
export const locks = {
  migration: 0x646f636b,
  terminalRequests: 8628,
  logins: 8629,
  workloadCredentials: 8693,
  revocations: 8694,
} as const;
