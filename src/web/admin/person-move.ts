/** Owns the page on which an administrator lets an account move to another provider, or all of an issuer to another one. */
import type { Request, RequestHandler, Response } from 'express';
import type { AllowedMove, MovePreview, Moves } from '../../accounts/moves.ts';
import type { Refusal } from '../../lib/errors.ts';
import { correctable, fieldsOf } from '../fields.ts';
import { sections } from '../navigation.ts';
import { actorOf } from '../session.ts';
import { type FormattedTime, formatTime } from '../time-view.ts';
import { type AdminFrame, type AdminParts, tabs } from './section.ts';

export type PersonMoveParts = AdminParts & { readonly moves: Moves };

declare module '../views.ts' {
  interface ViewData {
    'admin-person-move': AdminFrame &
      Omit<MovePreview, 'allowed'> & {
        allowed: readonly AllowedView[];
        isDisabled: boolean;
        error: string | null;
        /** What was chosen in a form that was refused. */
        chosen: string;
      };
  }
}

type AllowedView = { readonly id: string; readonly by: string; readonly at: FormattedTime; readonly what: string };

type IdHandler = RequestHandler<{ id: string }>;

export type PersonMovePages = {
  /** GET /admin/people/:id/move */
  readonly ask: IdHandler;
  /** POST /admin/people/:id/move: everyone of the person's issuer */
  readonly move: IdHandler;
  /** POST /admin/people/:id/relink: this person alone */
  readonly relink: IdHandler;
  /** POST /admin/people/:id/moves/:move/end */
  readonly end: RequestHandler<{ id: string; move: string }>;
};

export function createPersonMovePages(parts: PersonMoveParts): PersonMovePages {
  const { moves } = parts;
  const act =
    (done: string, change: (request: IdRequest) => Promise<unknown>): IdHandler =>
    async (request, response) => {
      try {
        await change(request);
      } catch (error) {
        const mistake = correctable(error);
        return ask(parts, request, response, mistake);
      }
      response.redirect(303, `${pageOf(parts, request)}?done=${done}`);
    };
  return {
    ask: (request, response) => ask(parts, request, response, null),
    move: act('moved', async (request) => {
      const { account } = await moves.preview(request.params.id);
      await moves.move(account.issuer, fieldsOf(request.body)('issuer'), actorOf(parts, request));
    }),
    relink: act('relinked', (request) =>
      moves.relink(request.params.id, fieldsOf(request.body)('provider'), actorOf(parts, request)),
    ),
    async end(request, response) {
      await moves.end(request.params.move, actorOf(parts, request));
      response.redirect(303, `${pageOf(parts, request)}?done=move-ended`);
    },
  };
}

type IdRequest = Request<{ id: string }>;

function pageOf({ views }: PersonMoveParts, request: IdRequest): string {
  return `${views.prefix}${tabs.people}/${encodeURIComponent(request.params.id)}`;
}

async function ask(
  { moves, views, now }: PersonMoveParts,
  request: IdRequest,
  response: Response,
  error: Refusal | null,
): Promise<void> {
  const { allowed, ...preview } = await moves.preview(request.params.id);
  const field = fieldsOf(request.body);
  const data = {
    section: sections.administration,
    tab: tabs.people,
    ...preview,
    allowed: allowed.map((move) => allowedView(move, now())),
    isDisabled: preview.account.state === 'disabled',
    error: error?.message ?? null,
    chosen: field('provider') || field('issuer'),
  };
  views.page(response, 'admin-person-move', data, error?.status ?? 200);
}

function allowedView(move: AllowedMove, now: number): AllowedView {
  const { id, by, at } = move;
  return { id, by, at: formatTime(at, now), what: describeMove(move, now) };
}

/** A sentence. */
export function describeMove(move: AllowedMove, now: number): string {
  if (move.kind === 'move')
    return `Accounts of ${move.from} can move to ${move.to} if subject and address are the same.`;
  return `The next person who signs in with this address through ${move.provider} gets the account, until ${formatTime(move.until, now).minute}.`;
}
