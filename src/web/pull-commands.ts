/** Owns the commands that a person pastes to pull what a page shows, for each client. */
import { plainHttp, quote } from './login-lines.ts';

export type PullCommand = { readonly key: string; readonly label: string; readonly code: string };

/** What is pulled. `reference`: ":1.2" or "@sha256:..." */
export type Pullable = { readonly host: string; readonly name: string; readonly reference: string };

/** @param kind as `describe` of repositories/artifact.ts names it; `null`: not read, so it's taken for an image */
export function pullCommands({ host, name, reference }: Pullable, kind: string | null): readonly PullCommand[] {
  const image = quote(`${host}/${name}${reference}`);
  const option = plainHttp('podman', host)
    .map((word) => ` ${word}`)
    .join('');
  if (kind === 'Helm chart') {
    const version = reference.startsWith(':') ? ` --version ${quote(reference.slice(1).replaceAll('_', '+'))}` : '';
    const code = `helm pull ${quote(`oci://${host}/${name}`)}${version}`;
    return [{ key: 'helm', label: 'Helm', code }, ...ofTools(image)];
  }
  if (kind !== null && !/^(Image|Index)/.test(kind)) return ofTools(image);
  return [
    { key: 'docker', label: 'Docker', code: `docker pull ${image}` },
    { key: 'podman', label: 'Podman', code: `podman pull${option} ${image}` },
    { key: 'containerd', label: 'containerd', code: `nerdctl pull ${image}` },
    { key: 'kubernetes', label: 'Kubernetes', code: `image: ${host}/${name}${reference}` },
    {
      key: 'skopeo',
      label: 'Skopeo',
      code: `skopeo inspect${option} ${quote(`docker://${host}/${name}${reference}`)}`,
    },
    { key: 'crane', label: 'crane', code: `crane pull ${image} image.tar` },
  ];
}

/** They take whatever a registry has. */
function ofTools(image: string): readonly PullCommand[] {
  return [
    { key: 'oras', label: 'ORAS', code: `oras pull ${image}` },
    { key: 'crane', label: 'crane', code: `crane manifest ${image}` },
  ];
}
