import { admit, type Realm, seenBy } from './access.ts';
import type { Fault } from './fault.ts';
import { answerCall } from './operator-api.ts';
import type { Quorum } from './quorum.ts';
import { type Exchange, notLeading, redirectTo, type Reply, sendReply, wrongMethod } from './reply.ts';
import { buildOf, stateChunks, stateSummaryOf } from './state.ts';
import { JSON_TYPE, sendState } from './state-response.ts';

const STATE_PATHS: ReadonlySet<string> = new Set([
  '/state',
  '/state.json',
  '/master/state',
  '/master/state.json',
]);
const SUMMARY_PATHS: ReadonlySet<string> = new Set(['/state-summary', '/master/state-summary']);
const REDIRECT_PATHS: ReadonlySet<string> = new Set(['/redirect', '/master/redirect']);
const HEALTH_PATHS: ReadonlySet<string> = new Set(['/health', '/master/health']);
const API_PATHS: ReadonlySet<string> = new Set(['/api/v1', '/master/api/v1']);

type Place = 'state' | 'summary' | 'redirect' | 'health' | 'version' | 'api' | 'nowhere';

/** Which realm a place is in; the others are open to all. */
const REALMS: Readonly<Partial<Record<Place, Realm>>> = {
  state: 'readonly',
  summary: 'readonly',
  api: 'readwrite',
};

/** Answers as that master would at this moment, faults included. */
export function answer(quorum: Quorum, exchange: Exchange): void {
  const { index, request, response } = exchange;
  const fault = quorum.faults.get(index);
  if (fault?.kind === 'stall' && fault.afterLength === undefined) return;
  const place = placeOf(request.url ?? '/', quorum);
  if (fault?.kind === 'status' && fault.only !== (place === 'api' ? 'state' : 'api')) {
    sendReply(response, { status: fault.status, body: fault.body ?? '' });
    return;
  }
  const realm = REALMS[place];
  const admission = realm && admit(quorum.access, realm, request.headers.authorization);
  if (admission?.kind === 'refused') {
    sendReply(response, { status: 401, headers: { 'www-authenticate': admission.challenge } });
    return;
  }
  const isBlind = admission?.isBlind === true;
  if (place === 'api') {
    answerCall(quorum, { exchange, isBlind, fault });
    return;
  }
  const reply = replyOf(quorum, { exchange, place, fault });
  if (reply !== 'state') sendReply(response, reply);
  else answerState(quorum, { exchange, place, isBlind, fault });
}

function placeOf(url: string, { features }: Quorum): Place {
  const path = url.split('?', 1)[0] ?? '/';
  if (STATE_PATHS.has(path)) return 'state';
  if (SUMMARY_PATHS.has(path)) return 'summary';
  if (REDIRECT_PATHS.has(path)) return 'redirect';
  if (HEALTH_PATHS.has(path)) return 'health';
  if (path === '/version') return 'version';
  return API_PATHS.has(path) && features.operatorApi ? 'api' : 'nowhere';
}

type Asked = { readonly exchange: Exchange; readonly place: Place; readonly fault: Fault | undefined };

/** Which answer a request gets; `state` stands for the state itself, which is too large for a reply. */
function replyOf(quorum: Quorum, { exchange, place, fault }: Asked): Reply | 'state' {
  const { method } = exchange.request;
  if (place === 'nowhere') return { status: 404 };
  if (method !== 'GET' && method !== 'HEAD') return wrongMethod(['GET', 'HEAD'], method);
  // What every master answers, whoever leads.
  if (place === 'health') return { status: 200 };
  if (place === 'version') {
    const body = JSON.stringify(buildOf(quorum.version));
    return { status: 200, headers: { 'content-type': JSON_TYPE }, body };
  }
  if (place === 'redirect') return redirectTo(quorum, '');
  const elsewhere = notLeading(quorum, exchange);
  if (elsewhere !== undefined) return elsewhere;
  if (fault?.kind !== 'body') return 'state';
  return { status: 200, headers: { 'content-type': fault.contentType ?? JSON_TYPE }, body: fault.body };
}

type StateAsked = Pick<Asked, 'exchange' | 'place' | 'fault'> & { readonly isBlind: boolean };

function answerState(quorum: Quorum, { exchange, place, isBlind, fault }: StateAsked): void {
  const { view, masters, electedSeconds, version, features } = quorum;
  const master = masters[exchange.index];
  if (master === undefined) throw new RangeError(`no master ${exchange.index}`);
  view.advance();
  const seen = seenBy(view.snapshot(), { features, isBlind });
  const says = { ...master, electedSeconds, version, hidesFlags: isBlind };
  if (place === 'summary') {
    const body = JSON.stringify(stateSummaryOf(seen, says));
    sendReply(exchange.response, { status: 200, headers: { 'content-type': JSON_TYPE }, body });
    return;
  }
  sendState(exchange.response, { chunks: stateChunks(seen, says), fault });
}
