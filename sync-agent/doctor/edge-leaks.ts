import type { Attempt, EdgeReply, Tried } from './edge-asking.ts';

/** What of a set-up no refusal may show. */
export type Secrets = {
  /** The zone asked for, such as `mesos`. */
  readonly zone: string;
  /** What was sent as a credential: none of it may come back. */
  readonly sent: readonly string[];
};

/** Does a reply turn its asker away? 429 does too, without a word on what is behind. */
export function isRefusal({ status }: EdgeReply): boolean {
  return status === 401 || status === 403 || status === 429;
}

/** A sign-in page of Cloudflare Access before the Worker: nothing behind it is reached. */
export function isSignIn({ status, headers }: EdgeReply): boolean {
  const { location = '' } = headers;
  return status >= 300 && status < 400 && /^https:\/\/[a-z0-9-]+\.cloudflareaccess\.com\//.test(location);
}

const PRIVATE_ADDRESS =
  /(?<![\d.])(?:10\.\d{1,3}|127\.\d{1,3}|192\.168|172\.(?:1[6-9]|2\d|3[01])|100\.(?:6[4-9]|[7-9]\d|1[01]\d|12[0-7]))\.\d{1,3}\.\d{1,3}(?![\d.])/;

/** A list without anything in it tells nothing. */
const TELLS_ZONES = /"(?:serial|ageSeconds|Answer)"\s*:|"zones"\s*:(?!\s*\[\s*\])/;

/** What a reply to a stranger tells that it should not, each in a few words; none of the words is the secret. */
function leaksOf({ path }: Attempt, reply: EdgeReply, { zone, sent }: Secrets): string[] {
  const leaks: string[] = [];
  const { headers } = reply;
  const type = headers['content-type'] ?? '';
  const all = `${Object.entries(headers)
    .filter(([name]) => name !== 'location')
    .map(([name, value]) => `${name}: ${value}`)
    .join('\n')}\n${reply.text}`;
  // What the asker said itself is no news.
  const told = all.replaceAll(decoded(path), '').replaceAll(path, '');
  if (sent.some((secret) => secret.length >= 8 && all.includes(secret))) leaks.push('echoes the credential');
  if (type.startsWith('application/dns-message')) leaks.push('gives a DNS message');
  if (headers['snapshot'] !== undefined) leaks.push('tells the serial of the snapshot');
  if (nameWithin(zone).test(told)) leaks.push(`tells names of ${zone}`);
  if (PRIVATE_ADDRESS.test(told)) leaks.push('tells private addresses');
  if (TELLS_ZONES.test(reply.text)) leaks.push('tells how the zones are');
  if (/\n\s+at \S+ ?\(|\.(?:ts|js):\d+:\d+/.test(reply.text)) leaks.push('shows a stack trace');
  if (/\b(?:VERIFY_KEYS|UPSTREAMS|SNAPSHOTS)\b/.test(told)) leaks.push('names settings');
  return leaks;
}

/** The zone as a whole label at the end of a name, `leader.mesos` or `"mesos"`; not `mesos-doh`. */
function nameWithin(zone: string): RegExp {
  const literal = zone.replaceAll(/[^a-z0-9-]/gi, String.raw`\$&`);
  return new RegExp(String.raw`(?:[a-z0-9_]\.|["'\s])${literal}(?![a-z0-9-])`, 'i');
}

function decoded(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

/** Requests that should all have been refused without a word, and which were not, and how. */
export function notRefused(tried: readonly Tried[], secrets: Secrets): string[] {
  return tried.flatMap((one) => {
    if (one.kind === 'failed') return [];
    const { attempt, reply } = one;
    if (isSignIn(reply)) return [];
    if (isRefusal(reply) || isNothingThere(reply) || mayBe(attempt, reply)) {
      const leaks = leaksOf(attempt, reply, secrets);
      return leaks.length === 0 ? [] : [`${attempt.what} is ${reply.status} and ${leaks.join(', ')}`];
    }
    return [`${attempt.what} is ${reply.status}`];
  });
}

/** Health without a credential: that the Worker is there, and whether all is well (503 if not). */
function mayBe({ mayAnswer }: Attempt, { status }: EdgeReply): boolean {
  return mayAnswer === true && (status === 200 || status === 503);
}

/** There may be nothing at a path, or for a method, for anybody: that is told to strangers too. */
function isNothingThere({ status }: EdgeReply): boolean {
  return [400, 404, 405, 406, 414, 415, 431, 501].includes(status);
}
