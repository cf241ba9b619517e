import { type Http, HttpError, type HttpRequest } from '../http.ts';
import { addressOf, type DohUrl, inUrl, withoutToken } from './doh-url.ts';
import { type Answered, judgeReply, queryFor, type Question } from './reply.ts';

/** How a question is asked. */
export type Asking = {
  readonly url: DohUrl;
  readonly method: 'GET' | 'POST';
  /** Is a token from beside the URL put in its path, as most clients have to, or sent as a header? */
  readonly isTokenInPath?: boolean;
  /** Asked instead of what the host looks up to; `http` then has the host as its `servername`. */
  readonly address?: string | undefined;
  readonly timeoutMs: number;
};

/** A sign-in page or an error page may be longer than a message; this much of it is taken in. */
const MAX_OCTETS = 256 * 1024;

/** Asks once. Throws the signal's reason alone. */
export async function askDoh(
  http: Pick<Http, 'request'>,
  question: Question,
  asking: Asking,
  signal: AbortSignal,
): Promise<Answered> {
  const { url, timeoutMs } = asking;
  try {
    const response = await http.request({
      ...requestFor(asking, queryFor(question)),
      signal,
      timeoutMs,
      maxOctets: MAX_OCTETS,
    });
    const octets = await response.bytes();
    const { status, headers } = response;
    return judgeReply({ status, headers, octets }, question, url.token !== undefined);
  } catch (error) {
    signal.throwIfAborted();
    const says = withoutToken(error instanceof Error ? error.message : String(error), url);
    return { kind: 'failed', says, mend: mendFor(error) };
  }
}

type Sent = Pick<HttpRequest, 'method' | 'url' | 'body'> & {
  readonly headers: Readonly<Record<string, string>>;
};

function requestFor({ url, method, address, ...asking }: Asking, query: Uint8Array): Sent {
  const isTokenInPath = asking.isTokenInPath ?? url.isTokenInUrl;
  const target = addressOf(url, { isTokenInPath, ...(address !== undefined && { address }) });
  const headers = {
    accept: 'application/dns-message',
    ...(address !== undefined && { host: `${inUrl(url.host)}:${url.port}` }),
    ...(!isTokenInPath && url.token !== undefined && { authorization: `Bearer ${url.token}` }),
  };
  if (method === 'POST')
    return {
      method,
      url: target,
      headers: { ...headers, 'content-type': 'application/dns-message' },
      body: query,
    };
  const mark = target.includes('?') ? '&' : '?';
  return { method, url: `${target}${mark}dns=${Buffer.from(query).toString('base64url')}`, headers };
}

/** OpenSSL's names for an authority that this process does not know. */
const UNKNOWN_AUTHORITY = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
]);

export function isUnknownAuthority(code: string): boolean {
  return UNKNOWN_AUTHORITY.has(code);
}

/** What helps against a failure of TLS or the network. */
function mendFor(error: unknown): string {
  const code = codeOf(error instanceof HttpError ? error.cause : error);
  if (isUnknownAuthority(code))
    return "Give the authority's certificate: --ca FILE (of npm start: ca.pem in its data directory)";
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') return "Check the URL's host";
  if (code === 'CERT_HAS_EXPIRED' || code === 'CERT_NOT_YET_VALID')
    return "Is this machine's clock right? Else the resolver's certificate has to be renewed";
  if (code === 'ERR_SSL_WRONG_VERSION_NUMBER') return 'Is the port right, and does it speak HTTPS?';
  return 'mesos-doh doctor --client says where the way breaks off';
}

export function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}
