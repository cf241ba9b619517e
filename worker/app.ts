import { Hono } from 'hono/tiny';
import { readQuery } from '../zone/query.ts';
import { writeMalformedReply } from '../zone/wire.ts';
import {
  acceptsMessages,
  BROKEN_OFF,
  messageResponse,
  preflightResponse,
  problemResponse,
  queryOctets,
} from './doh.ts';
import { type Bindings, parseEnv, type Settings } from './env.ts';
import { healthOf } from './health.ts';
import { answerJson, asksForJson } from './json-api.ts';
import { createPacketCache, type PacketCache, packetKey } from './packet-cache.ts';
import { resolve, type ResolveOptions, type Resolved } from './resolve.ts';
import { createBlocks } from './snapshot/blocks.ts';
import { snapshotAgeSeconds } from './snapshot/held.ts';
import { createKvBlockFetcher, createKvHeadSource, withAcceptedCacheTtl } from './snapshot/kv.ts';
import { createSnapshotReader } from './snapshot/reader.ts';
import type { WaitUntil } from './snapshot/share.ts';
import { startTimer } from './snapshot/timer.ts';
import { lookupForPage, statusPage } from './status.ts';
import { createUpstream } from './upstream/upstream.ts';
import { createShardLoader, type LoadShard } from './v1/entries.ts';
import { answerV1 } from './v1/routes.ts';

export type App = {
  readonly fetch: (
    request: Request,
    env: Bindings,
    context: ExecutionContext,
  ) => Response | Promise<Response>;
};

/** Blocks kept in an isolate, over all zones: below the 128 MB limit with room for the rest, and for garbage. */
const BLOCK_CACHE_OCTETS = 32 * 1024 * 1024;
const VARIANT = 'main';
const DOH_PATH = '/dns-query';

/** Settings and caches of one isolate. */
type Isolate = {
  readonly settings: Settings;
  readonly options: ResolveOptions;
  readonly packets: PacketCache;
  readonly loadShard: LoadShard;
};

/** The Worker. `/dns-query` is a plain function ahead of the router: it is the path that has to be fast. */
export function createApp(): App {
  let isolate: Isolate | undefined;
  let starting: Promise<Isolate> | undefined;
  /** A start that failed is tried again by the next request, which may find the bindings mended. */
  const ready = async (env: Bindings): Promise<Isolate> => {
    try {
      return (isolate = await (starting ??= startIsolate(env)));
    } catch (error) {
      starting = undefined;
      throw error;
    }
  };

  const router = new Hono<{ Bindings: Bindings }>();
  router.use('*', async (context, next) => {
    const { access } = (await ready(context.env)).settings;
    if (access.kind === 'closed' && context.req.path !== '/health')
      return problemResponse(closed(access.reason));
    return next();
  });
  router.get('/', async (context) => {
    const { settings, options } = await ready(context.env);
    const waitUntil: WaitUntil = (work) => context.executionCtx.waitUntil(work);
    const { name = '', type = 'A' } = context.req.query();
    const lookup = name === '' ? undefined : await lookupForPage({ name, type }, options, waitUntil);
    const health = await healthOf(settings, options, waitUntil);
    return statusPage(health, { dohUrl: new URL(DOH_PATH, context.req.url).href, lookup });
  });
  router.get('/health', async (context) => {
    const { settings, options } = await ready(context.env);
    const health = await healthOf(settings, options, (work) => context.executionCtx.waitUntil(work));
    return context.json(health, health.status === 'not-ready' ? 503 : 200, { 'cache-control': 'no-store' });
  });
  router.all('/resolve', async (context) => {
    const { options } = await ready(context.env);
    const waitUntil: WaitUntil = (work) => context.executionCtx.waitUntil(work);
    return answerJson(context.req.raw, new URL(context.req.url).search, { options, waitUntil });
  });
  router.all('/v1/*', async (context) => {
    const isolate = await ready(context.env);
    const waitUntil: WaitUntil = (work) => context.executionCtx.waitUntil(work);
    const { pathname } = new URL(context.req.url);
    return answerV1(context.req.raw, pathname.slice('/v1/'.length), { ...isolate, waitUntil });
  });
  router.notFound((context) =>
    problemResponse({ status: 404, reason: `There is nothing at ${context.req.path}.` }),
  );
  router.onError((error) => internalError(error));

  return {
    fetch: (request, env, context) => {
      const { url } = request;
      const pathStart = url.indexOf('/', 8);
      const searchStart = url.indexOf('?', pathStart);
      const path = searchStart < 0 ? url.slice(pathStart) : url.slice(pathStart, searchStart);
      if (path !== DOH_PATH) return router.fetch(request, env, context);
      const search = searchStart < 0 ? '' : url.slice(searchStart);
      const waitUntil: WaitUntil = (work) => context.waitUntil(work);
      if (isolate) return answer(request, search, { isolate, waitUntil });
      return ready(env).then(
        (started) => answer(request, search, { isolate: started, waitUntil }),
        internalError,
      );
    },
  };
}

async function startIsolate(env: Bindings): Promise<Isolate> {
  const settings = await parseEnv(env);
  const now = (): number => Date.now();
  const kv = withAcceptedCacheTtl(env.SNAPSHOTS);
  const fetchBlock = createKvBlockFetcher(kv);
  const blocks = createBlocks({ fetchBlock, maxOctets: BLOCK_CACHE_OCTETS, now, startTimer });
  const zones = settings.zones.map((zone) => ({
    ...zone,
    reader: createSnapshotReader({
      origin: zone.origin,
      variant: VARIANT,
      source: createKvHeadSource(kv, {
        origin: zone.origin,
        variant: VARIANT,
        verifyKeys: settings.verifyKeys,
      }),
      blocks,
      now,
      startTimer,
      headRefreshMs: settings.headRefreshMs,
      headMaxAgeMs: settings.headMaxAgeMs,
      onProblem: (problem) => console.warn(problem),
    }),
  }));
  const upstream =
    settings.forwarding &&
    createUpstream(settings.forwarding, { fetch: (...request) => fetch(...request), now });
  const { random } = Math;
  const options = { zones, upstream, now, random };
  const packets = createPacketCache({
    isCurrent: (held, waitUntil) => {
      for (const { reader } of zones) if (reader.isCurrent(held, waitUntil)) return true;
      return false;
    },
    now,
    random,
  });
  return { settings, options, packets, loadShard: createShardLoader(fetchBlock, VARIANT) };
}

/** A DoH request (RFC 8484). What DNS can say is said in DNS, with status 200. */
function answer(
  request: Request,
  search: string,
  { isolate, waitUntil }: { isolate: Isolate; waitUntil: WaitUntil },
): Response | Promise<Response> {
  const { settings, options, packets } = isolate;
  const { method } = request;
  if (method === 'OPTIONS') return preflightResponse();
  if (settings.access.kind === 'closed') return problemResponse(closed(settings.access.reason));
  const known = method === 'GET' ? packets.find(search, waitUntil) : undefined;
  if (known && acceptsMessages(request)) return respond(known, options);
  const octets = queryOctets(request, search);
  if (octets instanceof Promise) {
    const answerBody = (body: Awaited<typeof octets>): Response | Promise<Response> => {
      const key = body instanceof Uint8Array ? packetKey(body) : '';
      const same = packets.find(key, waitUntil);
      return same ? respond(same, options) : answerOctets(body, key, { isolate, waitUntil });
    };
    return octets.then(answerBody, () => problemResponse(BROKEN_OFF));
  }
  if (!(octets instanceof Uint8Array) && asksForJson(request, search))
    return answerJson(request, search, { options, waitUntil }).catch((error: unknown) =>
      internalError(error),
    );
  return answerOctets(octets, search, { isolate, waitUntil });
}

/** `key` is the query's in the packet cache. */
function answerOctets(
  octets: Awaited<ReturnType<typeof queryOctets>>,
  key: string,
  { isolate, waitUntil }: { isolate: Isolate; waitUntil: WaitUntil },
): Response | Promise<Response> {
  const { options, packets } = isolate;
  if (!(octets instanceof Uint8Array)) return problemResponse(octets);
  const query = readQuery(octets);
  if (!query) return problemResponse({ status: 400, reason: 'The message is no DNS query.' });
  if (query.kind === 'malformed')
    return messageResponse(writeMalformedReply(query), { ttl: undefined, shared: false });
  const resolved = resolve(query, options, waitUntil);
  const keepAndRespond = (late: Resolved): Response => {
    packets.keep(key, late);
    return respond(late, options);
  };
  return resolved instanceof Promise
    ? resolved.then(keepAndRespond, internalError)
    : keepAndRespond(resolved);
}

function respond({ octets, ttl, held }: Resolved, { now }: ResolveOptions): Response {
  const snapshot = held && { serial: held.root.serial, ageSeconds: snapshotAgeSeconds(held, now()) };
  return messageResponse(octets, { ttl, shared: true, snapshot });
}

function closed(reason: string): { status: number; reason: string } {
  return { status: 403, reason: `This resolver is closed: ${reason}.` };
}

/** Tells the log what broke and the client only that something did. */
function internalError(error: unknown): Response {
  console.error(error instanceof Error ? (error.stack ?? error.message) : String(error));
  return problemResponse({
    status: 500,
    reason: 'The resolver is not set up rightly; its log says what is wrong.',
  });
}
