/** Owns the operations of the API on names of accounts that are gone. */
import type { RetiredLogins } from '../accounts/retired-logins.ts';
import type { ApiRoute } from './route.ts';

export function keptLoginRoutes({ retiredLogins }: { readonly retiredLogins: RetiredLogins }): ApiRoute[] {
  return [
    {
      method: 'get',
      path: '/kept-logins',
      scope: 'people:read',
      summary:
        'Names of removed people and robots, which no one else gets before they are released; a thousand at most',
      query: [{ name: 'search', type: 'string', about: 'part of a name, any case' }],
      run: async ({ query }) => ({ logins: await retiredLogins.list(query.text('search') ?? '') }),
    },
    {
      method: 'post',
      path: '/kept-logins/release',
      scope: 'people:write',
      summary: 'Let anyone who comes with the name next have it, and the rules that name it',
      body: [{ name: 'login', type: 'string', about: 'the name', required: true }],
      async run({ body, by }) {
        await retiredLogins.release(body.requiredText('login'), by);
        return { released: true };
      },
    },
  ];
}
