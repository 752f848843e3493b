/** Owns the recognition of what isn't a docker_auth configuration but becomes one: a template, a manifest, values of a chart. */
import type { PolicyProblem } from '../policy/acl.ts';
import type { Entry } from '../policy/reader.ts';

/** Marks of the templates that configurations are rendered from: Go's and Jinja's, confd's, gomplate's and ERB's. */
const marks = /\{\{|\{%|<%/;

/** @returns an error for a text that has to be rendered first, else `null` */
export function templateProblem(text: string): PolicyProblem | null {
  const lines = text.split('\n');
  const index = lines.findIndex((line) => marks.test(line.replace(/(^|\s)#.*/, '')));
  if (index < 0) return null;
  const column = (lines[index] ?? '').search(marks) + 1;
  const message = 'this is a template; import the file that it renders to';
  return { line: index + 1, column, severity: 'error', message };
}

const ownSections = ['server', 'token', 'acl', 'users'];
/** What a chart's values.yaml has beside the configuration. */
const chartKeys = ['image', 'replicaCount', 'configmap', 'ingress', 'resources', 'nodeSelector'];

/** @returns an error for a file that holds the configuration inside, else `null` */
export function wrapperProblem(sections: readonly Entry[]): PolicyProblem | null {
  const find = (names: readonly string[]) => sections.find(({ key }) => names.includes(key));
  const manifest = find(['apiVersion']);
  if (manifest && find(['kind'])) {
    return problemAt(
      manifest,
      'this is a Kubernetes manifest; import the text of its key under data:, as `kubectl get configmap NAME -o jsonpath` prints it',
    );
  }
  const chart = find(chartKeys);
  if (chart === undefined || find(ownSections)) return null;
  return problemAt(
    chart,
    'these are values of a Helm chart; import the configuration inside them (configmap.data), or what `helm template` renders',
  );
}

function problemAt({ keyPlace }: Entry, message: string): PolicyProblem {
  return { ...keyPlace, severity: 'error', message };
}

/** A variable of a shell, of envsubst or of Kubernetes, where a value is wanted. `${account}` and its like are the ACL's. */
export function isUnfilled(value: string): boolean {
  return /\$\{\w+\}|\$\(\w+\)|^\$[A-Z_]+$/.test(value);
}
