/** Owns the list of the pages' routes, read from the files that mount them: "get /passwords/new". */
import { readFileSync } from 'node:fs';

/** As they stand there; those of robots are mounted twice. */
export function mountedRoutes(): string[] {
  const read = (file: string) => readFileSync(new URL(`../../src/app/${file}.ts`, import.meta.url), 'utf8');
  const found = (text: string) => [...text.matchAll(/router\.(get|post|put|patch|delete|all)\(\s*(['`])(.*?)\2/g)];
  const own = ['own-pages', 'admin-pages'].flatMap((file) =>
    found(read(file)).map(([, verb, , path]) => `${verb} ${path}`),
  );
  const ofRobots = found(read('robot-pages').replaceAll('router.get(base,', 'router.get(`${base}`,'));
  const mounted = ['/robots', '/admin/robots'].flatMap((base) =>
    ofRobots.map(([, verb, , path]) => `${verb} ${path?.replace('${base}', base)}`),
  );
  return [...own, ...mounted];
}
