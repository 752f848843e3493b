/** The fault: everyone signs in at the same time, as on a Monday when all sessions have ended. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { createInstallation } from '../test/support/installation.ts';
import { freePorts } from '../test/support/ports.ts';
import { runProgram, startProgram } from '../test/support/process.ts';
import type { Fault } from './scene.ts';
import { clientId } from './sign-in-visitors.ts';

const script = (name: string) => join(import.meta.dirname, `${name}.ts`);

export const signIns: Fault = {
  name: 'sign-ins',
  what: 'many people sign in at the same time',
  async run(scale, stack) {
    const count = scale === 'full' ? 2_000 : 50;
    const installation = createInstallation();
    stack.defer(() => installation.remove());
    const provider = await startProgram(process.execPath, [script('sign-in-provider')], { ready: /"url"/ });
    stack.defer(() => provider.stop());
    const { url } = JSON.parse(provider.output()) as { url: string };
    const [port = 0] = await freePorts(1);
    const dockpass = `http://localhost:${port}`;
    const server = await installation.serve({
      PUBLIC_URL: dockpass,
      PORT: String(port),
      GOOGLE_CLIENT_ID: clientId,
      GOOGLE_CLIENT_SECRET: 'not-a-secret',
      GOOGLE_DOMAINS: 'example.com',
      GOOGLE_AUTHORIZATION_URL: `${url}/authorize`,
      GOOGLE_TOKEN_URL: `${url}/token`,
      GOOGLE_JWKS_URL: `${url}/keys`,
      GOOGLE_ISSUERS: url,
    });
    stack.defer(() => server.stop());

    const begun = performance.now();
    const crowd = runProgram(process.execPath, [script('sign-in-visitors'), dockpass, String(count)]);
    const { stdout, output } = await crowd;
    const seconds = (performance.now() - begun) / 1000;
    assert.ok(stdout, output);
    const people = JSON.parse(stdout) as { problem: string | null; ms: number }[];
    const problems = Map.groupBy(people, ({ problem }) => problem);
    assert.deepEqual(
      [...problems].map(([problem, { length }]) => `${length} × ${problem}`),
      [`${count} × null`],
      server.output().match(/.*"level":"error".*/)?.[0],
    );
    const times = people.map(({ ms }) => ms).sort((a, b) => a - b);
    const at = (share: number) => ((times[Math.floor((count - 1) * share)] ?? 0) / 1000).toFixed(1);
    return `${count} at once: all signed in, each as themselves, in ${seconds.toFixed(0)} s; half of them within ${at(0.5)} s, the last within ${at(1)} s`;
  },
};
