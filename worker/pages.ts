import { problemResponse } from './doh.ts';
import { healthOf, healthResponse } from './health.ts';
import { answerJson } from './json-api.ts';
import type { PageRequest } from './page-request.ts';
import { answerStatus } from './page/answer-status.ts';
import { downloadOf } from './page/downloads.ts';
import { answerV1 } from './v1/routes.ts';

export const JSON_PATH = '/resolve';
export const HEALTH_PATH = '/health';

/** Every path but that of DoH. HEAD is GET without its body (RFC 9110 §9.3.2). */
export async function answerPage(request: Request, asked: PageRequest): Promise<Response> {
  if (request.method !== 'HEAD') return route(request, asked);
  return new Response(null, await route(request, asked));
}

async function route(request: Request, asked: PageRequest): Promise<Response> {
  const { path, search, view, waitUntil } = asked;
  if (path === JSON_PATH) return answerJson(request, search, asked);
  if (path === '/v1' || path.startsWith('/v1/'))
    return answerV1(request, path.slice('/v1/'.length), { ...asked, ...view, settings: view });
  if (request.method !== 'GET' && request.method !== 'HEAD') return nothingAt(asked);
  if (path === HEALTH_PATH) {
    const health = await healthOf(asked.access, view.options, waitUntil);
    return healthResponse({ ...health, ...(asked.limits && { limits: asked.limits }) });
  }
  if (path === '/') return answerStatus(request, asked);
  return downloadOf(request, asked) ?? nothingAt(asked);
}

/** A path may hold a token, in the wrong place even: it is said again only where there are none. */
function nothingAt({ access, path }: PageRequest): Response {
  const where = access === 'open' && !/mdt_/i.test(path) ? `at ${path}` : 'here';
  return problemResponse({ status: 404, reason: `There is nothing ${where}.` });
}
