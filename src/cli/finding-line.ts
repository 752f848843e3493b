/** Owns how a finding of the doctor reads. */
import type { Finding } from '../doctor/finding.ts';
import type { Screen } from './command.ts';
import { paint } from './screen.ts';

const words = {
  right: ['ok', 'green'],
  wrong: ['FAIL', 'red'],
  unknown: ['?', 'yellow'],
  note: ['note', 'dim'],
} as const;

export function findingLine(
  { status, subject, message }: Pick<Finding, 'status' | 'message'> & { readonly subject: string },
  screen: Screen | undefined,
): string {
  const [word, style] = words[status];
  return `  ${paint(word.padEnd(4), style, screen)}  ${subject.padEnd(18)} ${message}`;
}
