/** Owns how the fields of a form or a query are read: a request can lack a field, or have it twice. */

import express from 'express';
import { Refusal } from '../lib/errors.ts';
import { fieldsIn } from '../lib/json.ts';
import { isDay } from '../lib/time.ts';

export type Fields = (name: string) => string;

/** Large enough for a list of repositories, and no more. Forms of people are read before their pages (app/pages.ts). */
export const readForm = express.urlencoded({ extended: false, limit: '16kb' });

/**
 * @param source a parsed body or query. @returns each field trimmed, '' where it is missing
 * @throws {Refusal} a field is there twice: to take one, or none, could do more than was asked for
 */
export function fieldsOf(source: unknown): Fields {
  const values = fieldsIn(source);
  return (name) => {
    const value = (Object.hasOwn(values, name) ? values[name] : undefined) ?? '';
    if (typeof value === 'string') return value.trim();
    throw new Refusal('bad_request', `The form holds "${name}" more than once. Open the page again and fill it in.`);
  };
}

/** A field that can be there several times, as boxes of one name are. */
export function textsOf(source: unknown, name: string): string[] {
  const values = fieldsIn(source);
  const value = Object.hasOwn(values, name) ? values[name] : [];
  return (Array.isArray(value) ? value : [value]).filter((text): text is string => typeof text === 'string');
}

/**
 * What the sender of a form can correct, to be shown in it.
 * @throws the error itself where it's a fault of the service: that has an answer of its own, which says when to try again
 */
export function correctable(error: unknown): Refusal {
  if (error instanceof Refusal && error.status < 500) return error;
  throw error;
}

/** The value if it is one of those that are known. */
export function oneOf<Value extends string>(known: readonly Value[], value: string): Value | null {
  return known.find((candidate) => candidate === value) ?? null;
}

/** A whole number as people write it, else `NaN`: `Number()` takes 0x10 and 1e1 too. */
export function numberIn(value: string): number {
  return /^\d{1,9}$/.test(value) ? Number(value) : Number.NaN;
}

/** Those that are given, as a query: `?q=ana&page=2`, or '' for none. */
export function queryOf(values: Readonly<Record<string, string | number | null>>): string {
  const given = Object.entries(values).filter(([, value]) => value !== null && value !== '');
  const params = new URLSearchParams(given.map(([name, value]): [string, string] => [name, String(value)]));
  return params.size === 0 ? '' : `?${params}`;
}

/** These belong to the form that was sent, and not to the one that someone comes back to. */
const ofOneForm: readonly string[] = ['once', 'expected', 'preview'];

/**
 * What a form had that was sent too late, for the address of the page with the form. Only for forms without secrets.
 * @param asked the query with which the page was opened. @returns it, with what was sent instead where both have a field
 */
export function addSentValues(asked: URLSearchParams, { body }: { readonly body?: unknown }): URLSearchParams {
  const fields = fieldsIn(body);
  const params = new URLSearchParams(asked);
  for (const name of Object.keys(fields).filter((one) => !ofOneForm.includes(one))) {
    params.delete(name);
    for (const text of textsOf(fields, name)) if (text !== '') params.append(name, text);
  }
  return params;
}

/** What was filled in: the form that is sent, or in the query what was sent before its sender had to sign in again. */
export function filledIn({ method, body, query }: { method: string; body?: unknown; query: unknown }): unknown {
  return method === 'POST' ? body : query;
}

/** The day that a date field means, as epoch milliseconds of its beginning in UTC; `null` where it is none. */
export function dayOf(value: string): number | null {
  return isDay(value) ? Date.parse(value) : null;
}
