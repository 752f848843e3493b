/** Owns files that a command writes for people to edit: new ones only. */
import { access, writeFile } from 'node:fs/promises';
import { Refusal } from '../lib/errors.ts';

/** @throws {Refusal} `conflict`, where the file exists */
export async function writeNew(file: string, text: string, mode: number): Promise<void> {
  await refuseExisting(file);
  await writeFile(file, text, { flag: 'wx', mode });
}

/** @throws {Refusal} `conflict`, where the file exists */
export async function refuseExisting(file: string): Promise<void> {
  const exists = await access(file).then(
    () => true,
    () => false,
  );
  if (exists) throw new Refusal('conflict', `${file} exists already: choose another folder, or move it away.`);
}
