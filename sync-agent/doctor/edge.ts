import { randomBytes } from 'node:crypto';
import { isToken } from '../../zone/access-document.ts';
import { makeToken } from '../access/new-token.ts';
import { ConfigError } from '../config.ts';
import type { Http } from '../http.ts';
import { type Sleep, sleepFor } from '../retry.ts';
import { createAsk, type EdgeReply, type Tried } from './edge-asking.ts';
import { dohPath, oddPaths, PRESENT } from './edge-doors.ts';
import type { EdgeFinding } from './edge-finding.ts';
import { isSignIn, type Secrets } from './edge-leaks.ts';
import { checkDoors, checkForwarder, checkStrangers } from './edge-strangers.ts';
import { answerOf, checkPages, checkWithToken } from './edge-token.ts';
import { checkLocalApi, checkPlainHttp, checkRefusal } from './edge-transport.ts';

export type EdgeOptions = {
  /** The Worker's DoH URL, or any of its URLs; a token in its path (`/t/TOKEN/…`) counts as `token`. */
  readonly url: string;
  readonly token?: string;
  /** A zone the Worker serves. */
  readonly zone: string;
  /** What the token's view says, where that is known: else what is found is only told. */
  readonly expected?: { readonly forwarding?: boolean; readonly enumeration?: boolean };
  readonly staleAfterSeconds?: number;
  readonly http: Pick<Http, 'request'>;
  readonly timeoutMs?: number;
  readonly sleep?: Sleep;
  readonly now?: () => number;
  readonly randomOctets?: (length: number) => Uint8Array;
  /** Each finding as soon as it is known. */
  readonly onFinding?: (finding: EdgeFinding) => void | Promise<void>;
};

const TIMEOUT_MS = 5_000;
const STALE_AFTER_SECONDS = 900;

/**
 * Tries every door of a deployed Worker from outside, as a stranger and, with a token, as its team: some 70
 * requests, or 100, one after the other; nothing is changed. No finding holds the token. Throws `ConfigError` for a URL or token that
 * can't be one, and the signal's reason.
 */
export async function checkEdge(options: EdgeOptions, signal: AbortSignal): Promise<readonly EdgeFinding[]> {
  const { zone, http, expected = {}, now = Date.now, sleep = sleepFor, timeoutMs = TIMEOUT_MS } = options;
  const { origin, token, isLocal } = targetOf(options);
  const random = options.randomOctets ?? ((length: number): Uint8Array => randomBytes(length));
  const wrong = await makeToken(random, new Set());
  const ask = createAsk({ origin, http, timeoutMs, sleep, now }, signal);
  const secrets: Secrets = { zone, sent: [wrong.token, ...(token === undefined ? [] : [token])] };
  const findings: EdgeFinding[] = [];
  const report = async (...found: readonly EdgeFinding[]): Promise<void> => {
    for (const finding of found) {
      findings.push(finding);
      await options.onFinding?.(finding);
    }
  };

  const first = await ask({ what: 'GET /dns-query', path: dohPath(`${PRESENT}.${zone}`) });
  await report(...checkAddress({ origin, isLocal }, first));
  if (first.kind === 'failed' || isNoWorker(first.reply)) return findings;
  const isOpen = answerOf(first.reply) !== undefined;
  if (isOpen) await report(OPEN);
  // The team first: after so many refusals those that follow may be held up for a while.
  if (token !== undefined) {
    const { staleAfterSeconds = STALE_AFTER_SECONDS } = options;
    const facts = { zone, token, wrong: wrong.token, isOpen, expected, staleAfterSeconds };
    await report(...(await checkWithToken(ask, facts)));
    if (!isOpen) {
      const odd = oddPaths(zone, token);
      await report(await checkDoors('odd paths', 'spellings of the token', odd, { ask, secrets }));
    }
  } else await report(SKIPPED, ...(isOpen ? await checkPages(ask, '') : []));
  await report(...checkRefusal(first.reply, { isOpen }), await checkForwarder(ask));
  await report(await checkLocalApi(ask, { isLocal }));
  if (origin.startsWith('https:') && !isLocal)
    await report(await checkPlainHttp({ origin, http, timeoutMs, sleep, now }, signal));
  if (!isOpen)
    await report(...(await checkStrangers({ ask, zone, wrong: wrong.token, secrets, nowMs: now() })));
  return findings;
}

const OPEN: EdgeFinding = {
  about: 'strangers',
  verdict: 'wrong',
  says: 'anybody may ask: DoH answers without a credential',
  mend: 'Set ACCESS to tokens, deploy, and give each team a token (docs/access.md)',
};
const SKIPPED: EdgeFinding = {
  about: 'token',
  verdict: 'skipped',
  says: 'no token was given, so nothing that a team may do was tried',
  mend: 'Give one in the URL, /t/TOKEN/, or in the environment: MESOS_DOH_TOKEN',
};

function targetOf({ url, token }: EdgeOptions): {
  readonly origin: string;
  readonly token: string | undefined;
  readonly isLocal: boolean;
} {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (!parsed || !/^https?:$/.test(parsed.protocol))
    throw new ConfigError('--edge: should be a URL such as https://doh.example.com/dns-query');
  const inPath = /^\/t\/([^/]+)/.exec(parsed.pathname)?.[1];
  const given = token ?? inPath;
  if (token !== undefined && inPath !== undefined && token !== inPath)
    throw new ConfigError('--edge: the token in the URL and that of --token are not the same');
  if (given !== undefined && !isToken(given))
    throw new ConfigError('--token: should be mdt_ and 32 letters, as mesos-doh token create printed it');
  const isLocal = /^(?:localhost|127\.[\d.]+|\[::1\])$/.test(parsed.hostname);
  return { origin: parsed.origin, token: given, isLocal };
}

function isNoWorker({ status }: EdgeReply): boolean {
  return status === 404 || status >= 500;
}

function checkAddress(
  { origin, isLocal }: { readonly origin: string; readonly isLocal: boolean },
  first: Tried,
): EdgeFinding[] {
  const about = 'edge';
  if (first.kind === 'failed')
    return [
      { about, verdict: 'wrong', says: first.reason, mend: 'Check the URL, and the route or custom domain' },
    ];
  if (isSignIn(first.reply)) {
    const says = `${origin} is behind a sign-in page of Cloudflare Access: what is behind it was not reached`;
    return [{ about, verdict: 'advice', says, mend: 'DoH clients cannot sign in; see docs/access.md' }];
  }
  if (isNoWorker(first.reply)) {
    const says = `${origin}/dns-query is ${first.reply.status}`;
    return [{ about, verdict: 'wrong', says, mend: 'Is the Worker deployed there? Its log says more' }];
  }
  if (origin.startsWith('http://') && !isLocal) {
    const says = `${origin} answers over plain HTTP: tokens and names can be read on the way`;
    return [{ about, verdict: 'wrong', says, mend: 'Use https alone (Always Use HTTPS in the dashboard)' }];
  }
  return [{ about, verdict: 'well', says: `${origin} answers` }];
}
