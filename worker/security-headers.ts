import { COPY_SCRIPT_HASH } from './page/copy-script.ts';
import { STYLE_HASH } from './page/style.ts';

const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  `script-src '${COPY_SCRIPT_HASH}'`,
  `style-src '${STYLE_HASH}'`,
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join('; ');
const YEAR_SECONDS = 31_536_000;

/**
 * Headers of a page at `url`: it runs and looks as this version says and no other way, asks nothing of anybody else,
 * is in nobody's frame, is kept nowhere, and no request that follows from it says where it came from (the path may
 * hold a token). RFC 6797 §7.2: that HTTPS is a must is said over HTTPS alone.
 */
export function pageHeaders(url: string): Readonly<Record<string, string>> {
  return {
    'content-type': 'text/html; charset=utf-8',
    'cache-control': 'no-store',
    'content-security-policy': CONTENT_SECURITY_POLICY,
    'referrer-policy': 'no-referrer',
    'x-content-type-options': 'nosniff',
    ...(url.startsWith('https:') && { 'strict-transport-security': `max-age=${YEAR_SECONDS}` }),
  };
}
