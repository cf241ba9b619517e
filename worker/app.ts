import { readQuery } from '../zone/query.ts';
import { writeMalformedReply } from '../zone/wire.ts';
import type { Asker } from './access/askers.ts';
import { Refused, unauthorized } from './access/method.ts';
import { tooMany } from './access/rate.ts';
import { routeOf } from './access/path.ts';
import type { View } from './access/views.ts';
import {
  acceptsMessages,
  BROKEN_OFF,
  messageResponse,
  preflightResponse,
  problemResponse,
  queryOctets,
} from './doh.ts';
import type { Bindings } from './env.ts';
import { healthForStrangers } from './health.ts';
import { type Isolate, startIsolate } from './isolate.ts';
import { answerJson, asksForJson } from './json-api.ts';
import { packetKey } from './packet-cache.ts';
import { DOH_PATH } from './page-request.ts';
import { answerPage, HEALTH_PATH, JSON_PATH } from './pages.ts';
import { isForBrowser, strangerPage } from './page/stranger-page.ts';
import { resolve, type Resolved } from './resolve.ts';
import { snapshotAgeSeconds } from './snapshot/held.ts';
import type { WaitUntil } from './snapshot/share.ts';

export type App = {
  readonly fetch: (
    request: Request,
    env: Bindings,
    context: ExecutionContext,
  ) => Response | Promise<Response>;
};

/** A request's URL behind its host, in parts. */
type Asked = {
  /** What stands before `path`: `/t/<token>`, or nothing. */
  readonly base: string;
  readonly path: string;
  /** From its `?` on. */
  readonly search: string;
  readonly waitUntil: WaitUntil;
};

/** The Worker. With `ACCESS=open` `/dns-query` is decided first: it is the path that has to be fast. */
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

  return {
    fetch: (request, env, context) => {
      const { url } = request;
      const pathStart = url.indexOf('/', 8);
      const searchStart = url.indexOf('?', pathStart);
      const path = searchStart < 0 ? url.slice(pathStart) : url.slice(pathStart, searchStart);
      const search = searchStart < 0 ? '' : url.slice(searchStart);
      const waitUntil: WaitUntil = (work) => context.waitUntil(work);
      if (path === DOH_PATH && isolate?.isPlain)
        return answer(request, search, { view: isolate.everybody, waitUntil });
      const asked = { base: '', path, search, waitUntil };
      if (isolate) return serve(request, asked, isolate);
      return ready(env).then((started) => serve(request, asked, started), internalError);
    },
  };
}

/** Decides who asks. Below this is a view, and nothing else of the asker. */
function serve(request: Request, asked: Asked, isolate: Isolate): Response | Promise<Response> {
  const { settings, everybody, askers, rates } = isolate;
  const { waitUntil } = asked;
  const { access } = settings;
  if (access.kind === 'open') {
    if (!rates.allowsStranger('open', request, waitUntil)) return refusal(tooMany());
    return serveView(request, asked, { isolate, view: everybody, team: undefined });
  }
  const isPreflight = request.method === 'OPTIONS';
  if (access.kind === 'closed' || !askers) {
    if (isPreflight && asked.path === DOH_PATH) return preflightResponse();
    if (asked.path === HEALTH_PATH) return serveStrangersHealth(request, asked, isolate);
    const reason = access.kind === 'closed' ? access.reason : 'nobody is known';
    return refusalFor(request, asked.path, new Refused(403, `This resolver is closed: ${reason}.`));
  }
  const { base, path } = routeOf(asked.path);
  // Browsers send no credential along with it; the answer is the same for all.
  if (isPreflight && (path === DOH_PATH || path === JSON_PATH))
    return preflightResponse({ credentials: true });
  const refuse = (error: unknown): Response =>
    refusalFor(request, path, rates.allowsStranger('refused', request, waitUntil) ? error : tooMany());
  const serveAsker = (asker: Asker | undefined): Response | Promise<Response> => {
    if (!asker) {
      // `/health` says to monitors without a credential that all is well, and nothing of the zones.
      const isHealth = asked.path === HEALTH_PATH;
      return isHealth ? serveStrangersHealth(request, asked, isolate) : refuse(unauthorized());
    }
    const { team, view } = asker;
    if (!rates.allowsTeam(team, view.ratePerMinute, waitUntil)) return refusal(tooMany());
    return serveView(request, { ...asked, base, path }, { isolate, view, team });
  };
  const asker = askers.ask(request, waitUntil);
  return asker instanceof Promise ? asker.then(serveAsker, refuse) : serveAsker(asker);
}

function serveView(
  request: Request,
  { base, path, search, waitUntil }: Asked,
  { isolate, view: anywhere, team }: { isolate: Isolate; view: View; team: string | undefined },
): Response | Promise<Response> {
  const view = anywhere.near?.(request) ?? anywhere;
  const { settings, loadShard, listings, queryLog, rates } = isolate;
  const log = queryLog && ((reply: Uint8Array) => queryLog(reply, team, waitUntil));
  if (path === DOH_PATH) return answer(request, search, { view, waitUntil, log });
  const access = settings.access.kind;
  const limits = access === 'open' && !rates.limited.open ? undefined : rates.limited;
  const page = { base, path, search, view, access, limits, loadShard, listings, log, waitUntil };
  return answerPage(request, page).catch(internalError);
}

function serveStrangersHealth(request: Request, { waitUntil }: Asked, isolate: Isolate): Promise<Response> {
  const { settings, everybody } = isolate;
  return healthForStrangers(request, { access: settings.access.kind, view: everybody, waitUntil }).catch(
    internalError,
  );
}

/** What an answer is made with; `log` is told each reply. */
type Making = {
  readonly view: View;
  readonly waitUntil: WaitUntil;
  readonly log?: ((reply: Uint8Array) => void) | undefined;
};

/** A DoH request (RFC 8484). What DNS can say is said in DNS, with status 200. */
function answer(request: Request, search: string, making: Making): Response | Promise<Response> {
  const { view, waitUntil, log } = making;
  const { packets } = view;
  const { method } = request;
  if (method === 'OPTIONS') return preflightResponse();
  const known = method === 'GET' ? packets.find(search, waitUntil) : undefined;
  if (known && acceptsMessages(request)) return respond(known, making);
  const octets = queryOctets(request, search);
  if (octets instanceof Promise) {
    const answerBody = (body: Awaited<typeof octets>): Response | Promise<Response> => {
      const key = body instanceof Uint8Array ? packetKey(body) : '';
      const same = packets.find(key, waitUntil);
      return same ? respond(same, making) : answerOctets(body, key, making);
    };
    return octets.then(answerBody, () => problemResponse(BROKEN_OFF));
  }
  if (!(octets instanceof Uint8Array) && asksForJson(request, search))
    return answerJson(request, search, { view, waitUntil, log }).catch((error: unknown) =>
      internalError(error),
    );
  return answerOctets(octets, search, making);
}

/** `key` is the query's in the packet cache. */
function answerOctets(
  octets: Awaited<ReturnType<typeof queryOctets>>,
  key: string,
  making: Making,
): Response | Promise<Response> {
  const { options, packets } = making.view;
  if (!(octets instanceof Uint8Array)) return problemResponse(octets);
  const query = readQuery(octets);
  if (!query) return problemResponse({ status: 400, reason: 'The message is no DNS query.' });
  if (query.kind === 'malformed')
    return messageResponse(writeMalformedReply(query), { ttl: undefined, shared: false });
  const resolved = resolve(query, options, making.waitUntil);
  const keepAndRespond = (late: Resolved): Response => {
    packets.keep(key, late);
    return respond(late, making);
  };
  return resolved instanceof Promise
    ? resolved.then(keepAndRespond, internalError)
    : keepAndRespond(resolved);
}

function respond({ octets, ttl, held }: Resolved, { view: { options, shared }, log }: Making): Response {
  log?.(octets);
  const snapshot = held && {
    serial: held.root.serial,
    ageSeconds: snapshotAgeSeconds(held, options.now()),
    member: held.shown?.member,
  };
  return messageResponse(octets, { ttl, shared, snapshot });
}

/** A refusal as a page where a person asked for one. */
function refusalFor(request: Request, path: string, error: unknown): Response {
  if (path !== '/' || !(error instanceof Refused) || error.status === 429 || !isForBrowser(request))
    return refusal(error);
  return strangerPage(request, { status: error.status, reason: error.message });
}

/** One refusal for all that is wrong with a credential; whatever else was thrown is a fault of ours. */
function refusal(error: unknown): Response {
  if (!(error instanceof Refused)) return internalError(error);
  const response = problemResponse({ status: error.status, reason: error.message });
  if (error.retryAfterSeconds !== undefined)
    response.headers.set('retry-after', String(error.retryAfterSeconds));
  return response;
}

/** Tells the log what broke and the client only that something did. */
function internalError(error: unknown): Response {
  console.error(error instanceof Error ? (error.stack ?? error.message) : String(error));
  return problemResponse({
    status: 500,
    reason: 'The resolver is not set up rightly; its log says what is wrong.',
  });
}
