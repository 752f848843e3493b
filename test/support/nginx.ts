/** Owns a real nginx with servers that a test gives, in a folder of its own. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findProgram } from './parts.ts';
import { type Running, startProgram } from './process.ts';

const bodies = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];

/** @param servers what stands in `http { }` */
export function startNginx(folder: string, servers: string): Promise<Running> {
  const temporary = bodies.map((name) => `${name}_temp_path ${join(folder, name)};`).join(' ');
  const file = join(folder, 'nginx.conf');
  const user = process.getuid?.() === 0 ? 'user root;' : '';
  const types = 'types { text/html html; text/css css; text/javascript js; application/json json; }';
  const http = `access_log off; ${types} ${temporary}\n${servers}`;
  writeFileSync(file, `${user} pid ${join(folder, 'nginx.pid')}; error_log stderr notice; events {} http { ${http} }`);
  const args = ['-p', folder, '-c', file, '-g', 'daemon off;'];
  return startProgram(findProgram('nginx') ?? 'nginx', args, { ready: /start worker process \d/ });
}
