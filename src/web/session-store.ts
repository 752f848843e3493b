/** Owns how express-session keeps sessions in the database. */
import { createHash } from 'node:crypto';
import type { Request } from 'express';
import session, { type SessionData } from 'express-session';
import { isRecord, readJson } from '../lib/json.ts';
import type { SessionStore } from '../store/sessions.ts';
import type { SessionPerson } from './session-person.ts';

declare module 'express-session' {
  interface SessionData {
    passport?: { user?: SessionPerson };
  }
}

export type SessionLimits = {
  /** Seconds without a request after which a session ends. */
  readonly idle: number;
  /** Seconds after the sign-in at which a session ends in any case. */
  readonly absolute: number;
};

/** Milliseconds that a session lives in which no one has signed in yet. */
const visitorLifetime = 600_000;

/** Milliseconds by which the stored expiry can lag behind: a session can end that much too early, a tenth of the idle limit at most. */
const touchInterval = 60_000;

/** What `set` stored; express-session makes the cookie's dates of it. */
function isSessionData(value: unknown): value is SessionData {
  return isRecord(value) && isRecord(value['cookie']);
}

type Callback<Value = void> = (error?: unknown, value?: Value) => void;

/** The table holds hashes of the session ids, so that someone who can read it can't use a session. */
export class DatabaseSessions extends session.Store {
  private readonly sessions: SessionStore;
  private readonly limits: SessionLimits;
  private readonly now: () => number;
  private readonly onNotExtended: (error: unknown) => void;
  /** The stored expiry of what was read or written. */
  private readonly loaded = new WeakMap<SessionData, number>();

  /**
   * @param now epoch milliseconds
   * @param onNotExtended gets why a session ends earlier than it should after its use
   */
  constructor(
    sessions: SessionStore,
    limits: SessionLimits,
    now: () => number,
    onNotExtended: (error: unknown) => void,
  ) {
    super();
    this.onNotExtended = onNotExtended;
    this.sessions = sessions;
    this.limits = limits;
    this.now = now;
  }

  override get(id: string, done: Callback<SessionData | null>): void {
    const read = async (): Promise<SessionData | null> => {
      const row = await this.sessions.read(hash(id), this.now());
      if (row === undefined) return null;
      const data = readJson(row.data, isSessionData);
      this.loaded.set(data, row.expires_at);
      return data;
    };
    settle(read(), done);
  }

  override set(id: string, data: SessionData, done: Callback = () => {}): void {
    const row = { data: JSON.stringify(data), expiresAt: this.expiryOf(data) };
    const { accountId = null, providerSession = null } = data.passport?.user ?? {};
    // A session that was ended while this request still ran must not come back by its being saved.
    const saved = this.loaded.has(data)
      ? this.sessions.change(hash(id), row)
      : this.sessions.write(hash(id), { ...row, accountId, providerSession }).then(() => {
          // express-session saves a session that a request began once more at its end.
          this.loaded.set(data, row.expiresAt);
        });
    settle(saved, done);
  }

  /** Called for what was read, not for what a request begins. */
  override createSession(request: Request, data: SessionData): session.Session & SessionData {
    const loaded = super.createSession(request, data);
    this.loaded.set(loaded, this.loaded.get(data) ?? 0);
    return loaded;
  }

  /**
   * Not at each page: on SQLite a write waits for the disk, and everyone with it. It comes after the answer, which express
   * could only break off, so a failure isn't an error of the request.
   */
  override touch(id: string, data: SessionData, done: Callback = () => {}): void {
    const expiry = this.expiryOf(data);
    const isNear = Math.abs(expiry - (this.loaded.get(data) ?? 0)) < Math.min(touchInterval, this.limits.idle * 100);
    settle(isNear ? Promise.resolve() : this.sessions.extend(hash(id), expiry).catch(this.onNotExtended), done);
  }

  override destroy(id: string, done: Callback = () => {}): void {
    settle(this.sessions.remove(hash(id)), done);
  }

  private expiryOf(data: SessionData): number {
    const person = data.passport?.user;
    if (person === undefined) return this.now() + visitorLifetime;
    return Math.min(this.now() + this.limits.idle * 1000, person.signedInAt + this.limits.absolute * 1000);
  }
}

function hash(id: string): string {
  return createHash('sha256').update(id).digest('base64url');
}

/** On the next tick, so that an error thrown by the callback doesn't count as one of the database. */
function settle<Value>(work: Promise<Value>, done: Callback<Value>): void {
  work.then(
    (value) => process.nextTick(done, null, value),
    (error: unknown) => process.nextTick(done, error),
  );
}
