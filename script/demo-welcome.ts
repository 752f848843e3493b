/** Owns what the demo shows a person once everything runs: what to open and what to type. */
import { findProgram } from '../test/support/parts.ts';
import type { Demo } from './demo-services.ts';

export function welcome(demo: Demo): string {
  return `
Dockpass runs. Ctrl-C stops all of it; its state stays in .demo/ (--fresh forgets it).

  Open     ${demo.url}
  Sign in  as  ana@example.com      in the group platform: pushes to platform/ and people/ana/
               bo@example.com       pulls everything, pushes to people/bo/ alone
               mallory@example.com  a consumer account without the company: refused
  Change   ${demo.directoryUrl}   groups, or suspend somebody: it counts within a minute
  Mails    ${demo.mailUrl}   what Dockpass has sent
  Rules    script/demo-policy.yml

${demo.hasRegistry ? commands(demo.registry) : withoutRegistry}`;
}

const withoutRegistry = `  docker-registry is not installed here, so there is nothing to push to. On Debian or Ubuntu:
  apt-get install docker-registry, then start the demo again.
`;

function commands(registry: string): string {
  const move = findProgram('docker') !== null || findProgram('skopeo') === null ? withDocker : withSkopeo;
  return `Create a password on the page, then type:

${move(registry)
  .map((line) => `  ${line}`)
  .join('\n')}

Then look at Repositories: what you can pull, and who pushed it. The registry reports that.
`;
}

function withDocker(registry: string): string[] {
  return [
    `docker login --username ana@example.com ${registry}      # asks for the password`,
    'docker pull hello-world',
    `docker tag hello-world ${registry}/platform/hello && docker push ${registry}/platform/hello`,
    `docker tag hello-world ${registry}/finance/hello && docker push ${registry}/finance/hello      # denied`,
  ];
}

function withSkopeo(registry: string): string[] {
  const copy = 'skopeo copy --dest-tls-verify=false docker://docker.io/library/hello-world';
  return [
    `skopeo login --tls-verify=false --username ana@example.com ${registry}      # asks for the password`,
    `${copy} docker://${registry}/platform/hello`,
    `${copy} docker://${registry}/finance/hello      # denied`,
  ];
}
