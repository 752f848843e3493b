/** Owns what is known about the sender of a request, before anyone has logged in. */

export type Requester = {
  /**
   * The address behind the trusted proxies, IPv4-mapped IPv6 written as IPv4; 'unknown' where a proxy names none, and '' where
   * the connection is gone.
   */
  readonly address: string;
  /** The User-Agent header, shortened; '' where there is none. */
  readonly userAgent: string;
  /** Also in the log and in the X-Request-Id of the answer. */
  readonly requestId: string;
};
