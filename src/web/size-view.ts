/** Owns how a number of bytes is written for people. */

const units = ['bytes', 'KB', 'MB', 'GB', 'TB'] as const;

/** "1.4 GB", in steps of 1,000 as registries and disks count; "unknown" where it isn't known. */
export function formatSize(bytes: number | null): string {
  if (bytes === null) return 'unknown';
  const step = bytes < 1_000 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(bytes) / 3));
  const value = bytes / 1_000 ** step;
  const digits = step === 0 || value >= 100 ? 0 : 1;
  return `${new Intl.NumberFormat('en', { maximumFractionDigits: digits }).format(value)} ${units[step]}`;
}
