/** Owns making a LevelDB as docker_auth has one, with a table that Snappy compressed. */
import bcrypt from 'bcryptjs';
import { ClassicLevel } from 'classic-level';

/** @param values JSON by e-mail */
export async function writeTokenDb(folder: string, values: Readonly<Record<string, string>>): Promise<void> {
  const database = new ClassicLevel(folder);
  await database.open();
  await database.batch(Object.entries(values).map(([email, value]) => ({ type: 'put', key: `t:${email}`, value })));
  await database.compactRange('t:', 't;');
  await database.close();
}

/** As docker_auth's TokenDBValue. */
export function tokenDbValue(password: string, changes: Readonly<Record<string, unknown>> = {}): string {
  return JSON.stringify({
    token_type: 'Bearer',
    access_token: 'an-access-token',
    refresh_token: 'a-refresh-token',
    valid_until: '2026-11-01T09:30:00+01:00',
    docker_password: bcrypt.hashSync(password, 4),
    ...changes,
  });
}
