/** Registry and realm with a CA each: where Docker must know the realm's, as the table of docs/operating.md says. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { missing } from '../support/parts.ts';
import type { Outcome } from '../support/private-authorities.ts';
import { runProgram } from '../support/process.ts';

const program = new URL('../support/private-authorities.ts', import.meta.url).pathname;

/** A network with two addresses that aren't loopback ones, which Docker would trust blindly, and configuration folders that vanish. */
const enter = `
set -e
ip link set lo up
ip addr add 192.0.2.10/32 dev lo
ip addr add 192.0.2.11/32 dev lo
folders=/etc/docker
# Programs of another Debian (script/newer-clients) read that one's.
entered=$(dirname "$(readlink -f "$(command -v dockerd)")")
if [ "$entered" != "\${entered%-programs}" ]; then folders="$folders \${entered%-programs}/etc/docker"; fi
for folder in $folders; do
  mkdir -p "$folder"
  mount -t tmpfs tmpfs "$folder"
done
export DOCKER_FOLDERS="$folders"
exec "$@"
`;

test("docker login needs certs.d only; the containerd image store asks the daemon's system, docker build the client's", {
  skip: missing('root', 'dockerd', 'docker', 'docker-registry', 'openssl', 'ip', 'unshare'),
}, async () => {
  const namespaces = ['--net', '--mount', '--propagation', 'private'];
  const { code, stdout, output } = await runProgram('unshare', [
    ...[...namespaces, 'sh', '-c', enter, 'sh', process.execPath, program],
  ]);
  assert.equal(code, 0, output);
  const outcomes = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Outcome);
  assert.ok(outcomes.length === 4 || outcomes.length === 8, output);
  for (const { store, trust, login, push, build } of outcomes) {
    const where = `${store}, the realm's CA: ${trust}`;
    assert.equal(login, trust !== 'nowhere', `login: ${where}`);
    assert.equal(push, store === 'containerd' ? trust.includes('daemon') : trust !== 'nowhere', `push: ${where}`);
    if (build !== null) assert.equal(build, trust.includes('client'), `build: ${where}`);
  }
});
