/** Owns the pages about robots: for administrators all of them, for everybody else those that their groups own. */
import type { IncomingMessage } from 'node:http';
import type { Request, RequestHandler, Response } from 'express';
import type { Robot, RobotManager, Robots } from '../accounts/robots.ts';
import type { AppPasswords } from '../app-passwords/app-passwords.ts';
import type { Requester } from '../identity/requester.ts';
import { Refusal } from '../lib/errors.ts';
import type { Account } from '../store/accounts.ts';
import { correctable, fieldsOf, oneOf, readForm } from './fields.ts';
import type { Holder } from './password-actions.ts';
import { formErrorOf } from './password-form.ts';
import { type PasswordView, viewOf } from './password-view.ts';
import { emptyRobotForm, formOfRobot, type RobotForm, readRobotForm, toRobotInput } from './robot-form.ts';
import { actorOf, personOf } from './session.ts';
import { formatTime } from './time-view.ts';
import type { Views } from './views.ts';

/** Where the pages are mounted, below the prefix, and for whom. */
export type RobotPlace = {
  readonly base: '/robots' | '/admin/robots';
  readonly section: string;
  readonly tab: string | null;
  readonly managerOf: (person: Account) => RobotManager;
};

type RobotFrame = { readonly section: string; readonly tab: string | null; readonly robotsHome: string };

type RobotView = ReturnType<typeof robotView>;

declare module './views.ts' {
  interface ViewData {
    robots: RobotFrame & { rows: readonly RobotView[] };
    robot: RobotFrame & {
      base: string;
      robot: RobotView;
      live: readonly PasswordView[];
      past: readonly PasswordView[];
      /** The password that was just revoked. */
      revoked: PasswordView | null;
    };
    /** `ownGroups`: those that can own the robot, `null` for any. */
    'robot-form': RobotFrame & { form: RobotForm; ownGroups: readonly string[] | null };
  }
}

export type RobotPageParts = {
  readonly robots: Robots;
  readonly passwords: Pick<AppPasswords, 'ofAccount'>;
  readonly requesterOf: (request: IncomingMessage) => Requester;
  readonly views: Views;
  readonly now: () => number;
};

/** The robot's id is `:robot`. */
export type RobotPages = {
  /** GET <base> */
  readonly list: RequestHandler;
  /** GET and POST of <base>/new */
  readonly ask: RequestHandler;
  readonly create: RequestHandler[];
  /** GET <base>/:robot */
  readonly show: RequestHandler;
  /** GET and POST of <base>/:robot/change */
  readonly askChange: RequestHandler;
  readonly change: RequestHandler[];
  /** POST <base>/:robot/state */
  readonly setState: RequestHandler[];
  /** For the pages about its passwords. @throws {Refusal} `not_found` */
  holderOf(request: Request): Promise<Holder>;
};

type Parts = RobotPageParts & { readonly place: RobotPlace };

export function createRobotPages(pageParts: RobotPageParts, place: RobotPlace): RobotPages {
  const parts = { ...pageParts, place };
  return {
    list: (request, response) => list(parts, request, response),
    ask: (request, response) => showForm(parts, request, response, emptyRobotForm),
    create: [readForm, (request, response) => create(parts, request, response)],
    show: (request, response) => show(parts, request, response),
    askChange: async (request, response) => showForm(parts, request, response, formOfRobot(await find(parts, request))),
    change: [readForm, (request, response) => change(parts, request, response)],
    setState: [readForm, (request, response) => setState(parts, request, response)],
    async holderOf(request) {
      const { id, login } = await find(parts, request);
      const { base, section, tab } = place;
      const home = `${base}/${id}`;
      return { owner: { id, login, kind: 'robot' }, base: home, home, homeLabel: login, section, tab };
    },
  };
}

async function list({ robots, views, place, now }: Parts, request: Request, response: Response): Promise<void> {
  const rows = (await robots.list(place.managerOf(personOf(request)))).map((robot) => robotView(robot, now()));
  views.page(response, 'robots', { ...frameOf(place), rows });
}

function robotView(robot: Robot, now: number) {
  const isOff = robot.state !== 'active';
  const state = { state: isOff ? 'disabled' : 'active', stateLabel: isOff ? 'Switched off' : 'Active' };
  const labels = Object.entries(robot.labels).map(([name, values]) => `${name}: ${values.join(', ')}`);
  return { ...robot, ...state, labels, created: formatTime(robot.createdAt, now) };
}

async function show(parts: Parts, request: Request, response: Response): Promise<void> {
  const { passwords, views, place, now } = parts;
  const robot = await find(parts, request);
  const all = (await passwords.ofAccount(robot)).map((password) => viewOf(password, now()));
  views.page(response, 'robot', {
    ...frameOf(place),
    base: `${place.base}/${robot.id}`,
    robot: robotView(robot, now()),
    live: all.filter(({ works }) => works),
    past: all.filter(({ works }) => !works),
    revoked: all.find(({ id, state }) => state === 'revoked' && id === request.query['revoked']) ?? null,
  });
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
  const { id, name } = await find(parts, request);
  const form = { ...readRobotForm(request.body), id, name };
  try {
    await robots.change(id, toRobotInput(form), place.managerOf(personOf(request)), actorOf(parts, request));
    response.redirect(303, `${parts.views.prefix}${place.base}/${id}`);
  } catch (error) {
    showError(parts, request, response, form, error);
  }
}

async function setState(parts: Parts, request: Request, response: Response): Promise<void> {
  const { robots, place } = parts;
  const state = oneOf(['active', 'disabled'] as const, fieldsOf(request.body)('state'));
  if (state === null) throw new Refusal('bad_request', 'A robot is switched on or off. Use the button on its page.');
  const { id } = await find(parts, request);
  await robots.setState(id, state, place.managerOf(personOf(request)), actorOf(parts, request));
  response.redirect(303, `${parts.views.prefix}${place.base}/${id}`);
}

function showError(parts: Parts, request: Request, response: Response, form: RobotForm, error: unknown): void {
  const mistake = correctable(error);
  showForm(parts, request, response, { ...form, error: formErrorOf(mistake) }, mistake.status);
}

function showForm({ views, place }: Parts, request: Request, response: Response, form: RobotForm, status = 200): void {
  const manager = place.managerOf(personOf(request));
  const ownGroups = manager.administrator ? null : manager.groups;
  views.page(response, 'robot-form', { ...frameOf(place), form, ownGroups }, status);
}

function find({ robots, place }: Parts, request: Request): Promise<Robot> {
  return robots.byId(String(request.params['robot']), place.managerOf(personOf(request)));
}

function frameOf({ base, section, tab }: RobotPlace): RobotFrame {
  return { section, tab, robotsHome: base };
}
