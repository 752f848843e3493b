/** Owns the form of `dockpass doctor`. What it does, `examine-registry.ts` loads with all that it needs, when it is run. */
import type { Command } from './command.ts';

export const doctorCommands: readonly Command[] = [
  {
    name: 'doctor',
    usage:
      'URL [--registry-config FILE] [--registry-bundle FILE] [--registry-jwks FILE] [--ca FILE] [--json]\n       dockpass doctor --workload ISSUER [--json]\n       dockpass doctor --provider NAME [--id-token FILE] [--json]',
    summary: 'Check that a registry and Dockpass are configured consistently, and say which setting is wrong',
    details: [
      'Run it where Dockpass runs, with its settings: it shows the registry tokens signed with the keys in DATA_DIR. They grant nothing, except one that starts an upload to dockpass-doctor/probe and cancels it. Exits 1 if something is wrong.',
    ],
    options: {
      'registry-config': {
        type: 'string',
        value: 'FILE',
        help: "the registry's config.yml, its compose file or `docker run` line, or what `env` prints in its container (/dev/stdin: from a pipe), for what the registry itself doesn't tell",
      },
      'registry-bundle': {
        type: 'string',
        value: 'FILE',
        help: 'its rootcertbundle, if that file names a path that is another one here',
      },
      'registry-jwks': { type: 'string', value: 'FILE', help: 'its jwks file, likewise' },
      ca: { type: 'string', value: 'FILE', help: 'PEM certificates to trust in addition to those of the system' },
      workload: { type: 'string', value: 'ISSUER', help: 'check an issuer of the workloads file and its keys instead' },
      provider: {
        type: 'string',
        value: 'NAME',
        help: 'check a provider instead, one of OIDC_PROVIDERS or google: keys, clock, client; for Google also directory and events',
      },
      'id-token': {
        type: 'string',
        value: 'FILE',
        help: 'also read the groups claim of this ID token (/dev/stdin: paste it)',
      },
    },
    json: {
      fields: {
        registry: 'its address; with --provider or --workload instead: provider or issuer, the name',
        findings: 'status (right, wrong, unknown, note), subject and message of each',
        notifications: 'the block that makes the registry report events, or null where none are taken',
        auth: "the right auth: section of the registry's configuration: realm, service, issuer, rootcertbundle or jwks",
      },
    },
    operands: [0, 1],
    run: async (operands, values, terminal) =>
      (await import('./examine-registry.ts')).diagnose(operands, values, terminal),
  },
];
