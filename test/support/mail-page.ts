/** Owns the demo's page of mails: what Dockpass has sent, as its readers would have got it. */
import { Eta } from 'eta';
import type { Parsed } from './mail-server.ts';
import type { Handler } from './provider.ts';

export const mailPath = '/mails';

const page = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Mails</title>
<style>
  body { font: 16px/1.5 system-ui, sans-serif; max-width: 44rem; margin: 3rem auto; padding: 0 1rem; color: #202124; background: #fff }
  h1 { font-size: 1.4rem; font-weight: 500 }
  section { border: 1px solid #dadce0; border-radius: .5rem; padding: 1rem; margin: 1rem 0 }
  h2 { font-size: 1rem; margin: 0 }
  p { margin: .25rem 0; color: #5f6368 }
  pre { white-space: pre-wrap; overflow-wrap: anywhere; font: inherit; margin: .75rem 0 0 }
</style>
<main>
<h1>Mails that Dockpass has sent</h1>
<p>This page is the demo's own: nothing leaves this machine. The newest are first.</p>
<% if (it.mails.length === 0) { %><p>None yet. Revoke someone's password as an administrator, for example.</p><% } %>
<% for (const mail of it.mails) { %>
<section>
  <h2><%= mail.subject %></h2>
  <p>to <%= mail.to %></p>
  <pre><%= mail.text %></pre>
</section>
<% } %>
</main>
</html>
`;

/** @param mails those that have arrived; more can come */
export function createMailPage(mails: readonly Parsed[]): Handler {
  const eta = new Eta();
  return (request, response) => {
    if (request.url?.split('?')[0] !== mailPath) return false;
    response.writeHead(200, { 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-store' });
    const shown = mails.toReversed().map(({ subject, text, to }) => ({
      ...{ subject: subject ?? '', text: text ?? '' },
      to: (to ?? []).map(({ address }) => address ?? '').join(', '),
    }));
    response.end(eta.renderString(page, { mails: shown }));
    return true;
  };
}
