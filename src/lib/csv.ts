/** Owns a field of a CSV file (RFC 4180). */

/**
 * A spreadsheet runs what begins like a formula, and a User-Agent is whatever a stranger sends: such a field gets an
 * apostrophe in front (OWASP, CSV Injection).
 */
export function csvField(text: string): string {
  const safe = /^[=+\-@\t\r\n＝＋－＠]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
