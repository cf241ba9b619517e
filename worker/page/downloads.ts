import type { PageRequest } from '../page-request.ts';
import { PROFILE_NAME, profileText } from './devices.ts';
import { lacksToken, targetOf } from './target.ts';

/** A file made for the visitor's own URL; undefined where the path is none, or a client could not ask with it. */
export function downloadOf(request: Request, asked: PageRequest): Response | undefined {
  if (asked.path !== `/connect/${PROFILE_NAME}` || lacksToken(asked)) return undefined;
  const target = targetOf(request, asked);
  if (!target.dohUrl.startsWith('https:') || target.zones.length === 0) return undefined;
  return new Response(profileText(target), {
    headers: {
      'content-type': 'application/x-apple-aspen-config',
      'content-disposition': `attachment; filename="${PROFILE_NAME}"`,
      'cache-control': 'no-store',
      'referrer-policy': 'no-referrer',
      'x-content-type-options': 'nosniff',
    },
  });
}
