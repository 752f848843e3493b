/** Owns the operations of the API that let accounts follow their people to another issuer or provider. */
import type { Moves } from '../accounts/moves.ts';
import type { ApiField } from './input.ts';
import type { PersonFinder } from './people.ts';
import type { ApiRoute } from './route.ts';

const issuers: readonly ApiField[] = [
  { name: 'from', type: 'string', about: 'the issuer that the accounts have', required: true },
  { name: 'to', type: 'string', about: 'the issuer of a configured provider', required: true },
];

type MoveParts = { readonly moves: Moves; readonly idOf: PersonFinder };

export function moveRoutes(parts: MoveParts): ApiRoute[] {
  return [...routesOfOne(parts), ...routesOfIssuers(parts.moves)];
}

function routesOfOne({ moves, idOf }: MoveParts): ApiRoute[] {
  return [
    {
      method: 'get',
      path: '/people/{id}/relink',
      scope: 'people:read',
      summary: 'Which provider and issuer an account could follow its person to, and what is allowed already',
      run: async ({ param }) => moves.preview(await idOf(param('id'))),
    },
    {
      method: 'post',
      path: '/people/{id}/relink',
      scope: 'people:write',
      summary:
        'Let the next verified sign-in with this address through the provider take the account over, within 24 hours',
      body: [{ name: 'provider', type: 'string', about: 'the configured name', required: true }],
      async run({ param, body, by }) {
        const id = await idOf(param('id'));
        await moves.relink(id, body.requiredText('provider'), by);
        return moves.preview(id);
      },
    },
  ];
}

function routesOfIssuers(moves: Moves): ApiRoute[] {
  return [
    {
      method: 'get',
      path: '/moves',
      scope: 'people:read',
      summary: 'Which accounts can follow their people to another issuer or provider',
      run: async () => ({ moves: await moves.list() }),
    },
    {
      method: 'post',
      path: '/moves/preview',
      scope: 'people:read',
      summary: 'How many accounts of an issuer could follow their people to another one',
      body: issuers,
      run: ({ body }) => moves.previewMove(body.requiredText('from'), body.requiredText('to')),
    },
    {
      method: 'post',
      path: '/moves',
      scope: 'people:write',
      summary:
        'Let everyone of an issuer keep their account at another, each with a sign-in of the same subject and address',
      body: issuers,
      run: async ({ body, by }) => ({
        accounts: await moves.move(body.requiredText('from'), body.requiredText('to'), by),
      }),
    },
    {
      method: 'post',
      path: '/moves/{id}/end',
      scope: 'people:write',
      summary: 'Allow it no longer; accounts that have followed their people stay',
      async run({ param, by }) {
        await moves.end(param('id'), by);
        return { ended: true };
      },
    },
  ];
}
