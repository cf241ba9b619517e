import type { Http, HttpRequest, HttpResponse } from '../http.ts';
import type { Credentials } from './credentials.ts';
import { describeRefusal } from './refusal.ts';

/**
 * HTTP that says to masters who we are, and to nobody else. To a trusted origin a request carries `authorization`;
 * one that is refused with 401 is sent once more if newer credentials are to be had. The errors of a 401 and a 403
 * say which realm refused and what to do.
 */
export type MasterHttp = Http & {
  /**
   * Takes the origin of `url` for a master's. `by` is the master that announced it: from one that is not trusted, or
   * from HTTPS down to HTTP, nothing is taken. Without `by` it was ZooKeeper or the configuration.
   */
  readonly trust: (url: URL, by?: URL) => void;
};

export type MasterHttpOptions = {
  readonly http: Http;
  readonly credentials: Credentials | undefined;
  /** Trusted for good. */
  readonly configured: readonly URL[];
};

/** Announced masters that are remembered, the newest: quorums are small, and old addresses get other owners. */
const MAX_ANNOUNCED = 16;

export function createMasterHttp({ http, credentials, configured }: MasterHttpOptions): MasterHttp {
  const origins = new Set(configured.map((url) => url.origin));
  const announced = new Set<string>();
  const isTrusted = (origin: string): boolean => origins.has(origin) || announced.has(origin);

  const withAuthorization = async (request: HttpRequest, sending: Credentials): Promise<HttpResponse> => {
    const { signal } = request;
    const send = (authorization: string): Promise<HttpResponse> =>
      http.request({ ...request, headers: { ...withoutAuthorization(request.headers), authorization } });
    const first = await sending.header(signal, { renew: false });
    const response = await send(first);
    if (response.status !== 401) return response;
    // Another request may have renewed it meanwhile.
    const current = await sending.header(signal, { renew: false });
    const second = current === first ? await sending.header(signal, { renew: true }) : current;
    if (second === first) return response;
    await response.discard();
    return send(second);
  };

  return {
    request: async (request) => {
      const url = URL.canParse(request.url) ? new URL(request.url) : undefined;
      if (!url) return http.request(request);
      const trusted = isTrusted(url.origin);
      const sending = trusted ? credentials : undefined;
      const response = sending ? await withAuthorization(request, sending) : await http.request(request);
      if (response.status !== 401 && response.status !== 403) return response;
      const refusal = describeRefusal({
        status: response.status,
        path: url.pathname,
        challenge: response.headers['www-authenticate'],
        sent: sending,
        untrusted: credentials !== undefined && !trusted,
      });
      return withRefusal(response, refusal);
    },
    close: () => http.close(),
    trust: (url, by) => {
      const { origin } = url;
      if (by && (!isTrusted(by.origin) || isDowngrade(by, url))) return;
      if (origins.has(origin)) return;
      announced.delete(origin);
      announced.add(origin);
      const [oldest] = announced;
      if (announced.size > MAX_ANNOUNCED && oldest !== undefined) announced.delete(oldest);
    },
  };
}

export function isMasterHttp(http: Http | MasterHttp): http is MasterHttp {
  return 'trust' in http;
}

/** From HTTPS to HTTP: whoever sits in between could have written that. */
export function isDowngrade(from: URL, to: URL): boolean {
  return from.protocol === 'https:' && to.protocol !== 'https:';
}

function withoutAuthorization(headers: HttpRequest['headers'] = {}): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).filter(([name]) => name.toLowerCase() !== 'authorization'),
  );
}

/** The server's own words are left out: they say nothing that the refusal does not. */
function withRefusal(response: HttpResponse, refusal: string): HttpResponse {
  return {
    ...response,
    error: (words, options) => response.error(words === '' ? refusal : `${words}: ${refusal}`, options),
    refusal: async () => {
      await response.discard();
      return response.error(refusal);
    },
  };
}
