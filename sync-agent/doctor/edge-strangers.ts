import { hideTokens } from '../hide-tokens.ts';
import { type Ask, askAll, type Attempt, type EdgeReply, type Tried } from './edge-asking.ts';
import {
  ABSENT,
  dohPath,
  forgedAssertions,
  forgedHeaders,
  oddMethods,
  oddPaths,
  OUTSIDE,
  PRESENT,
  routes,
  wrongCredentials,
} from './edge-doors.ts';
import type { EdgeFinding } from './edge-finding.ts';
import { notRefused, type Secrets } from './edge-leaks.ts';
import { answerOf } from './edge-token.ts';

/** Of what is wrong so many are named. */
const MOST_NAMED = 3;

type Strangers = {
  readonly ask: Ask;
  readonly zone: string;
  readonly wrong: string;
  readonly secrets: Secrets;
  readonly nowMs: number;
};

export async function checkStrangers({
  ask,
  zone,
  wrong,
  secrets,
  nowMs,
}: Strangers): Promise<EdgeFinding[]> {
  const door = (
    about: EdgeFinding['about'],
    what: string,
    attempts: readonly Attempt[],
  ): Promise<EdgeFinding> => checkDoors(about, what, attempts, { ask, secrets });
  return [
    await door('strangers', 'routes without a credential', routes(zone)),
    await checkSameness(ask, zone),
    await door('wrong tokens', 'wrong credentials', wrongCredentials(zone, wrong)),
    await door('odd paths', 'spellings of a wrong token', oddPaths(zone, wrong)),
    await door('methods', 'other methods', oddMethods(zone)),
    await door('Access', 'forged assertions of Cloudflare Access', forgedAssertions(zone, nowMs)),
    await door('proxies', 'forged headers of proxies', forgedHeaders(zone)),
  ];
}

/** Makes the attempts; every one has to be refused without a word on what is behind. */
export async function checkDoors(
  about: EdgeFinding['about'],
  what: string,
  attempts: readonly Attempt[],
  { ask, secrets }: { readonly ask: Ask; readonly secrets: Secrets },
): Promise<EdgeFinding> {
  const tried = await askAll(ask, attempts);
  const wrong = notRefused(tried, secrets);
  const failed = tried.filter((one) => one.kind === 'failed');
  const limited = tried.filter((one) => one.kind === 'reply' && one.reply.status === 429);
  if (wrong.length > 0) {
    const more = wrong.length > MOST_NAMED ? `, and ${wrong.length - MOST_NAMED} more` : '';
    const says = hideTokens(`${what}: ${wrong.slice(0, MOST_NAMED).join('; ')}${more}`);
    return {
      about,
      verdict: 'wrong',
      says,
      mend: 'Nothing but a refusal should come back (docs/security.md)',
    };
  }
  if (failed.length + limited.length > 0) {
    const [one] = failed;
    const why = one?.kind === 'failed' ? one.reason : 'this address is limited now (429)';
    const says = `${what}: ${failed.length + limited.length} of ${tried.length} could not be tried: ${why}`;
    return { about, verdict: 'skipped', says, mend: 'Try again in a few minutes' };
  }
  return { about, verdict: 'well', says: `${tried.length} ${what}: all refused, nothing told` };
}

/** Whether a name exists must not show. */
async function checkSameness(ask: Ask, zone: string): Promise<EdgeFinding> {
  const about = 'strangers';
  const tried = await askAll(
    ask,
    [PRESENT, ABSENT].flatMap((label) => [
      { what: 'a name', path: dohPath(`${label}.${zone}`) },
      { what: 'a name', path: `/v1/hosts/${label}.${zone}` },
    ]),
  );
  if (tried.some((one) => one.kind === 'failed' || one.reply.status === 429))
    return {
      about,
      verdict: 'skipped',
      says: 'names that exist and names that do not: not all could be tried',
    };
  const [present, presentHost, absent, absentHost] = tried.map((one) => shapeOf(one));
  if (present === absent && presentHost === absentHost)
    return { about, verdict: 'well', says: 'a name that exists is refused as one that does not' };
  const says = 'a name that exists is refused in other words than one that does not';
  return { about, verdict: 'wrong', says, mend: 'Strangers can find names by trying' };
}

/** What of a reply may not depend on the question; times and ids of the edge aside. */
function shapeOf(tried: Tried): string {
  if (tried.kind === 'failed') return '';
  const { status, headers, text } = tried.reply;
  const names = Object.keys(headers).filter((name) => !/^(?:date|cf-|age|alt-svc|nel|report-to)/.test(name));
  const plain = text.replaceAll(PRESENT, '').replaceAll(ABSENT, '');
  return JSON.stringify([status, names.toSorted(), plain]);
}

/** Does it resolve names of the whole internet for anybody? */
export async function checkForwarder(ask: Ask): Promise<EdgeFinding> {
  const about = 'forwarding';
  const tried = await askAll(ask, [
    { what: 'GET /dns-query', path: dohPath(OUTSIDE) },
    { what: 'GET /resolve', path: `/resolve?name=${OUTSIDE}` },
  ]);
  const forwards = tried.some(
    (one) => one.kind === 'reply' && (isAnswered(one.reply) || /"Status"\s*:\s*0\b/.test(one.reply.text)),
  );
  if (!forwards)
    return { about, verdict: 'well', says: 'no forwarder for strangers: public names are refused' };
  const says = 'an open forwarder: it resolves public names for anybody';
  return {
    about,
    verdict: 'wrong',
    says,
    mend: 'Set ACCESS to tokens, or UPSTREAMS to nothing (docs/forwarding.md)',
  };
}

function isAnswered(reply: EdgeReply): boolean {
  const answer = answerOf(reply);
  return answer !== undefined && answer.rcode === 0;
}
