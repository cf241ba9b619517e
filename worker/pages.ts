import type { Rates } from './access/rate.ts';
import type { View } from './access/views.ts';
import { problemResponse } from './doh.ts';
import type { Access } from './env.ts';
import { healthOf, healthResponse } from './health.ts';
import { answerJson } from './json-api.ts';
import type { WaitUntil } from './snapshot/share.ts';
import { lookupForPage, statusPage } from './status.ts';
import type { LoadShard } from './v1/entries.ts';
import { answerV1 } from './v1/routes.ts';

/** A request below `/dns-query`'s: its path behind the token that may stand before it, and what its asker sees. */
export type PageRequest = {
  readonly path: string;
  /** What stands before `path` in the URL: `/t/<token>`, or nothing. */
  readonly base: string;
  /** From its `?` on. */
  readonly search: string;
  readonly view: View;
  readonly access: Access['kind'];
  /** Which are bound; undefined where none may be. */
  readonly limits: Rates['limited'] | undefined;
  readonly loadShard: LoadShard;
  readonly waitUntil: WaitUntil;
};

export const DOH_PATH = '/dns-query';
export const JSON_PATH = '/resolve';
export const HEALTH_PATH = '/health';

/** Every path but that of DoH. HEAD is GET without its body (RFC 9110 §9.3.2). */
export async function answerPage(request: Request, asked: PageRequest): Promise<Response> {
  if (request.method !== 'HEAD') return route(request, asked);
  return new Response(null, await route(request, asked));
}

async function route(request: Request, asked: PageRequest): Promise<Response> {
  const { path, search, view, waitUntil } = asked;
  if (path === JSON_PATH) return answerJson(request, search, { view, waitUntil });
  if (path === '/v1' || path.startsWith('/v1/'))
    return answerV1(request, path.slice('/v1/'.length), { ...asked, ...view, settings: view });
  if (request.method !== 'GET' && request.method !== 'HEAD') return nothingAt(asked);
  if (path === HEALTH_PATH) {
    const health = await healthOf(asked.access, view.options, waitUntil);
    return healthResponse({ ...health, ...(asked.limits && { limits: asked.limits }) });
  }
  return path === '/' ? answerStatus(request, asked) : nothingAt(asked);
}

async function answerStatus(request: Request, asked: PageRequest): Promise<Response> {
  const { access, base, search, view, waitUntil } = asked;
  const parameters = new URLSearchParams(search);
  const [name, type] = [parameters.get('name') ?? '', parameters.get('type') ?? 'A'];
  const lookup = name === '' ? undefined : await lookupForPage({ name, type }, view.options, waitUntil);
  const health = await healthOf(access, view.options, waitUntil);
  return statusPage(health, { base, dohUrl: new URL(base + DOH_PATH, request.url).href, lookup });
}

/** A path may hold a token, in the wrong place even: it is said again only where there are none. */
function nothingAt({ access, path }: PageRequest): Response {
  const where = access === 'open' && !/mdt_/i.test(path) ? `at ${path}` : 'here';
  return problemResponse({ status: 404, reason: `There is nothing ${where}.` });
}
