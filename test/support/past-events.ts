/** Writes the last days of the company's audit. */
import type { Store } from '../../src/store/store.ts';
import { docker } from './past-password.ts';

const minute = 60 * 1000;
const hour = 60 * minute;

const chrome = 'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Chrome/142.0';
const firefox = 'Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0';

/** @param today epoch milliseconds */
export async function writeEvents(store: Store, today: number): Promise<void> {
  const events = [
    [4 * minute, 'password.new-address', 'robot-ci-web', 'robot-ci-web', '203.0.113.41', docker, { name: 'Runner' }],
    [
      38 * minute,
      'sign-in.refused',
      'eve@other.example',
      'eve@other.example',
      '192.0.2.77',
      firefox,
      { provider: 'google', reason: 'This account belongs to no company that may sign in here.' },
    ],
    [
      2 * hour,
      'password.create',
      'greta.sato@example.com',
      'greta.sato@example.com',
      '198.51.100.42',
      chrome,
      { name: 'CI', days: 90 },
    ],
    [
      3 * hour,
      'person.disable',
      'ana@example.com',
      'ivo.berg@example.com',
      '198.51.100.7',
      chrome,
      { reason: 'Left the company' },
    ],
    [5 * hour, 'policy.reload', '', 'policy.yml', null, null, { rules: 5, users: 0 }],
    [
      26 * hour,
      'password.rotate',
      'bo.berg@example.com',
      'bo.berg@example.com',
      '198.51.100.3',
      firefox,
      { name: 'Workstation' },
    ],
    [
      28 * hour,
      'revocation',
      'ana@example.com',
      '',
      '198.51.100.7',
      chrome,
      {
        reason: 'The contract with the partner ended',
        selection: { domain: 'partner.example.org', createdBefore: today },
        passwords: 12,
      },
    ],
    [31 * hour, 'robot.create', 'ana@example.com', 'robot-mirror', '198.51.100.7', chrome, { ownerGroup: 'platform' }],
  ] as const;
  const rows = events.map(([ago, action, actor, subject, address, client, detail], index) => {
    const at = today - ago;
    const id = `${at.toString(36).padStart(9, '0')}${index}`;
    return {
      id,
      at,
      action,
      actor,
      subject,
      address,
      client,
      request_id: `4f1c9a${index}e`,
      repository: null,
      detail_json: JSON.stringify(detail),
    };
  });
  await store.audit.add(rows);
}
