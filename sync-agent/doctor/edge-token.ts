import { TYPE } from '../../zone/record.ts';
import { readSnapshot } from '../client/reply.ts';
import type { Ask, EdgeReply, Tried } from './edge-asking.ts';
import { dohPath, OUTSIDE } from './edge-doors.ts';
import type { EdgeFinding } from './edge-finding.ts';
import { isRefusal } from './edge-leaks.ts';

/** What a team's token is tried with. */
export type TokenFacts = {
  readonly zone: string;
  readonly token: string;
  /** One of the right form that is none. */
  readonly wrong: string;
  /** May strangers ask too? What a token is for can't be told then. */
  readonly isOpen: boolean;
  readonly expected: { readonly forwarding?: boolean; readonly enumeration?: boolean };
  readonly staleAfterSeconds: number;
};

/** Does the team get what its view says, fresh, and nobody else with it? */
export async function checkWithToken(ask: Ask, facts: TokenFacts): Promise<EdgeFinding[]> {
  const { zone, token } = facts;
  const before = `/t/${token}`;
  const path = dohPath(zone, TYPE.SOA);
  const inPath = await ask({ what: 'the token in the path', path: before + path });
  const inHeader = await ask({
    what: 'the token as bearer',
    path,
    headers: { authorization: `Bearer ${token}` },
  });
  const works = checkAnswers(inPath, inHeader, facts);
  if (inPath.kind === 'failed' || answerOf(inPath.reply)?.rcode !== 0) return works;
  return [
    ...works,
    checkSnapshot(inPath.reply, facts),
    await checkCaches(ask, { path, inPath: inPath.reply, inHeader }, facts),
    ...(facts.isOpen ? [] : [await checkTwoTokens(ask, path, facts)]),
    await checkForwarding(ask, before, facts),
    await checkEnumeration(ask, before, facts),
    ...(await checkPages(ask, before)),
  ];
}

/** A DNS message's response code and count of answers; undefined for a reply that is none. */
export function answerOf({
  status,
  headers,
  octets,
}: EdgeReply): { readonly rcode: number; readonly answers: number } | undefined {
  const isMessage = status === 200 && (headers['content-type'] ?? '').startsWith('application/dns-message');
  if (!isMessage || octets.length < 12) return undefined;
  return { rcode: (octets[3] ?? 0) & 15, answers: ((octets[6] ?? 0) << 8) | (octets[7] ?? 0) };
}

const RCODE_NAMES: Readonly<Record<number, string>> = { 2: 'SERVFAIL', 3: 'NXDOMAIN', 5: 'REFUSED' };

function checkAnswers(inPath: Tried, inHeader: Tried, { zone }: TokenFacts): EdgeFinding[] {
  const about = 'token';
  if (inPath.kind === 'failed') return [{ about, verdict: 'wrong', says: inPath.reason }];
  const answer = answerOf(inPath.reply);
  if (!answer) {
    const says = `the token is not taken: ${inPath.reply.status}`;
    const mend =
      'Is it in mesos-doh token list, not ended, and older than 3 minutes? Has the Worker tokens in ACCESS, and the ' +
      'VERIFY_KEYS of the key that signs?';
    return [{ about, verdict: 'wrong', says, mend }];
  }
  if (answer.rcode !== 0) {
    const says = `the token is taken, and ${zone} is ${RCODE_NAMES[answer.rcode] ?? `response code ${answer.rcode}`}`;
    const mend =
      answer.rcode === 2
        ? 'The Worker has no snapshot it can use: see mesos-doh doctor, and VERIFY_KEYS'
        : `Is ${zone} in ZONES, and in the token's view?`;
    return [{ about, verdict: 'wrong', says, mend }];
  }
  const well: EdgeFinding = { about, verdict: 'well', says: `the token is taken, and ${zone} answers` };
  const hasHeader = inHeader.kind === 'reply' && answerOf(inHeader.reply)?.rcode === 0;
  if (hasHeader) return [well];
  const says = 'the token works in the path, and not as a bearer header';
  return [
    well,
    { about, verdict: 'advice', says, mend: 'Does something before the Worker take the header out?' },
  ];
}

function checkSnapshot(reply: EdgeReply, { staleAfterSeconds }: TokenFacts): EdgeFinding {
  const about = 'snapshot';
  const snapshot = readSnapshot(reply);
  if (!snapshot) return { about, verdict: 'advice', says: 'the reply does not tell its snapshot' };
  const { serial, ageSeconds } = snapshot;
  const says = `serial ${serial}, vouched for ${ageSeconds} s ago`;
  if (ageSeconds <= staleAfterSeconds) return { about, verdict: 'well', says };
  return {
    about,
    verdict: 'wrong',
    says,
    mend: 'No agent renews it: start one, or see its log (mesos-doh doctor)',
  };
}

/** What one team may see must not come out of a cache for another, or for nobody. */
async function checkCaches(
  ask: Ask,
  { path, inPath, inHeader }: { readonly path: string; readonly inPath: EdgeReply; readonly inHeader: Tried },
  { isOpen }: TokenFacts,
): Promise<EdgeFinding> {
  const about = 'caches';
  const replies = [
    inPath,
    ...(inHeader.kind === 'reply' && inHeader.reply.status === 200 ? [inHeader.reply] : []),
  ];
  const problems: string[] = [];
  if (
    !isOpen &&
    replies.some(({ headers }) => !/\b(?:private|no-store)\b/.test(headers['cache-control'] ?? ''))
  )
    problems.push('an answer to a token may be kept by shared caches (no private in cache-control)');
  const [, byHeader] = replies;
  if (!isOpen && byHeader && !/\bauthorization\b/i.test(byHeader.headers['vary'] ?? ''))
    problems.push('an answer to a bearer does not vary by authorization');
  if (
    replies.some(({ headers }) =>
      /^(?:hit|stale|updating|revalidated)$/i.test(headers['cf-cache-status'] ?? ''),
    )
  )
    problems.push("an answer came out of Cloudflare's cache");
  const stranger = await ask({ what: 'the same without the token', path });
  if (!isOpen && stranger.kind === 'reply' && !isRefusal(stranger.reply))
    problems.push(
      `after it was answered with a token, the same question without one is ${stranger.reply.status}`,
    );
  if (problems.length === 0)
    return { about, verdict: 'well', says: 'no cache gives one asker what is for another' };
  return {
    about,
    verdict: 'wrong',
    says: problems.join('; '),
    mend: 'Is there a cache rule before the Worker? Take it away',
  };
}

/** Two credentials that do not belong together are none. */
async function checkTwoTokens(ask: Ask, path: string, { token, wrong }: TokenFacts): Promise<EdgeFinding> {
  const about = 'token';
  const tried = [
    await ask({ what: '', path: `/t/${token}${path}`, headers: { authorization: `Bearer ${wrong}` } }),
    await ask({ what: '', path: `/t/${wrong}${path}`, headers: { authorization: `Bearer ${token}` } }),
  ];
  if (tried.every((one) => one.kind === 'failed' || isRefusal(one.reply)))
    return { about, verdict: 'well', says: 'a right token beside a wrong one is refused' };
  return {
    about,
    verdict: 'wrong',
    says: 'a right token beside a wrong one is taken',
    mend: 'Update the Worker',
  };
}

async function checkForwarding(ask: Ask, before: string, { expected }: TokenFacts): Promise<EdgeFinding> {
  const about = 'view';
  const tried = await ask({ what: 'a public name', path: dohPath(OUTSIDE, TYPE.A, before) });
  if (tried.kind === 'failed') return { about, verdict: 'skipped', says: `forwarding: ${tried.reason}` };
  const answer = answerOf(tried.reply);
  if (!answer) return { about, verdict: 'wrong', says: `a public name is ${tried.reply.status}` };
  if (answer.rcode === 2)
    return { about, verdict: 'wrong', says: 'public names are SERVFAIL', mend: 'Do the UPSTREAMS answer?' };
  const forwards = answer.rcode !== 5;
  const says = `public names are ${forwards ? 'forwarded' : 'refused'}`;
  if (expected.forwarding === undefined || expected.forwarding === forwards)
    return { about, verdict: 'well', says };
  const mend = `The view says forwarding: ${expected.forwarding}. Is the change older than 3 minutes, and are there UPSTREAMS?`;
  return { about, verdict: 'wrong', says, mend };
}

/** Asked by HEAD: nobody wants all names of a cluster for this. */
async function checkEnumeration(ask: Ask, before: string, { expected }: TokenFacts): Promise<EdgeFinding> {
  const about = 'view';
  const tried = await ask({ what: 'HEAD /v1/axfr', path: `${before}/v1/axfr`, method: 'HEAD' });
  if (tried.kind === 'failed') return { about, verdict: 'skipped', says: `enumeration: ${tried.reason}` };
  const lists = tried.reply.status === 200;
  const says = lists ? 'every name of the view can be listed' : 'names can not be listed, only asked';
  if (expected.enumeration === undefined || expected.enumeration === lists)
    return { about, verdict: lists && expected.enumeration === undefined ? 'advice' : 'well', says };
  return { about, verdict: 'wrong', says, mend: `The view says enumeration: ${expected.enumeration}` };
}

/** The page for people: its address holds the token, which no other site may learn from it. */
export async function checkPages(ask: Ask, before: string): Promise<EdgeFinding[]> {
  const about = 'pages';
  const tried = await ask({ what: 'GET /', path: `${before}/`, headers: { accept: 'text/html' } });
  if (tried.kind === 'failed') return [{ about, verdict: 'skipped', says: tried.reason }];
  const { status, headers, text } = tried.reply;
  if (status !== 200) return [{ about, verdict: 'advice', says: `the status page is ${status}` }];
  const policy = headers['content-security-policy'] ?? '';
  const lacking = [
    ...(headers['referrer-policy'] === 'no-referrer' ? [] : ['referrer-policy: no-referrer']),
    ...(headers['x-content-type-options'] === 'nosniff' ? [] : ['x-content-type-options: nosniff']),
    ...(/default-src 'none'|default-src 'self'/.test(policy) ? [] : ['a content-security-policy']),
    ...(/frame-ancestors/.test(policy) || headers['x-frame-options'] !== undefined
      ? []
      : ['frame-ancestors']),
    ...(/\b(?:no-store|private)\b/.test(headers['cache-control'] ?? '') ? [] : ['cache-control: no-store']),
  ];
  const foreign = /(?:src|action)\s*=\s*["']?https?:|<link[^>]+href\s*=\s*["']?https?:/i.test(text);
  const problems = [
    ...(lacking.length > 0 ? [`the status page lacks ${lacking.join(', ')}`] : []),
    ...(foreign ? ['the status page loads from other sites'] : []),
  ];
  if (problems.length === 0)
    return [{ about, verdict: 'well', says: 'the status page tells its address to nobody' }];
  return [{ about, verdict: 'wrong', says: problems.join('; '), mend: 'Update the Worker' }];
}
