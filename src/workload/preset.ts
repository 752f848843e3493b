/** Owns what is known of each platform's ID tokens: issuer, algorithms, the claims that never change owners, and who can trigger a run. */
import { type Condition, exactValues } from './condition.ts';
import { type Template, templateOf } from './template.ts';

export const presetNames = [
  'github',
  'gitlab',
  'forgejo',
  'gcp',
  'kubernetes',
  'buildkite',
  'circleci',
  'oidc',
] as const;
export type PresetName = (typeof presetNames)[number];

/** Signature algorithms that can be accepted; never `none`, never HMAC, whose key would have to be shared. */
export const algorithms = [
  ...['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'],
  ...['ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'],
] as const;

/** What a rule says of its claims, for the checks of its preset. */
export type Pins = {
  /** The only values that the rule lets through; `null` where it doesn't name the claim, or with a pattern. */
  exact(claim: string): readonly string[] | null;
  /** As written, patterns included; `null` where the rule doesn't name the claim. */
  patterns(claim: string): readonly string[] | null;
  names(claim: string): boolean;
  /** Whether any claim that tells requesters apart is pinned to exact values. */
  anyExact(): boolean;
};

/** They distinguish no one: every token of an issuer has them, or the one who asks for a token chooses them. */
const standardClaims = [
  ...['iss', 'aud', 'exp', 'nbf', 'iat', 'auth_time', 'nonce', 'acr', 'amr', 'typ', 'token_type', 'token_use', 'ver'],
  ...['scope', 'scp', 'email_verified', 'phone_number_verified'],
];

export function pinsOf(conditions: readonly Condition[]): Pins {
  const find = (claim: string) => conditions.find((condition) => condition.claim === claim);
  const exact = (claim: string) => {
    const condition = find(claim);
    return condition === undefined ? null : exactValues(condition);
  };
  return {
    exact,
    patterns: (claim) => find(claim)?.patterns ?? null,
    names: (claim) => find(claim) !== undefined,
    anyExact: () => conditions.some((one) => !standardClaims.includes(one.claim) && exactValues(one) !== null),
  };
}

export type Preset = {
  readonly name: PresetName;
  /** The only issuer that there is; `null` where the file names it. */
  readonly issuer: string | null;
  readonly algorithms: readonly string[];
  /** Claims that identify something forever: a pattern can't be meant. */
  readonly ids: readonly string[];
  /** What the account is called, after `ci:ISSUER:`; the first whose claims are all there. */
  readonly accounts: readonly Template[];
  /** The claim that tells runs apart, for the audit; the first that is there. */
  readonly runs: readonly string[];
  /** Whether a token that is asked for without an audience has the URL of the repository's owner as its audience. */
  readonly audienceIsOwner: boolean;
  /** Whether an ID token can be exchanged only once, by its `jti`. */
  readonly singleUse: boolean;
  /** What keeps a rule from being loaded: it would let in strangers. */
  refuse(pins: Pins, trustsTriggers: boolean, issuer: string): string[];
  /** What a rule doesn't exclude, although it can be loaded. */
  warn(pins: Pins, issuer: string): string[];
};

/** Issuers that everyone shares, whose tokens have a preset. */
const publicIssuers: readonly (readonly [issuer: RegExp, preset: PresetName])[] = [
  [/^https:\/\/token\.actions\.githubusercontent\.com(\/|$)/, 'github'],
  [/^https:\/\/gitlab\.com\/?$/, 'gitlab'],
  [/^https:\/\/agent\.buildkite\.com\/?$/, 'buildkite'],
  [/^https:\/\/oidc\.circleci\.com(\/|$)/, 'circleci'],
];
const strangers = 'runs that strangers can start, or the next owner of a name';

function presetOfIssuer(issuer: string): PresetName | null {
  return publicIssuers.find(([pattern]) => pattern.test(issuer))?.[1] ?? null;
}

/** Events that only someone who can write to the repository causes. Every other event can run a stranger's code or input. */
const trustedEvents = [
  ...['push', 'workflow_dispatch', 'repository_dispatch', 'release', 'schedule', 'create', 'deployment'],
  ...['merge_group', 'registry_package'],
];
/** `parent_pipeline` and `pipeline` are left out: the pipeline above can be one of a merge request. */
const trustedSources = ['push', 'web', 'webide', 'schedule', 'api', 'trigger'];

const actionsIds = ['repository_id', 'repository_owner_id'];
const actions = {
  ids: [...actionsIds, 'actor_id', 'enterprise_id'],
  accounts: [templateOf(`\${claims:repository}`)],
  runs: ['run_id'],
  audienceIsOwner: true,
  singleUse: true,
  refuse: (pins: Pins, trustsTriggers: boolean) => [
    ...requireExact(pins, actionsIds),
    ...requireTriggers(pins, trustsTriggers, { claim: 'event_name', trusted: trustedEvents, example: 'push' }),
  ],
  warn: (pins: Pins) => [
    ...(['ref', 'environment', 'ref_protected', 'job_workflow_ref', 'workflow_ref'].some(pins.names)
      ? []
      : ['this covers every branch and tag: match ref, environment or workflow_ref for less']),
    ...(pins.patterns('ref') ?? [])
      .filter(isNoRef)
      .map((ref) => `ref ${ref} never matches: write refs/heads/NAME for a branch, refs/tags/NAME for a tag`),
  ],
};

type Known = Omit<Preset, 'name' | 'audienceIsOwner'> & Partial<Pick<Preset, 'audienceIsOwner'>>;

const presets: Readonly<Record<PresetName, Known>> = {
  github: { issuer: 'https://token.actions.githubusercontent.com', algorithms: ['RS256'], ...actions },
  forgejo: { issuer: null, algorithms: ['RS256'], ...actions },
  gitlab: {
    issuer: null,
    algorithms: ['RS256'],
    ids: ['project_id', 'namespace_id', 'user_id'],
    accounts: [templateOf(`\${claims:project_path}`)],
    runs: ['job_id', 'pipeline_id'],
    singleUse: true,
    refuse: (pins, trustsTriggers) => [
      ...requireExact(pins, ['project_id', 'namespace_id']),
      ...(isOnly(pins, 'ref_protected', 'true')
        ? []
        : requireTriggers(pins, trustsTriggers, {
            claim: 'pipeline_source',
            trusted: trustedSources,
            example: 'push',
          })),
    ],
    warn: (pins) => [
      ...(['ref', 'ref_path', 'ref_protected', 'environment'].some(pins.names)
        ? []
        : ['this covers every branch and tag: match ref_protected: "true", ref_path or environment for less']),
      ...(pins.names('ref') && !['ref_path', 'ref_type'].some(pins.names) && !isOnly(pins, 'ref_protected', 'true')
        ? ['ref is a short name, so a tag can be called like the branch: match ref_path: refs/heads/NAME instead']
        : []),
    ],
  },
  gcp: {
    issuer: 'https://accounts.google.com',
    algorithms: ['RS256'],
    ids: ['sub'],
    accounts: [templateOf(`\${claims:sub}`)],
    runs: ['google.compute_engine.instance_id'],
    singleUse: false,
    refuse: (pins) =>
      pins.exact('sub')?.every((value) => /^\d+$/.test(value))
        ? []
        : ['match needs sub: the numeric id of the service account (an address can be deleted and made again)'],
    warn: () => [cannotTell('which code the service account runs')],
  },
  kubernetes: {
    issuer: null,
    algorithms: ['RS256', 'ES256'],
    ids: ['kubernetes.io.namespace', 'kubernetes.io.serviceaccount.uid', 'kubernetes.io.pod.uid'],
    accounts: [templateOf(`\${claims:kubernetes.io.namespace}/\${claims:kubernetes.io.serviceaccount.name}`)],
    runs: ['kubernetes.io.pod.name'],
    singleUse: false,
    refuse: refuseServiceAccounts,
    warn: () => [],
  },
  buildkite: {
    issuer: 'https://agent.buildkite.com',
    algorithms: ['RS256'],
    ids: ['organization_id', 'pipeline_id', 'cluster_id', 'queue_id'],
    accounts: [templateOf(`\${claims:organization_slug}/\${claims:pipeline_slug}`)],
    runs: ['job_id', 'build_number'],
    singleUse: true,
    refuse: (pins) => requireExact(pins, ['organization_id', 'pipeline_id']),
    warn: () => [cannotTell('whether a fork or a pull request triggered the build')],
  },
  circleci: {
    issuer: null,
    algorithms: ['RS256'],
    ids: ['oidc.circleci.com/project-id', 'oidc.circleci.com/org-id'],
    accounts: [templateOf(`\${claims:oidc.circleci.com/project-id}`)],
    runs: ['oidc.circleci.com/job-id', 'oidc.circleci.com/workflow-id'],
    singleUse: true,
    refuse: (pins, trustsTriggers, issuer) => [
      ...requireExact(pins, ['oidc.circleci.com/project-id']),
      // This issuer is shared by all organizations.
      ...(issuer === 'https://oidc.circleci.com' ? requireExact(pins, ['oidc.circleci.com/org-id']) : []),
      ...(trustsTriggers || isOnly(pins, 'oidc.circleci.com/ssh-rerun', 'false')
        ? []
        : [
            'match needs oidc.circleci.com/ssh-rerun: "false", or people who rerun a job with SSH get its token; write untrusted_triggers: true to mean that',
          ]),
    ],
    warn: (pins) =>
      pins.names('oidc.circleci.com/vcs-origin')
        ? []
        : ['this covers forks where CircleCI passes secrets to them: match oidc.circleci.com/vcs-origin for less'],
  },
  oidc: {
    issuer: null,
    algorithms: ['RS256', 'ES256'],
    ids: [],
    accounts: [templateOf(`\${claims:sub}`)],
    runs: ['jti'],
    singleUse: true,
    refuse: (pins) =>
      pins.anyExact()
        ? []
        : [
            'match needs the exact value of at least one claim that tells people and programs apart, for example sub: this would let in everyone the issuer knows',
          ],
    warn: (_pins, issuer) => {
      const own = presetOfIssuer(issuer);
      return own === null
        ? [cannotTell('who can trigger a run')]
        : [`write preset: ${own} for this issuer: with oidc, nothing keeps out ${strangers}`];
    },
  },
};

export function presetOf(name: PresetName): Preset {
  return { name, audienceIsOwner: false, ...presets[name] };
}

function requireExact(pins: Pins, claims: readonly string[]): string[] {
  return claims
    .filter((claim) => pins.exact(claim) === null)
    .map((claim) => `match needs ${claim}: names can be given to someone else, and this id never is`);
}

function isOnly(pins: Pins, claim: string, value: string): boolean {
  return pins.exact(claim)?.every((one) => one === value) === true;
}

function requireTriggers(
  pins: Pins,
  trustsTriggers: boolean,
  { claim, trusted, example }: { claim: string; trusted: readonly string[]; example: string },
): string[] {
  const values = pins.exact(claim);
  if (values === null) {
    return [
      `match needs ${claim} without a pattern, for example ${claim}: [${example}]: it keeps out forks and pull requests`,
    ];
  }
  const others = values.filter((value) => !trusted.includes(value));
  if (others.length === 0 || trustsTriggers) return [];
  return [
    `${claim}: ${others.join(', ')} can run the code or the input of strangers, whatever the ref says; leave it out, or write untrusted_triggers: true`,
  ];
}

/** Whether the pattern can't match a ref, which is written in full: "refs/heads/main". */
function isNoRef(pattern: string): boolean {
  const literal = pattern.replace(/[*?[\\].*$/, '');
  return pattern === '*' || !(literal.startsWith('refs/') || 'refs/'.startsWith(literal));
}

function cannotTell(what: string): string {
  return `a token of this issuer doesn't tell ${what}: that's up to the settings there`;
}

/** Within one's own cluster no stranger can register a name, so names pin; the uid is optional. */
function refuseServiceAccounts(pins: Pins): string[] {
  const subjects = pins.patterns('sub');
  const bySubject = subjects?.every((subject) => /^system:serviceaccount:[a-z0-9-]+:([a-z0-9.-]+|\*)$/.test(subject));
  if (bySubject) return [];
  const namespace = pins.exact('kubernetes.io.namespace') !== null;
  if (namespace && pins.names('kubernetes.io.serviceaccount.name')) return [];
  return [
    'match needs kubernetes.io.namespace and kubernetes.io.serviceaccount.name; write "*" as the name for every service account of the namespace',
  ];
}
