/** Owns the operations of the API on access requests. */
import type { AccessRequests } from '../requests/access-requests.ts';
import type { ApiRoute } from './route.ts';

export function requestRoutes(requests: Pick<AccessRequests, 'list' | 'answer' | 'suggest'>): ApiRoute[] {
  return [
    {
      method: 'get',
      path: '/requests',
      scope: 'requests:read',
      summary: 'Access requests: the open ones, oldest first, at most 200, and the latest 50 that are closed',
      run: async () => ({ requests: await requests.list() }),
    },
    {
      method: 'get',
      path: '/requests/{id}/suggestion',
      scope: 'requests:read',
      summary:
        'Lines for the policy that grant exactly this request, and before which line they belong; or why there are none',
      run: ({ param }) => requests.suggest(param('id')),
    },
    {
      method: 'post',
      path: '/requests/{id}/answer',
      scope: 'requests:answer',
      summary: 'Accept or refuse a request, never one of your own. Only the policy grants it',
      body: [
        { name: 'answer', type: 'string', about: 'accept or refuse', required: true },
        { name: 'note', type: 'string', about: 'shown to the person' },
      ],
      run: ({ param, body, by, accountId }) =>
        requests.answer(
          param('id'),
          { answer: body.requiredText('answer'), note: body.text('note') ?? '' },
          by,
          accountId,
        ),
    },
  ];
}
