/** Owns what the doctor reports: one finding a thing that can be wrong, in words that name the setting. */

/** What a finding is about, in the words of the registry's configuration where it has one. */
export type Subject =
  | 'address'
  | 'TLS'
  | 'auth'
  | 'service'
  | 'realm'
  | 'redirect'
  | 'clock'
  | 'issuer'
  | 'rootcertbundle'
  | 'jwks'
  | 'signingalgorithms'
  | 'token header'
  | 'autoredirect'
  | 'discovery'
  | 'algorithms'
  | 'keys'
  | 'client'
  | 'groups'
  | 'delegation'
  | 'customer'
  | 'directory'
  | 'events'
  | 'proxy header';

export type Finding = {
  readonly subject: Subject;
  /** `unknown`: could not be found out; the message says what would. `note`: right, and some clients need more. */
  readonly status: 'right' | 'wrong' | 'unknown' | 'note';
  /** What was seen and, where it is wrong, what to set. */
  readonly message: string;
};

export function right(subject: Subject, message: string): Finding {
  return { subject, status: 'right', message };
}

export function wrong(subject: Subject, message: string): Finding {
  return { subject, status: 'wrong', message };
}

export function unknown(subject: Subject, message: string): Finding {
  return { subject, status: 'unknown', message };
}

export function note(subject: Subject, message: string): Finding {
  return { subject, status: 'note', message };
}

/** Whether someone has to do something. */
export function isProblem({ status }: Finding): boolean {
  return status === 'wrong' || status === 'unknown';
}
