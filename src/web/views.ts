/** Owns how a page is rendered: the templates of views/ and their data, what every template gets, and the static files beside them. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Eta } from 'eta';
import express from 'express';
import type { Account } from '../store/accounts.ts';
import { type Brand, type BrandSettings, createBrand, plainBrand } from './brand.ts';
import type { TerminalOffer } from './terminal-offer.ts';

/** An entry of the navigation in the header; the one whose `href` is the page's own section is marked as current. */
export type NavigationEntry = { readonly label: string; readonly href: string };

/**
 * The data of each template, by the name of its file in views/. Here are the templates that many pages include; the file
 * that makes a page adds its entry to this interface with `declare module`. test/web/view-data.test.ts checks every
 * template against its entry.
 */
export interface ViewData {
  layout: { title: string; section?: string; wide?: boolean; bare?: boolean; narrow?: boolean; body: string };
  'admin-layout': { title: string; section: string; tab: string | null; narrow?: boolean; body: string };
  /** `signInHref`: of someone who isn't signed in; `home`: where someone who is can continue. */
  error: {
    status: number;
    title: string;
    message: string;
    requestId: string | null;
    signInHref: string;
    home: { readonly href: string; readonly label: string };
  };
  icon: { icon: string };
  mark: object;
  footer: object;
  /** `live`: it answers what the reader just did, so a screen reader announces it. */
  notice: { tone: 'danger' | 'warning' | 'success' | 'info'; text: string; live?: boolean };
  /** `source`: the id of the element whose text is copied; `what` names it for a screen reader. */
  'copy-button': { source: string; what: string; label?: string; primary?: boolean };
  /** `mode`: shown only while the reader wants commands that ask for the password, or that include it; `file` is the name it's saved under. */
  command: {
    id: string;
    title: string;
    /** Names it for a screen reader. */
    what: string;
    code: string;
    /** Of the step; 0 where it's the only one. */
    number?: number;
    mode?: '' | 'asks' | 'includes';
    file?: string;
  };
  /** Of an account or a password. */
  state: { state: string; label: string };
  'field-error': { field: string; text: string | null };
}

export type ViewName = keyof ViewData;

/** What every template gets besides its own data. */
export type Frame = {
  readonly prefix: string;
  readonly visitor: NonNullable<PageLocals['person']> | null;
  readonly navigation: readonly NavigationEntry[];
  /** Why this is a trial, for a banner on every page; `null` where it is none. */
  readonly trial: string | null;
  /** How a terminal is signed in; `null` where that's disabled. */
  readonly terminal: TerminalOffer | null;
  readonly brand: Brand;
  /** The address of a file in views/static. */
  asset(file: string): string;
  readonly initials: typeof initials;
};

/** What the layout reads from `response.locals`; signing a person in sets it. */
export type PageLocals = {
  person?: Pick<Account, 'login' | 'display_name'> | null;
  /** Shown from two entries on. */
  navigation?: readonly NavigationEntry[];
};

/** The data of a page. The layout reads `section`, the page's own entry in the navigation. */
type PageData<Name extends ViewName> = Readonly<ViewData[Name]>;

export type Views = {
  /** Path prefix of all pages, for redirects: `''`, or `/dockpass`. */
  readonly prefix: string;
  /**
   * Renders `views/<name>.eta` inside the layout and sends it. No page is stored by a browser or a proxy:
   * each shows what belongs to one person.
   */
  page<Name extends ViewName>(response: express.Response, name: Name, data: PageData<Name>, status?: number): void;
  /** Serves `views/static`; mount at `/static` below the prefix. */
  readonly assets: express.Handler;
};

/** What is the same on every page. */
type SiteFrame = Pick<Frame, 'prefix' | 'trial'> &
  Partial<Pick<Frame, 'terminal'>> & { readonly brand?: BrandSettings };

const viewFolder = fileURLToPath(new URL('../../views/', import.meta.url));
const staticFolder = fileURLToPath(new URL('../../views/static/', import.meta.url));
/** Hexadecimal digits of the content hash in an asset's address: enough to distinguish two releases. */
const hashLength = 12;
/** Seconds that a browser keeps an asset whose address carries the hash of its content: a year. */
const assetLifetime = 31_536_000;

export function createViews({ prefix, trial, terminal = null, brand: settings = plainBrand }: SiteFrame): Views {
  const brand = createBrand(settings, prefix);
  const eta = new Eta({ views: viewFolder, cache: true, autoTrim: [false, 'nl'] });
  const hashes = hashStaticFiles();
  const asset = (file: string): string => {
    const hash = hashes.get(file);
    if (hash === undefined) throw new Error(`there is no views/static/${file}`);
    return `${prefix}/static/${file}?v=${hash}`;
  };

  return {
    prefix,
    page(response, name, data, status = 200) {
      const { person: visitor = null, navigation = [] }: PageLocals = response.locals;
      const frame: Frame = { visitor, navigation, prefix, trial, terminal, brand, asset, initials };
      // The frame comes last: a page about a person must not put that person's name into the header.
      const html = eta.render(name, { ...data, ...frame });
      response.status(status).set('Cache-Control', 'no-store').type('html').send(html);
    },
    assets: express.static(staticFolder, {
      index: false,
      redirect: false,
      cacheControl: false,
      setHeaders(response, path) {
        // During a rolling update an address with another release's hash must not be kept with this release's content.
        const versions = new URL(response.req.url ?? '', 'http://localhost').searchParams.getAll('v');
        const immutable = versions.join() === hashes.get(path.slice(staticFolder.length));
        response.setHeader('Cache-Control', immutable ? `public, max-age=${assetLifetime}, immutable` : 'no-cache');
      },
    }),
  };
}

function hashStaticFiles(): ReadonlyMap<string, string> {
  return new Map(
    readdirSync(staticFolder).map((file) => [
      file,
      createHash('sha256')
        .update(readFileSync(staticFolder + file))
        .digest('hex')
        .slice(0, hashLength),
    ]),
  );
}

/** One or two letters that stand for a person: of the first and last word of the name, else of the login. */
export function initials(person: Pick<Account, 'login' | 'display_name'>): string {
  const words = (person.display_name?.trim() || person.login).split(/\s+/u);
  const ends = words.length > 1 ? [words[0], words.at(-1)] : [words[0]];
  return ends
    .map((word) => [...(word ?? '')][0] ?? '')
    .join('')
    .toUpperCase();
}
