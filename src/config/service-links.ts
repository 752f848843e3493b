/** Owns the variables that Kubernetes puts into every container for each Service of its namespace, which are no settings. */
import { isIP } from 'node:net';

type Environment = Readonly<Record<string, string | undefined>>;

/** kubernetes/pkg/kubelet/envvars: for a Service "smtp", SMTP_SERVICE_HOST, SMTP_SERVICE_PORT, SMTP_PORT=tcp://... and so on. */
const forms: readonly (readonly [name: RegExp, value: (text: string) => boolean])[] = [
  [/_SERVICE_HOST$/, (text) => isIP(text) !== 0 || text === 'None'],
  [/_SERVICE_PORT(_\w+)?$/, (text) => /^\d+$/.test(text)],
  [/_PORT(_\d+_(TCP|UDP|SCTP))?$/, (text) => /^(tcp|udp|sctp):\/\//.test(text)],
  [/_PORT_\d+_(TCP|UDP|SCTP)_(PROTO|PORT|ADDR)$/, () => true],
];

/** Whether the variable looks like one of Kubernetes: name and value. */
export function isServiceLink(name: string, value = ''): boolean {
  return forms.some(([form, fits]) => form.test(name) && fits(value));
}

/**
 * The environment without the variables of Services whose set is complete. A single one can be a setting that only looks
 * like it, as SERVICE_TEAM_SERVICE_HOST of the service "team-service".
 */
export function withoutServiceLinks(environment: Environment): Environment {
  const services = Object.keys(environment).flatMap((name) => {
    const [, service] = /^(.+)_SERVICE_HOST$/.exec(name) ?? [];
    if (service === undefined || environment[`${service}_SERVICE_PORT`] === undefined) return [];
    return isServiceLink(`${service}_PORT`, environment[`${service}_PORT`]) ? [service] : [];
  });
  if (services.length === 0) return environment;
  const isLink = (name: string): boolean =>
    isServiceLink(name, environment[name]) && services.some((service) => name.startsWith(`${service}_`));
  return Object.fromEntries(Object.entries(environment).filter(([name]) => !isLink(name)));
}
