/** Owns the pages about robots: for administrators all of them, for everyone else those that their groups own. */
import type { IncomingMessage } from 'node:http';
import type { Request, RequestHandler, Response } from 'express';
import { isRobotName, type RobotManager } from '../accounts/robot-facts.ts';
import type { RobotConcern } from '../accounts/robot-review.ts';
import { makerOf, type Robot, type Robots } from '../accounts/robots.ts';
import type { AppPassword } from '../app-passwords/app-passwords.ts';
import type { Requester } from '../identity/requester.ts';
import { Refusal } from '../lib/errors.ts';
import { dateOf, minuteOf } from '../lib/time.ts';
import type { Account } from '../store/accounts.ts';
import { correctable, fieldsOf, oneOf, queryOf } from './fields.ts';
import type { Holder } from './password-actions.ts';
import { formErrorOf } from './password-form.ts';
import { type RobotFrame, type RobotPageParts, type RobotView, robotView, showRobot } from './robot.ts';
import {
  changeFormFrom,
  choicesOf,
  formOfRobot,
  type RobotChoices,
  type RobotForm,
  readRobotForm,
  robotFormFrom,
  toRobotInput,
} from './robot-form.ts';
import { actorOf, personOf } from './session.ts';

/** Where the pages are mounted, below the prefix, and for whom. */
export type RobotPlace = {
  readonly base: '/robots' | '/admin/robots';
  readonly section: string;
  readonly tab: string | null;
  readonly managerOf: (person: Account) => RobotManager;
};

declare module './views.ts' {
  interface ViewData {
    /** `canMake`: whether the reader can make one. `deleted`: the name of the one that was just deleted. */
    robots: RobotFrame & {
      rows: readonly RobotView[];
      concerns: readonly ConcernView[];
      canMake: boolean;
      deleted: string | null;
    };
    'robot-remove': RobotFrame & { base: string; login: string; activePasswords: number };
    /** `choices`: the groups that can own the robot and that it can have, `null` for any. */
    'robot-form': RobotFrame & { form: RobotForm; choices: RobotChoices | null };
  }
}

export type RobotsParts = RobotPageParts & {
  readonly robots: Robots;
  /** Passwords that administrators should look at. */
  readonly review: () => Promise<readonly RobotConcern[]>;
  readonly requesterOf: (request: IncomingMessage) => Requester;
};

/** The robot's id is `:robot`. */
export type RobotPages = {
  /** GET <base> */
  readonly list: RequestHandler;
  /** GET and POST of <base>/new */
  readonly ask: RequestHandler;
  readonly create: RequestHandler;
  /** GET <base>/:robot */
  readonly show: RequestHandler;
  /** GET and POST of <base>/:robot/change */
  readonly askChange: RequestHandler;
  readonly change: RequestHandler;
  /** POST <base>/:robot/state */
  readonly setState: RequestHandler;
  /** Refuses people who can't make robots and passwords here; before every page that makes them. */
  readonly requireMaking: RequestHandler;
  /** POST <base>/:robot/passwords/:id/confirm */
  readonly confirm: RequestHandler;
  /** GET and POST of <base>/:robot/remove */
  readonly askRemoval: RequestHandler;
  readonly remove: RequestHandler;
  /** For the pages about its passwords. @throws {Refusal} `not_found` */
  holderOf(request: Request): Promise<Holder>;
};

type Parts = RobotsParts & { readonly place: RobotPlace };

export function createRobotPages(pageParts: RobotsParts, place: RobotPlace): RobotPages {
  const parts = { ...pageParts, place };
  return {
    list: (request, response) => list(parts, request, response),
    ask: (request, response) =>
      showForm(parts, request, response, robotFormFrom(groupsOf(parts, request), request.query)),
    create: (request, response) => create(parts, request, response),
    show: async (request, response) => {
      const robot = await find(parts, request);
      const manager = place.managerOf(personOf(request));
      await showRobot(parts, request, response, { robot, manager, frame: frameOf(place) });
    },
    askChange: async (request, response) => {
      const robot = await find(parts, request);
      showForm(parts, request, response, changeFormFrom(robot, groupsOf(parts, request), request.query));
    },
    change: (request, response) => change(parts, request, response),
    setState: (request, response) => setState(parts, request, response),
    requireMaking(request, _response, next) {
      parts.robots.requireMaking(place.managerOf(personOf(request)));
      next();
    },
    confirm: async (request, response) => {
      const { id } = await find(parts, request);
      const manager = place.managerOf(personOf(request));
      await parts.robots.confirmMaker(String(request.params['id']), id, manager, actorOf(parts, request));
      response.redirect(303, `${parts.views.prefix}${place.base}`);
    },
    askRemoval: (request, response) => askRemoval(parts, request, response),
    remove: (request, response) => remove(parts, request, response),
    async holderOf(request) {
      const { id, login, state } = await find(parts, request);
      const { base, section, tab } = place;
      const home = `${base}/${id}`;
      const maker = makerOf(place.managerOf(personOf(request)));
      const isSuspended = state !== 'active';
      return {
        owner: { id, login, kind: 'robot' },
        isSuspended,
        maker,
        base: home,
        home,
        homeLabel: login,
        section,
        tab,
      };
    },
  };
}

async function list({ robots, views, place, review, now }: Parts, request: Request, response: Response): Promise<void> {
  const manager = place.managerOf(personOf(request));
  const rows = (await robots.list(manager)).map((robot) => robotView(robot, now()));
  const concerns = manager.administrator ? (await review()).map((concern) => concernView(concern, now())) : [];
  const deleted = deletedIn(fieldsOf(request.query)('deleted'), rows);
  views.page(response, 'robots', { ...frameOf(place), rows, concerns, canMake: robots.canMake(manager), deleted });
}

/** Nothing else that an address says is repeated: only what can be the name of a robot, and of none that is there. */
function deletedIn(name: string, rows: readonly RobotView[]): string | null {
  return isRobotName(name) && rows.every((row) => row.login !== `robot-${name}`) ? name : null;
}

async function create(parts: Parts, request: Request, response: Response): Promise<void> {
  const { robots, place } = parts;
  const form = readRobotForm(request.body);
  try {
    const input = { ...toRobotInput(form), name: form.name };
    const { id } = await robots.create(input, place.managerOf(personOf(request)), actorOf(parts, request));
    response.redirect(303, `${parts.views.prefix}${place.base}/${id}`);
  } catch (error) {
    showError(parts, request, response, form, error);
  }
}

async function change(parts: Parts, request: Request, response: Response): Promise<void> {
  const { robots, place } = parts;
  const { id, name, labels } = await find(parts, request);
  const manager = place.managerOf(personOf(request));
  const form = { ...readRobotForm(request.body), id, name };
  try {
    // The form of its owners has no labels, so they stay.
    const kept = !manager.administrator && form.labels === '' ? { labels } : {};
    const input = { ...toRobotInput(form), ...kept };
    await robots.change(id, input, manager, actorOf(parts, request), form.version || undefined);
    response.redirect(303, `${parts.views.prefix}${place.base}/${id}`);
  } catch (error) {
    if (correctable(error).code !== 'conflict') return showError(parts, request, response, form, error);
    const current = formOfRobot(await find(parts, request));
    showError(parts, request, response, { ...form, version: current.version, current }, error);
  }
}

async function setState(parts: Parts, request: Request, response: Response): Promise<void> {
  const { robots, place } = parts;
  const state = oneOf(['active', 'disabled'] as const, fieldsOf(request.body)('state'));
  if (state === null) throw new Refusal('bad_request', 'A robot is enabled or disabled. Use the button on its page.');
  const { id } = await find(parts, request);
  await robots.setState(id, state, place.managerOf(personOf(request)), actorOf(parts, request));
  response.redirect(303, `${parts.views.prefix}${place.base}/${id}`);
}

type ConcernView = ReturnType<typeof concernView>;

function concernView({ password, why }: RobotConcern, now: number) {
  const { id, name, login: robot, accountId: robotId } = password;
  const scopes = why.kind === 'beyond' ? why.scopes : [];
  return { id, name, robot, robotId, scopes, why: whyConcern(password, why, now), confirms: why.kind === 'unknown' };
}

function whyConcern({ maker }: AppPassword, why: RobotConcern['why'], now: number): string {
  const who = maker?.login ?? 'someone who was removed';
  switch (why.kind) {
    case 'unknown':
      return 'It isn’t known who made it. It works until someone revokes it. Confirm it if you vouch for it, else revoke it.';
    case 'left': {
      const since = maker?.uncheckedSince ?? null;
      const stopped = since === null ? 'their account no longer works' : `hasn’t signed in since ${dateOf(since)}`;
      if (why.until === null) return `${who} made it and knows it, and ${stopped}. Adopt it to replace it.`;
      const end = why.until <= now ? 'It has stopped' : `It stops at ${minuteOf(why.until)} UTC`;
      const remedy = since === null ? 'another owner adopts it' : 'they sign in or another owner adopts it';
      return `${who} made it, and ${stopped}. ${end}, unless ${remedy}.`;
    }
    case 'beyond':
      return `${who} made it and can’t do this themselves. The password did it in the last 30 days. ${why.enforced ? 'That’s refused now' : 'ROBOT_BOUND=enforce will refuse that'}.`;
  }
}

async function askRemoval(parts: Parts, request: Request, response: Response): Promise<void> {
  const robot = await find(parts, request);
  const data = { ...frameOf(parts.place), base: `${parts.place.base}/${robot.id}`, login: robot.login };
  parts.views.page(response, 'robot-remove', { ...data, activePasswords: robot.activePasswords });
}

async function remove(parts: Parts, request: Request, response: Response): Promise<void> {
  const { id, name } = await find(parts, request);
  await parts.robots.remove(id, parts.place.managerOf(personOf(request)), actorOf(parts, request));
  response.redirect(303, `${parts.views.prefix}${parts.place.base}${queryOf({ deleted: name })}`);
}

function showError(parts: Parts, request: Request, response: Response, form: RobotForm, error: unknown): void {
  const mistake = correctable(error);
  showForm(parts, request, response, { ...form, error: formErrorOf(mistake) }, mistake.status);
}

function showForm(parts: Parts, request: Request, response: Response, form: RobotForm, status = 200): void {
  const groups = groupsOf(parts, request);
  const choices = groups && choicesOf(groups, form);
  parts.views.page(response, 'robot-form', { ...frameOf(parts.place), form, choices }, status);
}

/** Those that the person can give a robot; `null` for any. */
function groupsOf({ place }: Parts, request: Request): readonly string[] | null {
  const manager = place.managerOf(personOf(request));
  return manager.administrator ? null : manager.groups;
}

function find({ robots, place }: Parts, request: Request): Promise<Robot> {
  return robots.byId(String(request.params['robot']), place.managerOf(personOf(request)));
}

function frameOf({ base, section, tab }: RobotPlace): RobotFrame {
  return { section, tab, robotsHome: base };
}
