/**
 * Owns the lines of a shell that log a tool in. What asks for the password has none in it, so that no shell's history has it.
 * What includes it writes it to a standard input: an argument would be in the process list, where every user of the machine
 * reads it.
 */

export type Login = {
  /** As clients write them, with the port: `registry.example.com:5000`. */
  readonly hosts: readonly string[];
  readonly user: string;
  readonly secret: string;
};

/** Shells that are set so keep no line in their history that begins with a space. */
export function unlisted(command: string): string {
  return command.replaceAll(/^(?=echo |printf |kubectl )/gm, ' ');
}

/** In one statement: a second line would be read as the answer to the first question. */
export function askedLogins(login: Login, words: string): string {
  return login.hosts.map((host) => logIn(login, words, host)).join(' &&\n');
}

/** Reads the secret without showing it, in bash and zsh, and hands it to a command that reads its standard input. */
export function asked(pieces: string, command: string): string {
  return `read -rs SECRET && printf %s ${pieces} | ${command}; unset SECRET`;
}

/** One login a host, each fed by `source`. */
export function lines(login: Login, source: string, words: string): string {
  return login.hosts.map((host) => `${source} | ${logIn(login, words, host)} --password-stdin`).join('\n');
}

export function logIn({ user }: Login, words: string, host: string): string {
  return [words, quote(host), ...plainHttp(words, host), '-u', quote(user)].join(' ');
}

/** Docker takes a registry on loopback to be without TLS; the tools of containers/image need an option. */
export function plainHttp(words: string, host: string): string[] {
  const loopback = /^(localhost|127\.[\d.]+|\[::1\])(:\d+)?$/.test(host);
  return loopback && /^(podman|buildah|skopeo)/.test(words) ? ['--tls-verify=false'] : [];
}

/** Without a line break at the end, which GitLab would refuse to mask. */
export function piped({ secret }: Login, command: string): string {
  return `printf %s ${quote(secret)} | ${command}`;
}

/** One word of a POSIX shell, whatever is in it; where it can be, in a way that PowerShell reads alike. */
export function quote(word: string): string {
  if (/^[\w%+:./-][\w@%+:./-]*$/.test(word)) return word;
  if (/^[\w@%+=:,./#&*()[\]{}?|~^<>;' -]*$/.test(word)) return `"${word}"`;
  return `'${word.replaceAll("'", String.raw`'\''`)}'`;
}
