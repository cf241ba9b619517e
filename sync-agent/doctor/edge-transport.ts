import { type Ask, askAll, type AskOptions, createAsk, type EdgeReply } from './edge-asking.ts';
import type { EdgeFinding } from './edge-finding.ts';
import { isRefusal, isSignIn } from './edge-leaks.ts';

/** Miniflare's and wrangler's API to the local KV, which asks for no credential. */
export async function checkLocalApi(
  ask: Ask,
  { isLocal }: { readonly isLocal: boolean },
): Promise<EdgeFinding> {
  const about = 'edge';
  const bases = ['/cdn-cgi/explorer/api', '/cdn-cgi/local/explorer/api'];
  const tried = await askAll(
    ask,
    bases.map((base) => ({ what: `GET ${base}`, path: `${base}/storage/kv/namespaces/any/keys` })),
  );
  const isThere = tried.some((one) => one.kind === 'reply' && /"success"\s*:\s*true/.test(one.reply.text));
  if (!isThere) return { about, verdict: 'well', says: 'no local KV API there' };
  const says =
    'the local KV API is there: whoever reaches it can read and write the store without a credential';
  return isLocal
    ? {
        about,
        verdict: 'advice',
        says,
        mend: 'That is how a local run is; let nobody but this machine reach it',
      }
    : {
        about,
        verdict: 'wrong',
        says,
        mend: 'This is a local run, not a deployed Worker: take it off the network',
      };
}

/** A token that is once sent in clear is everybody's on the way. */
export async function checkPlainHttp(
  { origin, ...options }: AskOptions,
  signal: AbortSignal,
): Promise<EdgeFinding> {
  const about = 'HTTP';
  const plain = createAsk({ ...options, origin: `http://${new URL(origin).hostname}` }, signal);
  const tried = await plain({ what: 'GET /', path: '/' });
  if (tried.kind === 'failed') return { about, verdict: 'well', says: 'nothing answers over plain HTTP' };
  const { status, headers } = tried.reply;
  if (status >= 300 && status < 400 && (headers['location'] ?? '').startsWith('https:'))
    return { about, verdict: 'well', says: 'plain HTTP is sent on to https' };
  const says = `plain HTTP is answered too (${status}): a client with http:// in its URL sends its token in clear`;
  return { about, verdict: 'wrong', says, mend: 'Turn on Always Use HTTPS for the zone in the dashboard' };
}

/** What a refusal says in its headers. */
export function checkRefusal(reply: EdgeReply, { isOpen }: { readonly isOpen: boolean }): EdgeFinding[] {
  if (isOpen || isSignIn(reply) || !isRefusal(reply)) return [];
  const about = 'HTTP';
  const { headers, status } = reply;
  const missing = [
    ...(/no-store/.test(headers['cache-control'] ?? '') ? [] : ['cache-control: no-store']),
    ...(status === 401 && headers['www-authenticate'] === undefined
      ? ['www-authenticate (RFC 9110 §11.6.1)']
      : []),
    ...(headers['x-content-type-options'] === 'nosniff' ? [] : ['x-content-type-options: nosniff']),
    ...(headers['referrer-policy'] === 'no-referrer' ? [] : ['referrer-policy: no-referrer']),
  ];
  return missing.length === 0
    ? [{ about, verdict: 'well', says: 'refusals have the headers they should' }]
    : [{ about, verdict: 'advice', says: `refusals lack ${missing.join(', ')}` }];
}
