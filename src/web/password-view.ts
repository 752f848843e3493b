/** Owns how an app password is shown to a person: its state, what it can do, what used it last. */
import type { AppPassword } from '../app-passwords/app-passwords.ts';
import type { MakerStatus } from '../app-passwords/maker.ts';
import { dateOf, day } from '../lib/time.ts';
import { type FormattedTime, formatTime } from './time-view.ts';
import { userAgentName } from './user-agent.ts';

export type PasswordView = {
  readonly id: string;
  readonly name: string;
  readonly hint: string;
  readonly state: 'active' | 'soon' | 'suspended' | 'expired' | 'revoked';
  readonly stateLabel: string;
  /** What the filter over the list looks at. */
  readonly searchText: string;
  /** Neither expired nor revoked; suspended, it works again with its account. */
  readonly works: boolean;
  readonly access: string;
  /** Empty: every repository that the policy allows. */
  readonly repositories: readonly string[];
  /** Where docker keeps an identity token in its place. */
  readonly identityServices: readonly string[];
  readonly created: FormattedTime;
  readonly expires: FormattedTime;
  /** `reason`: what the administrator said, '' for none. */
  readonly revoked: (FormattedTime & { readonly by: string; readonly reason: string }) | null;
  /** Of a password that a terminal brought: "Terminal" or "Machine", and where that was. */
  readonly origin: { readonly label: string; readonly address: string } | null;
  /** The password that replaced it when it was rotated; it works until it expires. */
  readonly replacedBy: string | null;
  /** Who made a robot's password, in words; `null` for a person's. */
  readonly maker: { readonly text: string; readonly isConcern: boolean } | null;
  /** Works, and nothing has used it for a long time. */
  readonly isIdle: boolean;
  readonly lastUse:
    | (FormattedTime & { readonly address: string; readonly client: string; readonly userAgent: string })
    | null;
};

declare module './views.ts' {
  interface ViewData {
    /** `href`: of its page, where the reader can open it. */
    'password-name': { row: PasswordView; href?: string };
    'password-end': { row: PasswordView };
    'last-use': { row: Pick<PasswordView, 'lastUse' | 'isIdle'> };
  }
}

const originLabels = { terminal: 'Terminal', machine: 'Machine' } as const;
const labels = {
  active: 'Active',
  soon: 'Expires soon',
  suspended: 'Suspended',
  expired: 'Expired',
  revoked: 'Revoked',
} as const;

/** A password that ends within this many milliseconds is shown as one that expires soon. */
const soon = 14 * day;
/** But only in this last part of its life: one of a week is not born with a warning. */
const lastPart = 1 / 5;

/** A password that nothing has used for this many milliseconds is perhaps not needed any more. */
const idle = 60 * day;

/** @param now epoch milliseconds. @param isSuspended whether its account doesn't work at the moment */
export function viewOf(password: AppPassword, now: number, isSuspended = false): PasswordView {
  const { id, name, hint, limits, lastUse } = password;
  const state = shownState(password, now, isSuspended);
  return {
    id,
    name,
    hint,
    state,
    stateLabel: labels[state],
    searchText: [
      name,
      hint,
      accessOf(limits),
      ...(limits.repositories ?? []),
      ...(lastUse === null ? ['never used'] : [userAgentName(lastUse.client), lastUse.address]),
      labels[state],
    ].join(' '),
    works: password.state === 'active',
    access: accessOf(limits),
    repositories: limits.repositories ?? [],
    identityServices: password.identityServices,
    origin: password.origin && { label: originLabels[password.origin.kind], address: password.origin.address },
    created: formatTime(password.createdAt, now),
    expires: formatTime(password.expiresAt, now),
    revoked:
      password.revokedAt === null
        ? null
        : {
            ...formatTime(password.revokedAt, now),
            by: password.revokedBy ?? 'someone unknown',
            reason: password.revocationReason ?? '',
          },
    replacedBy: password.replacedBy,
    maker: password.ownerKind === 'robot' ? makerView(password.maker) : null,
    isIdle: password.state === 'active' && now - (lastUse?.at ?? password.createdAt) > idle,
    lastUse:
      lastUse === null
        ? null
        : {
            ...formatTime(lastUse.at, now),
            address: lastUse.address,
            client: userAgentName(lastUse.client),
            userAgent: lastUse.client,
          },
  };
}

function accessOf({ actions }: AppPassword['limits']): string {
  if (actions === null) return 'Full access';
  return actions.join() === 'pull' ? 'Pull only' : actions.join(', ');
}

function shownState(password: AppPassword, now: number, isSuspended: boolean): PasswordView['state'] {
  if (password.state !== 'active') return password.state;
  if (isSuspended) return 'suspended';
  return expiresSoon(password, now) ? 'soon' : 'active';
}

function makerView(maker: MakerStatus | null): PasswordView['maker'] {
  if (maker === null) return { text: 'maker unknown', isConcern: true };
  const { login, accountId, as, leftAt, uncheckedSince } = maker;
  if (accountId === null) return { text: 'made on the command line', isConcern: false };
  if (login === null) return { text: 'made by someone who was removed', isConcern: true };
  if (uncheckedSince !== null) {
    return { text: `made by ${login}, who hasn’t signed in since ${dateOf(uncheckedSince)}`, isConcern: true };
  }
  if (leftAt !== null) return { text: `made by ${login}, whose account no longer works`, isConcern: true };
  return {
    text: as === 'administrator' ? `made by ${login}, as an administrator` : `made by ${login}`,
    isConcern: false,
  };
}

function expiresSoon({ createdAt, expiresAt }: AppPassword, now: number): boolean {
  return expiresAt - now <= Math.min(soon, (expiresAt - createdAt) * lastPart);
}
