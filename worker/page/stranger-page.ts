import { html, raw } from 'hono/html';
import { pageHeaders } from '../security-headers.ts';
import { icon } from './icon.ts';
import { STYLE } from './style.ts';

/** Browsers name HTML first of all they accept; what is no browser does not. */
export function isForBrowser(request: Request): boolean {
  const { method, headers } = request;
  return (
    (method === 'GET' || method === 'HEAD') && /^text\/html\s*(?:,|$)/i.test(headers.get('accept') ?? '')
  );
}

/**
 * A refusal for a person. It says how to come in, and nothing of what there is behind the door; it is the same for
 * all who are refused alike, whatever they asked.
 */
export function strangerPage(
  request: Request,
  { status, reason }: { readonly status: 401 | 403; readonly reason: string },
): Response {
  const page = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width,initial-scale=1" />
        <meta name="robots" content="noindex" />
        <title>Not open</title>
        ${raw(`<style>${STYLE}</style>`)}
      </head>
      <body>
        <main class="stranger">
          <div class="hero wait">
            ${icon('lock')}
            <div>
              <h1>${status === 401 ? 'A token is needed' : 'Closed'}</h1>
              <p>${reason}</p>
            </div>
          </div>
          ${
            status === 401 &&
            html`<p>
                With a token of your team this page is at
                <code>/t/TOKEN/</code> and DNS over HTTPS at <code>/t/TOKEN/dns-query</code>. Programs can
                send <code>Authorization: Bearer TOKEN</code> instead.
              </p>
              <p>
                Who runs this resolver makes tokens. One that worked before may have ended or been replaced.
              </p>`
          }
        </main>
      </body>
    </html>`;
  const headers = { ...pageHeaders(request.url), ...(status === 401 && { 'www-authenticate': 'Bearer' }) };
  return new Response(request.method === 'HEAD' ? null : String(page), { status, headers });
}
