import { FormatError } from '../../zone/format-error.ts';
import { type OwnerName, parseName } from '../../zone/name.ts';
import { problemResponse } from '../doh.ts';
import type { Settings } from '../env.ts';
import type { ResolveOptions } from '../resolve.ts';
import { hasExpired, type Held } from '../snapshot/held.ts';
import type { WaitUntil } from '../snapshot/share.ts';
import { configFacts, versionFacts } from './config.ts';
import { allEntriesOf, type AllEntries, type LoadShard, visibleEntriesOf } from './entries.ts';
import { enumerationOf } from './enumerate.ts';
import { type Host, hostsIn, lookUpName, type Service, servicesIn } from './look-up.ts';
import { streamOf } from './stream.ts';
import { TRANSFER_PASSES, transferOf } from './transfer.ts';

/** mesos-dns's HTTP interface, `/v1/…`, for our zones: never a name elsewhere, never an upstream. */
export type V1Options = {
  /** As the asker's view has them. */
  readonly settings: Pick<Settings, 'upstreams' | 'enumeration'>;
  /** What allows enumeration, in words. */
  readonly enumerationSwitch: string;
  readonly options: ResolveOptions;
  readonly loadShard: LoadShard;
  readonly waitUntil: WaitUntil;
};

/** What mesos-dns gives instead of an empty list. */
const NO_HOST: Host = { host: '', ip: '' };
const NO_SERVICE: Service = { service: '', host: '', ip: '', port: '' };
/** A request may read the store 1,000 times (Workers KV's limit); some are for the head and for second tries. */
const MAX_READS = 950;

/** Answers a request below `/v1/`; `path` is the URL's, still percent-encoded, from there on: `hosts/web.mesos`. */
export async function answerV1(request: Request, path: string, v1: V1Options): Promise<Response> {
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    const refused = problemResponse({ status: 405, reason: 'Ask by GET.' });
    refused.headers.set('allow', 'GET, HEAD');
    return refused;
  }
  const accept = request.headers.get('accept');
  if (accept !== null && accept !== '' && !/json|\*\/\*|application\/\*/i.test(accept))
    return problemResponse({ status: 406, reason: 'The answer is application/json.' });
  const [kind = '', name, ...more] = path.replace(/\/$/, '').split('/');
  if (name !== undefined)
    return more.length > 1 ? nothingThere() : answerName(request, { kind, name, more }, v1);
  switch (kind) {
    case 'version':
      return json(versionFacts());
    case 'config':
    case 'axfr':
    case 'enumerate':
      return answerZone(request, kind, v1);
    default:
      return nothingThere();
  }
}

async function answerName(
  request: Request,
  { kind, name, more }: { kind: string; name: string; more: readonly string[] },
  { options, waitUntil }: V1Options,
): Promise<Response> {
  if (kind === 'hosts' && more[0] === 'ports')
    return problemResponse({
      status: 501,
      reason: 'Ports of a host are not to be had, nor were they in mesos-dns.',
    });
  if ((kind !== 'hosts' && kind !== 'services') || more.length > 0) return nothingThere();
  const text = decoded(name);
  if (text === undefined)
    return problemResponse({ status: 400, reason: 'The name is not percent-encoded UTF-8.' });
  const compat = parametersOf(request).get('compat') === '1';
  try {
    const found = await lookUpName(text, options, waitUntil);
    if ('unavailable' in found) return notReady(found.unavailable);
    const items =
      kind === 'hosts' ? hostsIn(found.entry, text) : servicesIn(found.entry, text, options.random);
    if (items.length > 0 || !compat) return json(items);
    return json([kind === 'hosts' ? NO_HOST : NO_SERVICE]);
  } catch (error) {
    // Octets that were signed and yet are no entry.
    if (error instanceof FormatError) return notReady(error.message);
    throw error;
  }
}

async function answerZone(
  request: Request,
  kind: 'config' | 'axfr' | 'enumerate',
  { settings, enumerationSwitch, options, loadShard, waitUntil }: V1Options,
): Promise<Response> {
  if (kind !== 'config' && !settings.enumeration)
    return problemResponse({
      status: 403,
      reason: `/v1/${kind} lists every name and is off: ${enumerationSwitch} allows it.`,
    });
  const zone = zoneOf(parametersOf(request).get('zone'), options);
  if (typeof zone === 'string') return problemResponse({ status: 400, reason: zone });
  const held = await zone.reader.current(waitUntil);
  if (!held) return notReady('no snapshot can be read yet');
  if (hasExpired(held, options.now())) return notReady('the snapshot has expired');
  if (kind === 'config') return json(configFacts(held, settings));
  const shards = held.body.levels.shards?.hashes.length ?? 0;
  if (shards * TRANSFER_PASSES > MAX_READS)
    return problemResponse({
      status: 501,
      reason: 'The zone is too large for one request; `mesos-doh records` reads it back where it is stored.',
    });
  const all = visibleEntriesOf(allEntriesOf(held, loadShard), zone, options.isHidden);
  return streamed(request, textsOf(kind, held, all));
}

function textsOf(kind: 'axfr' | 'enumerate', held: Held, all: AllEntries): AsyncGenerator<string> {
  return kind === 'axfr' ? transferOf(held, all) : enumerationOf(held.zone.zone, all);
}

/** The stored zone a request means: the only one, or the one it names. In words what is wrong with it. */
function zoneOf(text: string | null, options: ResolveOptions): ResolveOptions['zones'][number] | string {
  const zones = options.zones.filter(({ standsFor }) => !standsFor);
  const origins = zones.map(({ origin }) => origin).join(', ');
  const [only, another] = zones;
  if (!only) return 'No zone is served to you.';
  if (text === null) return !another ? only : `Several zones are served: add ?zone= with one of ${origins}.`;
  let origin: OwnerName | undefined;
  try {
    origin = parseName(text);
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
  }
  return zones.find((zone) => zone.origin === origin) ?? `The parameter zone is none of ${origins}.`;
}

function parametersOf({ url }: Request): URLSearchParams {
  return new URL(url).searchParams;
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

const HEADERS = { 'content-type': 'application/json', 'cache-control': 'no-store' };

function json(value: unknown): Response {
  return new Response(`${JSON.stringify(value, undefined, 1)}\n`, { headers: HEADERS });
}

function streamed({ method }: Request, texts: AsyncGenerator<string>): Response {
  if (method === 'HEAD') return new Response(null, { headers: HEADERS });
  const onError = (error: unknown): void =>
    console.warn(`a transfer broke off: ${error instanceof Error ? error.message : String(error)}`);
  return new Response(streamOf(texts, onError), { headers: HEADERS });
}

function nothingThere(): Response {
  return problemResponse({ status: 404, reason: 'mesos-dns has nothing there, nor do we.' });
}

/** The zone can't be read now: neither a hit nor a miss. */
function notReady(reason: string): Response {
  const response = problemResponse({ status: 503, reason: `The zone can not be read: ${reason}.` });
  response.headers.set('retry-after', '5');
  return response;
}
