/** Owns what the demo shows a person once everything runs: what to open, what to try in each role, what to type. */
import { findProgram } from '../test/support/parts.ts';
import { runProgram } from '../test/support/process.ts';
import { administrator } from './demo-past.ts';
import type { Demo } from './demo-services.ts';

/** @param hasPast whether the company has used Dockpass before */
export async function welcome(demo: Demo, hasPast: boolean): Promise<string> {
  return `
Dockpass is running. Press Ctrl-C to stop. State is kept in .demo/ (use --fresh to reset, --empty to start without a past).

  Open     ${demo.url}
  Sign in  as  ana@example.com      a person in the group platform: pushes to platform/ and people/ana/
               bo@example.com       a newcomer: pulls everything, pushes only to people/bo/
               ${administrator}      the administrator
               mallory@example.com  a consumer account without the company: refused
  Change   ${demo.directoryUrl}   groups, or suspend someone: it counts within a minute
  Mails    ${demo.mailUrl}   what Dockpass has sent
  Rules    script/demo-policy.yml

Try this
  as ana   ${hasPast ? past.ana : empty.ana}
  as bo    see in "My access" what a newcomer is allowed to do, then create a password limited to pull
  as ada   look at the overview; answer ${hasPast ? past.asks : empty.asks}'s request; revoke all passwords of a person after a preview, then undo it

${demo.hasRegistry ? commands(demo, await hasDocker()) : withoutRegistry}`;
}

const past = {
  ana: 'create a password and push with it; rotate the one that expires soon; see why finance/ledger was denied',
  asks: 'kaori',
};
const empty = {
  ana: 'create a password and push with it; see in "My access" why finance/hello was denied, and request access',
  asks: 'ana',
};

const withoutRegistry = `  docker-registry isn't installed here, so there is nothing to push to. On Debian or Ubuntu:
  apt-get install docker-registry, then start the demo again.
`;

/** The program alone doesn't do: it asks a daemon, which may not run. */
async function hasDocker(): Promise<boolean> {
  if (findProgram('docker') === null) return false;
  return (await runProgram('docker', ['info'], {})).code === 0;
}

function commands({ url, registry }: Demo, docker: boolean): string {
  return `Create a password on the page as ana, then type in another terminal (the image comes with the demo):

${[...push(url, registry), ...(docker ? withDocker(registry) : withSkopeo(registry))].map((line) => `  ${line}`).join('\n')}

Then look at Repositories: what you can pull, and who pushed it. The registry reports that.
`;
}

function push(url: string, registry: string): string[] {
  const [port, registryPort] = [new URL(url).port, registry.split(':')[1]];
  const ports = port === '5001' && registryPort === '5000' ? '' : ` --port ${port} --registry-port ${registryPort}`;
  return [
    `./script/demo push platform/hello${ports}      # asks for the password`,
    `./script/demo push finance/hello${ports}       # denied`,
  ];
}

function withDocker(registry: string): string[] {
  return [
    `docker login --username ana@example.com ${registry}`,
    `docker pull ${registry}/platform/hello:1`,
    `docker tag ${registry}/platform/hello:1 ${registry}/people/ana/hello && docker push ${registry}/people/ana/hello`,
  ];
}

function withSkopeo(registry: string): string[] {
  if (findProgram('skopeo') === null) return [];
  const from = `docker://${registry}/platform/hello:1`;
  return [
    `skopeo login --tls-verify=false --username ana@example.com ${registry}`,
    `skopeo inspect --tls-verify=false ${from}`,
    `skopeo copy --src-tls-verify=false --dest-tls-verify=false ${from} docker://${registry}/people/ana/hello:1`,
  ];
}
