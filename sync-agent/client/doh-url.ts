import { isToken } from '../../zone/access-document.ts';
import { ConfigError } from '../config.ts';

/** A DoH URL as a client is given it, taken apart. */
export type DohUrl = {
  readonly protocol: 'https:' | 'http:';
  /** Lower case, without the brackets of IPv6. */
  readonly host: string;
  readonly port: number;
  /** Behind a token: `/dns-query`. Never empty. */
  readonly path: string;
  readonly token: string | undefined;
  /** Was the token in the URL, or beside it? */
  readonly isTokenInUrl: boolean;
  readonly isLoopback: boolean;
  /** For people: the token is not in it. */
  readonly shown: string;
};

/**
 * Reads a URL, and a token that was given beside it. `{?dns}` at its end is taken for what it is. Throws
 * `ConfigError`, in which nothing of the URL stands: who may read it could read a token.
 */
export function readDohUrl(text: string, tokenBeside?: string): DohUrl {
  const url = parse(text.trim().replace(/\{\?dns\}$/, ''));
  const [, inPath, behind] = /^\/t\/([^/]+)(\/.*)?$/.exec(url.pathname) ?? [];
  const beside = tokenBeside?.trim() || undefined;
  if (beside !== undefined && !isToken(beside))
    throw new ConfigError('the token should be mdt_ and 32 letters, as mesos-doh token create printed it');
  if (beside !== undefined && inPath !== undefined && beside !== inPath)
    throw new ConfigError('the token in the URL and the one beside it (MESOS_DOH_TOKEN) are not the same');
  const host = url.hostname.replaceAll(/^\[|\]$/g, '');
  const isLoopback = /^(?:localhost|.*\.localhost|127\.[\d.]+|::1)$/.test(host);
  const token = inPath ?? beside;
  if (url.protocol === 'http:' && !isLoopback && token !== undefined)
    throw new ConfigError(
      `a token is not sent over plain HTTP to ${url.host}: everybody on the way could read it; say https://`,
    );
  return {
    protocol: url.protocol === 'https:' ? 'https:' : 'http:',
    host,
    port: Number(url.port) || (url.protocol === 'https:' ? 443 : 80),
    path: (inPath === undefined ? url.pathname : (behind ?? '/')) + url.search,
    token,
    isTokenInUrl: inPath !== undefined,
    isLoopback,
    shown: `${url.origin}${inPath === undefined ? url.pathname : `/t/***${behind ?? '/'}`}`,
  };
}

function parse(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || !/^https?:$/.test(url.protocol))
    throw new ConfigError('the DoH URL should be one such as https://doh.example.com/dns-query');
  if (url.username !== '' || url.password !== '')
    throw new ConfigError(
      'the DoH URL holds a name or password (before an @), which is never sent; a token goes into its path or MESOS_DOH_TOKEN',
    );
  return url;
}

/** The URL to ask, the token where the client puts it; at another address than its host's if one is given. */
export function addressOf(
  { protocol, host, port, path, token, isTokenInUrl }: DohUrl,
  { isTokenInPath = isTokenInUrl, address }: { readonly isTokenInPath?: boolean; readonly address?: string },
): string {
  const before = isTokenInPath && token !== undefined ? `/t/${token}` : '';
  return `${protocol}//${inUrl(address ?? host)}:${port}${before}${path}`;
}

/** A host or address as URLs write it. */
export function inUrl(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}

/** A text in which the token does not stand, whatever form it has. */
export function withoutToken(text: string, { token }: Pick<DohUrl, 'token'>): string {
  return token === undefined || token.length < 4 ? text : text.replaceAll(token, '***');
}
