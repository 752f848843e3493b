/** Owns the way from the policy file to the policy in force. */
import { readFile } from 'node:fs/promises';
import { type Policy, parsePolicy } from './policy/acl.ts';

/**
 * @throws {PolicyError} with every mistake of the file, by line and column
 * @throws {Error} that names the file, when it cannot be read
 */
export async function readPolicyFile(file: string): Promise<Policy> {
  const text = await readFile(file, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    throw new Error(
      `The policy file ${file} cannot be read (${cause.code}). POLICY_FILE names it; docs/policy.md shows how to write one.`,
      { cause },
    );
  });
  return parsePolicy(text, file);
}
