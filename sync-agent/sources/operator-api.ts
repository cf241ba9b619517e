import { FormatError } from '../../zone/format-error.ts';
import { isDowngrade, type MasterHttp } from '../auth/master-http.ts';
import type { Endpoint } from '../cluster.ts';
import { HttpError, type HttpResponse } from '../http.ts';
import { asObject, type JsonObject, numberField, objectField, textField } from './fields.ts';
import { parsePid } from './pid.ts';
import { SourceError } from './source.ts';

/** What is asked of a master by `POST /api/v1` (docs/operator-http-api.md of Mesos). */
export type OperatorCall = 'GET_VERSION' | 'GET_MASTER' | 'GET_AGENTS' | 'GET_STATE' | 'SUBSCRIBE';

/** The limits of one call, as `HttpRequest` has them. */
export type CallLimits = {
  readonly http: MasterHttp;
  readonly signal: AbortSignal;
  readonly timeoutMs: number;
  readonly maxOctets: number;
  readonly idleTimeoutMs?: number;
};

/** The master that leads, as it says itself. */
export type Leader = {
  readonly url: URL;
  readonly version: string;
  /** Undefined where it does not say. */
  readonly endpoint: Endpoint | undefined;
};

/**
 * The operator API gave no usable answer. `refused` will not change soon: what is asked is not allowed or not
 * there. `failed` may work a moment later.
 */
export class OperatorError extends SourceError {
  readonly verdict: 'refused' | 'failed';
  /** A leader is being elected, or recovers: it will be there in a moment. */
  readonly isElecting: boolean;

  constructor(
    verdict: 'refused' | 'failed',
    message: string,
    options: ErrorOptions & { readonly isElecting?: boolean } = {},
  ) {
    super(message, options);
    this.verdict = verdict;
    this.isElecting = options.isElecting === true;
  }
}

/** From this version on the stream has heartbeats (MESOS-7695) and is declared stable. */
const FIRST_STREAMING = [1, 5] as const;
const MAX_REDIRECTS = 3;
const SMALL_OCTETS = 4 * 1024 * 1024;
/** Statuses below 500 that may pass; all others of them stand for a no. */
const PASSING = new Set([408, 425, 429]);

/**
 * The master that leads, asked of the candidates in their order: one that does not lead says who does. Throws
 * `OperatorError` naming what each of them said; it is `refused` if one of them refused.
 */
export async function findLeader(candidates: readonly URL[], limits: CallLimits): Promise<Leader> {
  const failures: OperatorError[] = [];
  for (const candidate of candidates) {
    limits.http.trust(candidate);
    try {
      const { url, version } = await askVersion(candidate, limits);
      return { url, version, endpoint: await askEndpoint(url, limits) };
    } catch (error) {
      limits.signal.throwIfAborted();
      failures.push(asOperatorError(error, candidate));
    }
  }
  const refused = failures.some(({ verdict }) => verdict === 'refused');
  throw new OperatorError(
    refused ? 'refused' : 'failed',
    failures.map(({ message }) => message).join('; ') || 'no master is known',
    { isElecting: failures.some(({ isElecting }) => isElecting) },
  );
}

/** May a master of this version be subscribed to? One that can't be read may: it then shows by itself. */
export function hasStream(version: string): boolean {
  const match = /^(\d+)\.(\d+)/.exec(version);
  if (!match) return true;
  const [major, minor] = [Number(match[1]), Number(match[2])];
  return major > FIRST_STREAMING[0] || (major === FIRST_STREAMING[0] && minor >= FIRST_STREAMING[1]);
}

/** Sends one call. Gives the response of status 200; throws `OperatorError` for any other, a redirect included. */
export async function call(type: OperatorCall, url: URL, limits: CallLimits): Promise<HttpResponse> {
  try {
    const response = await post(type, url, limits);
    if (response.status !== 200) throw await refusalOf(response, url);
    return response;
  } catch (error) {
    limits.signal.throwIfAborted();
    throw asOperatorError(error, url);
  }
}

/** What was thrown around a call, as `OperatorError`. */
export function asOperatorError(error: unknown, url: URL): OperatorError {
  if (error instanceof OperatorError) return error;
  if (error instanceof HttpError) return new OperatorError('failed', error.message, { cause: error });
  const message = error instanceof Error ? error.message : String(error);
  return new OperatorError('failed', `${url.origin}: ${message}`, { cause: error });
}

/** Follows the redirects of masters that do not lead: 307 and a `Location` without a scheme. */
async function askVersion(candidate: URL, limits: CallLimits): Promise<{ url: URL; version: string }> {
  let url = candidate;
  for (let hop = 0; ; hop++) {
    const response = await post('GET_VERSION', url, { ...limits, maxOctets: SMALL_OCTETS });
    if (response.status === 200) {
      const answer = await readAnswer(response, url, 'get_version');
      const version = textField(objectField(answer, 'version_info'), 'version');
      return { url: new URL('/', url), version };
    }
    if (response.status !== 307 || response.headers['location'] === undefined)
      throw await refusalOf(response, url);
    await response.discard();
    if (hop === MAX_REDIRECTS)
      throw new OperatorError('failed', `${candidate.origin} redirects more than ${MAX_REDIRECTS} times`);
    const leader = announced(response.headers['location'], url);
    limits.http.trust(leader, url);
    url = leader;
  }
}

/** The leader that a master names: `//host:port/path`, so by the same scheme. */
function announced(location: string, from: URL): URL {
  const url = URL.canParse(location, from.href) ? new URL('/', new URL(location, from)) : undefined;
  if (url && isDowngrade(from, url))
    throw new OperatorError(
      'refused',
      `${from.origin} redirects to ${url.origin}: from HTTPS to HTTP none is followed`,
    );
  if (url && (url.protocol === 'https:' || url.protocol === 'http:')) return url;
  throw new OperatorError(
    'refused',
    `${from.origin} redirects to ${JSON.stringify(location)}, which is no URL`,
  );
}

async function askEndpoint(url: URL, limits: CallLimits): Promise<Endpoint | undefined> {
  const response = await call('GET_MASTER', url, { ...limits, maxOctets: SMALL_OCTETS });
  const info = objectField(await readAnswer(response, url, 'get_master'), 'master_info');
  const pid = textField(info, 'pid');
  if (pid !== '') return parsePid(pid);
  const address = objectField(info, 'address');
  const host = textField(address, 'ip');
  return host === '' ? undefined : { host, port: String(numberField(address, 'port')) };
}

async function readAnswer(response: HttpResponse, url: URL, member: string): Promise<JsonObject> {
  const body = await response.text();
  try {
    const json: unknown = JSON.parse(body);
    const answer = asObject(json, 'the answer');
    if (answer[member] === undefined) throw new FormatError('the answer', `has no ${member}`);
    return objectField(answer, member);
  } catch (error) {
    if (!(error instanceof SyntaxError || error instanceof FormatError)) throw error;
    throw new OperatorError('refused', `${url.origin}/api/v1 does not speak as Mesos does: ${error.message}`);
  }
}

/** The operator API admits JSON only where `Accept` does; RecordIO alone gets a 406. */
function post(type: OperatorCall, url: URL, { http, ...limits }: CallLimits): Promise<HttpResponse> {
  return http.request({
    method: 'POST',
    url: new URL('/api/v1', url).href,
    headers: { 'content-type': 'application/json', accept: 'application/json' },
    body: JSON.stringify({ type }),
    ...limits,
  });
}

async function refusalOf(response: HttpResponse, url: URL): Promise<OperatorError> {
  const { status } = response;
  const cause = await response.refusal();
  const location = response.headers['location'];
  if (status === 307 && location !== undefined) {
    return new OperatorError('failed', `${url.origin} leads no longer`, { cause, isElecting: true });
  }
  const verdict = (status >= 500 && status !== 501) || PASSING.has(status) ? 'failed' : 'refused';
  return new OperatorError(verdict, `${cause.message}${HINTS[status] ?? ''}`, {
    cause,
    isElecting: status === 503,
  });
}

const HINTS: Readonly<Record<number, string>> = {
  404: ' (there is no operator API here: Mesos has it from 1.0 on)',
  503: ' (it may still be recovering, or know no leader)',
};
