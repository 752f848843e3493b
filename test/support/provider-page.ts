/** Owns the page on which a visitor of the demo chooses who to be: a button a person, and one to cancel. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { Eta } from 'eta';
import type { Provider } from 'oidc-provider';
import type { Person } from './provider.ts';

const page = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Choose an account</title>
<style>
  body { font: 16px/1.5 system-ui, sans-serif; max-width: 24rem; margin: 4rem auto; padding: 0 1rem; color: #202124; background: #fff }
  h1 { font-size: 1.4rem; font-weight: 500 }
  button { display: block; width: 100%; margin: .5rem 0; padding: .75rem 1rem; font: inherit; text-align: left;
    background: #fff; color: inherit; border: 1px solid #dadce0; border-radius: .5rem; cursor: pointer }
  button:hover, button:focus-visible { background: #e8f0fe }
  small { display: block; color: #5f6368 }
</style>
<main>
<h1>Choose an account</h1>
<p>This is the demo's own provider. It stands in for Google and asks for no password.</p>
<% if (it.refused) { %><p role="alert"><b><%= it.refused.email %> is suspended.</b> The directory would have to let them back in.</p><% } %>
<form method="post">
<% for (const person of it.people) { %>
  <button name="account" value="<%= person.email %>"><%= person.name %>
    <small><%= person.email %> · <%= person.hd ? 'Workspace ' + person.hd : 'consumer account' %></small></button>
<% } %>
  <button name="cancel" value="yes">Cancel</button>
</form>
</main>
</html>
`;

/** Answers `/choose/ID`: GET shows the page, POST finishes the sign-in with `account=E-MAIL` or `cancel=yes`. */
export function createSignInPage(
  provider: Provider,
  people: ReadonlyMap<string, Person>,
): (request: IncomingMessage, response: ServerResponse) => Promise<void> {
  const eta = new Eta();
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    await provider.interactionDetails(request, response); // throws where nobody began a sign-in
    const form = new URLSearchParams(request.method === 'POST' ? await text(request) : '');
    const person = [...people.values()].find(({ email }) => email === form.get('account'));
    if (form.has('cancel')) {
      const refusal = { error: 'access_denied', error_description: 'The person cancelled' };
      await provider.interactionFinished(request, response, refusal, { mergeWithLastSubmission: false });
    } else if (person !== undefined && !person.suspended) {
      const choice = { login: { accountId: person.sub }, select_account: {}, consent: {} };
      await provider.interactionFinished(request, response, choice, { mergeWithLastSubmission: true });
    } else {
      response.writeHead(200, { 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-store' });
      response.end(eta.renderString(page, { people: [...people.values()], refused: person }));
    }
  };
  return async (request, response) => {
    try {
      await answer(request, response);
    } catch {
      response
        .writeHead(400, { 'content-type': 'text/plain' })
        .end('This page has expired. Start the sign-in again.\n');
    }
  };
}
