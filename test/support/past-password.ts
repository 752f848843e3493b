/** Writes a password with a past: rows and not calls of `issue`, as a picture needs no secret, but a time long ago. */
import { randomBytes } from 'node:crypto';
import { createPepper } from '../../src/lib/secret.ts';
import type { Store } from '../../src/store/store.ts';
import { unaudited } from './audit.ts';

/** Of the whole company: secrets that nobody holds were made with it. */
export const pepper = 'the pepper of the made-up company';

/** What a Docker Engine calls itself. */
export const docker = 'docker/28.2.2 go/go1.24.3 os/linux arch/amd64 UpstreamClient(Docker-Client/28.2.2 \\(linux\\))';

export type Held = {
  /** How long ago it was made, in days, and for how many. */
  readonly age: number;
  readonly days: number;
  readonly name: string;
  readonly pullOnly?: boolean;
  readonly repositories?: readonly string[];
  /** Hours ago, from where, by what. */
  readonly used?: readonly [hours: number, address: string, client: string];
  readonly pulled?: readonly string[];
  /** Days ago, by its owner. */
  readonly revoked?: number;
};

const hour = 60 * 60 * 1000;
const day = 24 * hour;

/** @param today epoch milliseconds @returns the password's id */
export async function hold(
  store: Store,
  owner: { id: string; login: string },
  held: Held,
  today: number,
  pepperId = createPepper(pepper).id,
): Promise<string> {
  const id = randomBytes(9).toString('hex');
  const created = today - held.age * day;
  await store.passwords.insert(
    {
      ...{
        id,
        account_id: owner.id,
        name: held.name,
        hash: id,
        pepper_id: pepperId,
        hint: `dkp_…${id.slice(-4)}`,
      },
      actions_json: held.pullOnly ? '["pull"]' : null,
      repositories_json: held.repositories === undefined ? null : JSON.stringify(held.repositories),
      ...{ created_at: created, expires_at: created + held.days * day },
    },
    20,
    unaudited,
  );
  if (held.used !== undefined) {
    const [hours, address, client] = held.used;
    const at = today - hours * hour;
    await store.passwords.recordUses([{ id, at, address, client }], 0);
    const values = [
      ['address', address],
      ['client', client],
      ...(held.pulled ?? []).map((name) => ['repository', name] as const),
    ] as const;
    const uses = values.map(([kind, value]) => ({ password_id: id, kind, value, at }));
    await store.passwordUses.write(uses, uses.length);
  }
  if (held.revoked !== undefined) await store.passwords.revoke(id, owner.login, today - held.revoked * day, unaudited);
  return id;
}
