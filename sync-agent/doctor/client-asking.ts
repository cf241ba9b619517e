import { parseName } from '../../zone/name.ts';
import { TYPE } from '../../zone/record.ts';
import { askDoh } from '../client/doh.ts';
import type { Answered, Question } from '../client/reply.ts';
import { judgeClock } from './client-connection.ts';
import { judgeForwarding, judgeMethods, judgeToken, judgeZone } from './client-doh.ts';
import type { ClientOptions, Report } from './client-options.ts';

/** Answered by the world's resolvers, and by nobody's zone here (RFC 2606). */
const OUTSIDE = parseName('example.com');

/** Asks as most clients do, by POST with the token in the path. */
export function askName(
  {
    http,
    url,
    address,
    timeoutMs,
    randomId,
  }: Pick<ClientOptions, 'http' | 'url' | 'address' | 'timeoutMs' | 'randomId'>,
  question: Omit<Question, 'id'>,
  signal: AbortSignal,
  method: 'GET' | 'POST' = 'POST',
): Promise<Answered> {
  const asking = { url, method, isTokenInPath: true, address, timeoutMs };
  return askDoh(http, { ...question, id: randomId() }, asking, signal);
}

/** Methods, token and zone: is the zone served, and the world's names with it? */
export async function checkResolver(
  options: ClientOptions,
  report: Report,
  signal: AbortSignal,
): Promise<{ readonly isServed: boolean; readonly forwards?: boolean }> {
  const { url, zone, now } = options;
  const soa = { name: zone, type: TYPE.SOA };
  const post = await askName(options, soa, signal);
  const get = await askName(options, soa, signal, 'GET');
  await report(judgeMethods(post, get));
  const answered = post.kind === 'message' ? post : get;
  if (answered.kind !== 'message') return { isServed: false };
  if (answered.dateMs !== undefined) await report(judgeClock(answered.dateMs, now()));
  const hasToken = url.token !== undefined;
  const stranger = { ...options, url: { ...url, token: undefined } };
  const alsoWithout = hasToken && (await askName(stranger, soa, signal)).kind === 'message';
  const findings = judgeZone(answered, zone);
  await report(judgeToken({ hasToken, alsoWithout }), ...findings);
  const outside = await askName(options, { name: OUTSIDE, type: TYPE.A }, signal);
  const { finding, forwards } = judgeForwarding(outside);
  await report(finding);
  const isServed = findings.every(({ about, verdict }) => about !== 'zone' || verdict !== 'wrong');
  return { isServed, ...(forwards !== undefined && { forwards }) };
}
