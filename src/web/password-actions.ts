/** Owns the pages that create, rotate and revoke a password: of a person, or of a robot that someone manages. */
import type { IncomingMessage } from 'node:http';
import type { Request, RequestHandler, Response } from 'express';
import type { AppPassword, AppPasswords, Owner } from '../app-passwords/app-passwords.ts';
import type { Maker } from '../app-passwords/maker.ts';
import type { Limits } from '../identity/identity.ts';
import type { Requester } from '../identity/requester.ts';
import { Refusal } from '../lib/errors.ts';
import type { RepositoryUse } from '../repositories/account-activity.ts';
import type { PasswordPreview } from '../repositories/password-preview.ts';
import { activityViewOf, type RepositoryUseView } from './account-activity-view.ts';
import { type Tool, type ToolGroup, toolGroups } from './commands.ts';
import { correctable, fieldsOf, filledIn } from './fields.ts';
import {
  asksForPreview,
  formAgain,
  formFrom,
  formLike,
  formWithPreview,
  idFor,
  type PasswordForm,
  type RotationForm,
  readFields,
  readRotation,
  rotationForm,
  toPasswordInput,
} from './password-form.ts';
import { previewViewOf, unreachableTexts } from './password-preview.ts';
import { type PasswordView, viewOf } from './password-view.ts';
import { actorOf } from './session.ts';
import type { Views } from './views.ts';

/** Whose passwords a request is about, and where the pages about them are. Addresses are below the prefix. */
export type Holder = {
  readonly owner: Owner;
  /** Who receives the secret, where the owner is a robot. */
  readonly maker?: Maker;
  /** Whether the owner's account doesn't work now. */
  readonly isSuspended: boolean;
  /** Comes before `/passwords/...`: '' for a person's own. */
  readonly base: string;
  /** The page with the list, and what a link to it says. */
  readonly home: string;
  readonly homeLabel: string;
  readonly section: string;
  /** The administrators' tab; `null` outside of their section. */
  readonly tab: string | null;
};

/** The part of a holder that its pages show; `robot` is the robot's login, `null` for a person. */
export type HolderFrame = Omit<Holder, 'owner' | 'maker' | 'isSuspended'> & { readonly robot: string | null };

declare module './views.ts' {
  interface ViewData {
    back: Pick<Holder, 'home' | 'homeLabel'>;
    'password-new': HolderFrame & { form: PasswordForm; suggestions: readonly string[] };
    'password-created': HolderFrame & {
      secret: string;
      password: PasswordView;
      /** The password that this one replaces. */
      previous: PasswordView | null;
      hosts: readonly string[];
      user: string;
      toolGroups: readonly ToolGroup[];
      /** Sentences about patterns that are no use. */
      unreachable: readonly string[];
    };
    'password-tool': { tool: Tool; robot: string | null };
    /** Answers a form that was sent again. */
    'password-once': HolderFrame & { password: PasswordView };
    'password-rotate': HolderFrame & { password: PasswordView; form: RotationForm };
    /** `tokenMinutes`: how long a registry token that has been issued can outlive the password. */
    'password-revoke': HolderFrame & {
      password: PasswordView;
      tokenMinutes: number;
      /** What the owner really pushed and pulled; `null`: no registry reports it. */
      activity: readonly RepositoryUseView[] | null;
    };
  }
}

export type PasswordActionParts = {
  readonly passwords: AppPasswords;
  /** @throws {Refusal} `not_found` for a robot that the person does not manage */
  readonly holderOf: (request: Request) => Promise<Holder>;
  readonly requesterOf: (request: IncomingMessage) => Requester;
  readonly views: Views;
  /** What the owner really pushed and pulled, as far as the person who asks can see it; `null`: no registry reports it. */
  readonly activityOf: (request: Request, owner: Owner) => Promise<readonly RepositoryUse[] | null>;
  /** Patterns that the owner could limit a password to. */
  readonly suggestionsOf: (request: Request, owner: Owner) => Promise<readonly string[]>;
  /** `registryHost` is what clients write before an image's name; `lifetime` of a token in seconds. */
  readonly services: readonly { readonly name: string; readonly registryHost: string; readonly lifetime: number }[];
  /** What a password of the holder with these limits could do now, from where the request comes. */
  readonly previewOf: (request: Request, holder: Holder, limits: Limits) => Promise<PasswordPreview>;
  /** Those of its patterns that match nothing it could be used for. */
  readonly unreachableOf: (request: Request, holder: Holder, limits: Limits) => Promise<readonly string[]>;
  readonly now: () => number;
};

/** Mount behind a guard that only lets people through who are signed in; the password's id is `:id`. */
export type PasswordActions = {
  /** GET .../passwords: what the address of the form leads to, typed or loaded again. */
  readonly list: RequestHandler;
  /** GET .../passwords/new, POST .../passwords */
  readonly ask: RequestHandler;
  readonly create: RequestHandler;
  /** GET and POST of .../passwords/:id/rotate */
  readonly askRotation: RequestHandler;
  readonly rotate: RequestHandler;
  /** GET and POST of .../passwords/:id/revoke */
  readonly confirmRevocation: RequestHandler;
  readonly revoke: RequestHandler;
};

export function createPasswordActions(parts: PasswordActionParts): PasswordActions {
  return {
    list: async (request, response) => {
      const { home } = await parts.holderOf(request);
      response.redirect(303, `${parts.views.prefix}${home}`);
    },
    ask: (request, response) => ask(parts, request, response),
    create: (request, response) => create(parts, request, response),
    askRotation: (request, response) => askRotation(parts, request, response, null),
    rotate: (request, response) => rotate(parts, request, response),
    confirmRevocation: (request, response) => confirmRevocation(parts, request, response),
    revoke: (request, response) => revoke(parts, request, response),
  };
}

/** `?like=ID`: another one like that, which has ended. */
async function ask(parts: PasswordActionParts, request: Request, response: Response): Promise<void> {
  const wanted = fieldsOf(request.query)('like');
  const { owner } = await parts.holderOf(request);
  const like = wanted === '' ? undefined : (await parts.passwords.ofAccount(owner)).find(({ id }) => id === wanted);
  await showForm(parts, request, response, {
    form: like === undefined ? formFrom(parts, request.query) : formLike(parts, like),
  });
}

async function create(parts: PasswordActionParts, request: Request, response: Response): Promise<void> {
  const { passwords } = parts;
  const holder = await parts.holderOf(request);
  const fields = readFields(request.body, parts.now());
  if (asksForPreview(request.body)) return preview(parts, request, response, holder, fields);
  const id = idFor(holder.owner.id, fields);
  const earlier = id === undefined ? undefined : (await passwords.ofAccount(holder.owner)).find((one) => one.id === id);
  if (earlier !== undefined) return showAgain(parts, response, holder, earlier);
  try {
    const input = { ...toPasswordInput(fields), ...(id !== undefined && { id }) };
    const limits = passwords.limitsFor(input);
    // Before there is a secret, which must be shown whatever fails.
    const unreachable = limits.repositories === null ? [] : await parts.unreachableOf(request, holder, limits);
    const { secret, password } = await passwords.issue(holder.owner, input, actorOf(parts, request), holder.maker);
    const texts = unreachableTexts(unreachable, { who: frameOf(holder).robot ?? 'you', pullOnly: input.pullOnly });
    showSecret(parts, response, holder, { secret, password, previous: null, unreachable: texts });
  } catch (error) {
    const mistake = correctable(error);
    const { status } = mistake;
    await showForm(parts, request, response, { form: formAgain(parts, fields, mistake), status });
  }
}

/** Makes nothing: the page has the form as it was sent. */
async function preview(
  parts: PasswordActionParts,
  request: Request,
  response: Response,
  holder: Holder,
  fields: ReturnType<typeof readFields>,
): Promise<void> {
  try {
    const input = toPasswordInput(fields);
    const found = await parts.previewOf(request, holder, parts.passwords.limitsFor(input));
    const described = { services: parts.services, robot: frameOf(holder).robot, pullOnly: input.pullOnly };
    await showForm(parts, request, response, { form: formWithPreview(parts, fields, previewViewOf(found, described)) });
  } catch (error) {
    const mistake = correctable(error);
    await showForm(parts, request, response, { form: formAgain(parts, fields, mistake), status: mistake.status });
  }
}

/** A page that is loaded again sends its form again: the password was made by the first, which was the one to show it. */
function showAgain({ views, now }: PasswordActionParts, response: Response, holder: Holder, password: AppPassword) {
  views.page(response, 'password-once', { ...frameOf(holder), password: viewOf(password, now()) });
}

/** No redirect after the POST: the password is only in this answer, and nothing has to store it in between. */
function showSecret(
  { services, views, now }: PasswordActionParts,
  response: Response,
  holder: Holder,
  made: { secret: string; password: AppPassword; previous: AppPassword | null; unreachable?: readonly string[] },
): void {
  const { secret, password, previous, unreachable = [] } = made;
  const login = { hosts: services.map((service) => service.registryHost), user: holder.owner.login };
  views.page(response, 'password-created', {
    ...frameOf(holder),
    secret,
    password: viewOf(password, now()),
    previous: previous === null ? null : viewOf(previous, now()),
    ...login,
    toolGroups: toolGroups({ ...login, secret }),
    unreachable,
  });
}

/** @param error what is wrong with the form that was sent; `null`: none was */
async function askRotation(parts: PasswordActionParts, request: Request, response: Response, error: Refusal | null) {
  const holder = await parts.holderOf(request);
  const data = {
    ...frameOf(holder),
    password: viewOf(await findOwn(parts, holder, request), parts.now()),
    form: rotationForm(parts, filledIn(request), error),
  };
  parts.views.page(response, 'password-rotate', data, error?.status ?? 200);
}

async function rotate(parts: PasswordActionParts, request: Request, response: Response): Promise<void> {
  const holder = await parts.holderOf(request);
  const { owner, maker } = holder;
  try {
    const input = readRotation(request.body, parts.now());
    const made = await parts.passwords.rotate(idOf(request), owner.id, input, actorOf(parts, request), maker);
    showSecret(parts, response, holder, made);
  } catch (error) {
    const mistake = correctable(error);
    if (mistake.code === 'not_found') throw mistake;
    await askRotation(parts, request, response, mistake);
  }
}

async function confirmRevocation(parts: PasswordActionParts, request: Request, response: Response): Promise<void> {
  const holder = await parts.holderOf(request);
  const seconds = Math.max(...parts.services.map((service) => service.lifetime));
  const activity = await parts.activityOf(request, holder.owner);
  parts.views.page(response, 'password-revoke', {
    ...frameOf(holder),
    password: viewOf(await findOwn(parts, holder, request), parts.now()),
    tokenMinutes: Math.ceil(seconds / 60),
    activity: activity && activityViewOf(activity, parts.now()),
  });
}

async function revoke(parts: PasswordActionParts, request: Request, response: Response): Promise<void> {
  const { owner, home } = await parts.holderOf(request);
  const { id } = await parts.passwords.revoke(idOf(request), owner.id, actorOf(parts, request));
  response.redirect(303, `${parts.views.prefix}${home}?revoked=${encodeURIComponent(id)}`);
}

async function findOwn({ passwords }: PasswordActionParts, { owner }: Holder, request: Request): Promise<AppPassword> {
  const password = (await passwords.ofAccount(owner)).find(({ id }) => id === idOf(request));
  if (password === undefined) throw new Refusal('not_found', 'That password doesn’t exist.');
  return password;
}

function idOf(request: Request): string {
  return String(request.params['id']);
}

async function showForm(
  parts: PasswordActionParts,
  request: Request,
  response: Response,
  { form, status = 200 }: { readonly form: PasswordForm; readonly status?: number },
): Promise<void> {
  const holder = await parts.holderOf(request);
  const suggestions = await parts.suggestionsOf(request, holder.owner);
  parts.views.page(response, 'password-new', { ...frameOf(holder), form, suggestions }, status);
}

export function frameOf({ base, home, homeLabel, section, tab, owner }: Holder): HolderFrame {
  return { base, home, homeLabel, section, tab, robot: owner.kind === 'robot' ? owner.login : null };
}
