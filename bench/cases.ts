/** Owns the cases of the bench: Dockpass in each of its shapes, and the two floors, started and ready for load. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { PostgresServer } from '../test/support/postgres.ts';
import { createInstallation, service } from './installation.ts';
import type { Load } from './load.ts';
import { type Service, startDockpass, startService } from './service.ts';
import { addWorkloads, exchangeForm } from './workload.ts';

type Shape = {
  readonly what: string;
  /** Base64 of "user:password"; 'person' and 'workload' stand for the installation's own; absent: anonymous. */
  readonly basic?: string;
  readonly distinct?: boolean;
  /** Exchanges ID tokens for passwords: so many rules, whose passwords are counted separately. */
  readonly exchange?: number;
  readonly postgres?: boolean;
  readonly crowd?: number;
  readonly rules?: number;
  readonly env?: NodeJS.ProcessEnv;
  readonly flood?: number;
};

const builder = Buffer.from('builder:badmin').toString('base64');

export const shapes: Readonly<Record<string, Shape>> = {
  password: { what: 'app password, SQLite', basic: 'person' },
  distinct: { what: 'app password, SQLite, no request twice', basic: 'person', distinct: true },
  anonymous: { what: 'anonymous' },
  static: { what: 'static user, bcrypt 5', basic: builder },
  flood: {
    what: 'app password, beside 100 wrong passwords a second (bcrypt 5)',
    basic: 'person',
    flood: 100,
    env: { TRUSTED_PROXIES: '127.0.0.1' },
  },
  'static-flood': {
    what: 'static user, beside 100 wrong passwords a second (bcrypt 5)',
    basic: builder,
    flood: 100,
    env: { TRUSTED_PROXIES: '127.0.0.1' },
  },
  rs256: { what: 'app password, SQLite, RS256', basic: 'person', env: { TOKEN_ALGORITHM: 'RS256' } },
  postgres: { what: 'app password, PostgreSQL', basic: 'person', postgres: true },
  workload: { what: 'ID token of a workload, SQLite, keys in memory', basic: 'workload' },
  exchange: { what: 'exchange of an ID token, SQLite: each is stored with its audit entry', exchange: 100 },
  workers: { what: 'app password, SQLite, WORKERS=2', basic: 'person', env: { WORKERS: '2' } },
};

export const growth: Readonly<Record<string, Shape>> = {
  small: { what: 'one app password, 20 rules', basic: 'person' },
  crowd: { what: '1,000,000 app passwords of 100,000 people', basic: 'person', crowd: 100_000 },
  rules: { what: '1,000 rules', basic: 'person', rules: 1_000 },
  'small-distinct': { what: '20 rules, no request twice', basic: 'person', distinct: true },
  'rules-distinct': { what: '1,000 rules, no request twice', basic: 'person', rules: 1_000, distinct: true },
};

/** What runs and how it is asked. */
export type Case = {
  readonly name: string;
  readonly what: string;
  readonly service: Service;
  readonly load: Pick<Load, 'url' | 'headers' | 'distinct' | 'flood' | 'forms'>;
};

export async function startFloor(name: 'signed' | 'constant', what: string, folder: string): Promise<Case> {
  const service = await startService({
    args: [resolve(import.meta.dirname, 'floor.ts'), name],
    env: { PATH: process.env['PATH'] },
    logFile: join(folder, `${name}.log`),
    ask: (url) => ask(url, []),
  });
  return { name, what, service, load: { url: service.url, headers: [] } };
}

/** @param postgres running, where the shape needs it */
export async function startCase(
  name: string,
  shape: Shape,
  parent: string,
  postgres: PostgresServer | null,
): Promise<Case> {
  const folder = join(parent, name);
  await mkdir(folder, { recursive: true });
  const databaseUrl = shape.postgres === true ? await postgres?.createDatabase() : undefined;
  const installation = await createInstallation({ folder, databaseUrl, crowd: shape.crowd, rules: shape.rules });
  const basic =
    shape.basic === 'person'
      ? installation.basic
      : shape.basic === 'workload'
        ? await basicOfWorkload(folder)
        : shape.basic;
  const forms = shape.exchange === undefined ? undefined : await writeForms(folder, shape.exchange);
  const headers = basic === undefined ? [] : [`Authorization: Basic ${basic}`];
  const pathOf = (url: string) =>
    forms === undefined ? `${url}/auth?service=${service}&scope=repository%3Ateam%2Fapp%3Apull` : `${url}/oauth/token`;
  // The first start makes keys, and Node keeps what it compiles, pages too; the second is what a restart costs.
  const start = () =>
    startDockpass({
      env: { ...installation.environment, NODE_COMPILE_CACHE: join(parent, 'compiled'), ...shape.env },
      logFile: join(folder, 'log.jsonl'),
      ask: (url) => (forms === undefined ? ask(pathOf(url), headers) : askExchange(pathOf(url), forms.first)),
    });
  const first = await start();
  await fetch(`${first.url}/healthz`);
  await first.stop();
  const running = await start();
  return {
    name,
    what: shape.what,
    service: running,
    load: { url: pathOf(running.url), headers, distinct: shape.distinct, flood: shape.flood, forms: forms?.file },
  };
}

async function basicOfWorkload(folder: string): Promise<string> {
  const [token = ''] = await addWorkloads(folder, 'http://localhost', 1);
  return Buffer.from(`oidc:${token}`).toString('base64');
}

async function writeForms(folder: string, rules: number): Promise<{ readonly file: string; readonly first: string }> {
  const forms = (await addWorkloads(folder, 'http://localhost', rules)).map(exchangeForm);
  const file = join(folder, 'forms.txt');
  await writeFile(file, `${forms.join('\n')}\n`);
  return { file, first: forms[0] ?? '' };
}

async function askExchange(url: string, form: string): Promise<void> {
  const response = await fetch(url, { method: 'POST', body: new URLSearchParams(form) });
  const body = await response.text();
  if (!body.includes('"access_token":"dkc_')) throw new Error(`${url} answered ${response.status}: ${body}`);
}

/** Asks once, and looks whether what wrk is going to count as an answer grants what it should. */
async function ask(url: string, headers: readonly string[]): Promise<void> {
  const fields = headers.map((header): [string, string] => {
    const [name = '', value = ''] = header.split(': ');
    return [name, value];
  });
  const response = await fetch(url, { headers: fields });
  const body = (await response.json()) as { token?: string };
  const [, claims = ''] = body.token?.split('.') ?? [];
  const granted = Buffer.from(claims, 'base64url').toString();
  if (!granted.includes('"actions":["pull"]'))
    throw new Error(`${url} answered ${response.status}: ${granted || JSON.stringify(body)}`);
}
