/** Owns the memory that someone signed out in this browser: the next sign-in asks who they are, as the provider may still know. */
import type { CookieOptions, Request, Response } from 'express';
import { day } from '../lib/time.ts';
import { cookieNames, readCookies } from './cookies.ts';

export type SignedOut = {
  mark(response: Response): void;
  isMarked(request: Request): boolean;
  /** Someone has signed in. */
  clear(request: Request, response: Response): void;
};

/** @param site.publicUrl with the prefix */
export function createSignedOut({ publicUrl, secure }: { publicUrl: string; secure: boolean }): SignedOut {
  const { signedOut: name } = cookieNames(publicUrl, secure);
  const options: CookieOptions = { path: '/', httpOnly: true, sameSite: 'lax', secure };
  const isMarked = (request: Request) => readCookies(request.headers.cookie).some((cookie) => cookie.name === name);
  return {
    mark: (response) => void response.cookie(name, '1', { ...options, maxAge: day }),
    isMarked,
    clear(request, response) {
      if (isMarked(request)) response.clearCookie(name, options);
    },
  };
}
