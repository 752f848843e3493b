/** Owns `dockpass doctor --provider`: an OpenID Connect provider from the settings in, findings out. */
import { decodeJwt } from 'jose';
import { callbackUrlOf, groupsClaimOf } from '../app/providers.ts';
import { oidcPrefix } from '../config/providers.ts';
import { type Finding, isProblem, right, unknown, wrong } from '../doctor/finding.ts';
import { examineProvider } from '../doctor/provider.ts';
import { errorMessage, Refusal } from '../lib/errors.ts';
import { type GroupsClaim, readGroups } from '../sign-in/group-claim.ts';
import type { Terminal, Values } from './command.ts';
import { configOf } from './core.ts';
import { examineGoogle } from './doctor-google.ts';
import { findingLine } from './finding-line.ts';
import { readTextFile } from './read-file.ts';

/** @returns the exit code */
export async function examineNamedProvider(name: string, values: Values, terminal: Terminal): Promise<number> {
  const config = configOf(terminal);
  if (name === 'google') return report(name, await examineGoogle(config), values, terminal);
  const settings = config.oidc.find((provider) => provider.name === name);
  if (settings === undefined)
    throw new Refusal('not_found', `There is no provider "${name}". Name google, or one of OIDC_PROVIDERS.`);
  const question = {
    ...settings,
    callbackUrl: callbackUrlOf(config, name),
    prefix: oidcPrefix(name),
    clockLeeway: config.clockLeeway,
  };
  const findings = await examineProvider({ fetch, now: Date.now }, question);
  const file = values['id-token'];
  if (typeof file === 'string') findings.push(await checkGroups(file, groupsClaimOf(settings)));
  return report(name, findings, values, terminal);
}

/** @returns the exit code */
function report(name: string, findings: readonly Finding[], values: Values, terminal: Terminal): number {
  if (values['json'] === true) terminal.out(JSON.stringify({ provider: name, findings }));
  else for (const finding of findings) terminal.out(findingLine(finding, terminal.screen));
  return findings.some(isProblem) ? 1 : 0;
}

/** What the groups claim of a token says, as a sign-in would read it. The token's signature isn't looked at. */
async function checkGroups(file: string, claim: GroupsClaim | null): Promise<Finding> {
  if (claim === null) return unknown('groups', 'no GROUPS_CLAIM is set.');
  const text = await readTextFile(file);
  try {
    const reading = readGroups(decodeJwt(text.trim()), claim);
    if (reading.kind === 'groups') return right('groups', reading.groups.join(', ') || 'none');
    const reason = reading.kind === 'missing' ? 'is not in this token' : `is ${reading.reason}`;
    return wrong('groups', `the claim "${claim.path}" ${reason}.`);
  } catch (error) {
    return wrong('groups', `${file} is not an ID token (${errorMessage(error)}).`);
  }
}
