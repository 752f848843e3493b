/** Owns the demo's directory page, where a visitor changes somebody's groups or suspends them, as a Workspace administrator would. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { Eta } from 'eta';
import type { Handler, Person } from './provider.ts';

export const peoplePath = '/people';

const page = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Directory</title>
<style>
  body { font: 16px/1.5 system-ui, sans-serif; max-width: 44rem; margin: 3rem auto; padding: 0 1rem; color: #202124; background: #fff }
  h1 { font-size: 1.4rem; font-weight: 500 }
  section { border: 1px solid #dadce0; border-radius: .5rem; padding: 1rem; margin: 1rem 0 }
  h2 { font-size: 1rem; margin: 0 0 .5rem }
  form { display: flex; flex-wrap: wrap; gap: .5rem; align-items: end }
  label { flex: 1 1 14rem }
  input { display: block; width: 100%; box-sizing: border-box }
  input, button { font: inherit; padding: .4rem .7rem; border: 1px solid #767a7e; border-radius: .4rem; background: #fff; color: inherit }
  button { cursor: pointer }
  button:hover, button:focus-visible { background: #e8f0fe }
  .state { color: #5f6368; font-weight: 400 }
  .suspended .state { color: #b3261e }
</style>
<main>
<h1>Directory of example.com</h1>
<p>This page is the demo's own. It stands in for the Google Workspace admin console.
  Dockpass asks about everybody who holds a password every 20 seconds: a change counts within a minute.</p>
<% for (const person of it.people) { %>
<section<%~ person.suspended ? ' class="suspended"' : '' %>>
  <h2><%= person.name %> <span class="state"><%= person.email %> · <%= person.suspended ? 'suspended' : 'active' %></span></h2>
  <form method="post" action="${peoplePath}">
    <input type="hidden" name="id" value="<%= person.sub %>">
    <label>Groups, separated by spaces <input name="groups" value="<%= (person.groups ?? []).join(' ') %>"></label>
    <button name="do" value="groups">Save groups</button>
    <% if (person.suspended) { %><button name="do" value="restore">Let back in</button>
    <% } else { %><button name="do" value="suspend">Suspend</button><% } %>
  </form>
</section>
<% } %>
</main>
</html>
`;

/** @param people as the provider and its directory have them; changed in place */
export function createPeoplePage(people: Map<string, Person>): Handler {
  const eta = new Eta();
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    if (request.method === 'POST') {
      change(people, new URLSearchParams(await text(request)));
      response.writeHead(303, { location: peoplePath }).end();
      return;
    }
    response.writeHead(200, { 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-store' });
    // A consumer account is in no company's directory.
    response.end(eta.renderString(page, { people: [...people.values()].filter(({ hd }) => hd !== undefined) }));
  };
  return (request, response) => {
    if (request.url?.split('?')[0] !== peoplePath) return false;
    void answer(request, response);
    return true;
  };
}

function change(people: Map<string, Person>, form: URLSearchParams): void {
  const person = people.get(form.get('id') ?? '');
  if (person === undefined) return;
  const groups = (form.get('groups') ?? '').split(/[\s,]+/).filter((name) => /^[a-z0-9-]+$/.test(name));
  const input = form.get('do');
  const suspended = input === 'suspend' || (input !== 'restore' && person.suspended === true);
  people.set(person.sub, { ...person, ...(input === 'groups' ? { groups } : {}), suspended });
}
