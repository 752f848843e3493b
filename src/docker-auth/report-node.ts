/** Owns how something is said about a part of the source, by whose place it is found. */

/**
 * Reports what is dropped, or decides otherwise. An error is for what docker_auth itself would not start with, and for what
 * would grant more than anyone meant.
 */
export type ReportNode = (node: unknown, message: string, severity?: 'error' | 'warning') => void;
