import type { WaitUntil } from '../snapshot/share.ts';
import { Refused } from './method.ts';

/**
 * Brakes by Cloudflare's Rate Limiting bindings. A binding's limit is fixed where it is bound and can't be read,
 * so those of teams say it in their name: `RATE_600` lets 600 requests a minute through. It is counted in each
 * Cloudflare location for itself, and about.
 *
 * A request never waits for its count: the count says whether those after it are held up, for `PAUSE_MS`.
 */
export type Rates = {
  /** May a team's request be answered? By the highest rate bound that is not above the view's. */
  readonly allowsTeam: (team: string, ratePerMinute: number | undefined, waitUntil: WaitUntil) => boolean;
  /** May a request be answered that is refused otherwise, or that comes where access is open? */
  readonly allowsStranger: (why: 'refused' | 'open', request: Request, waitUntil: WaitUntil) => boolean;
  /** What is limited at all; for `/health`. */
  readonly limited: { readonly teams: boolean; readonly refused: boolean; readonly open: boolean };
};

const PREFIX = 'RATE_';
const STRANGERS = { refused: 'RATE_REFUSED', open: 'RATE_OPEN' };
const PAUSE_MS = 10_000;
/** Keys held up at once in an isolate; beyond it begins anew, and counts tell again. */
const MOST_HELD_UP = 4_096;

/** Whoever asks too much gets this. */
export function tooMany(): Refused {
  return new Refused(429, 'Too many requests: wait a little, then go on more slowly.', {
    retryAfterSeconds: PAUSE_MS / 1000,
  });
}

/** `bindings` are the Worker's, of which those of rates are taken. `now` is in milliseconds. */
export function createRates(bindings: object, now: () => number): Rates {
  const limits = new Map<string, RateLimit>();
  for (const [name, binding] of Object.entries(bindings))
    if (name.startsWith(PREFIX) && isRateLimit(binding)) limits.set(name, binding);
  const highestFirst = [...limits.keys()].filter((name) => rateOf(name) > 0);
  highestFirst.sort((a, b) => rateOf(b) - rateOf(a));
  const heldUpUntil = new Map<string, number>();

  const allows = (name: string, key: string, waitUntil: WaitUntil): boolean => {
    const counted = `${name} ${key}`;
    if (now() < (heldUpUntil.get(counted) ?? 0)) return false;
    const holdUp = ({ success }: RateLimitOutcome): void => {
      if (success) return;
      if (heldUpUntil.size >= MOST_HELD_UP) heldUpUntil.clear();
      heldUpUntil.set(counted, now() + PAUSE_MS);
    };
    const binding = limits.get(name);
    // A brake, not a lock: where it is out of order, requests pass.
    if (binding) waitUntil(binding.limit({ key }).then(holdUp, () => undefined));
    return true;
  };
  return {
    allowsTeam: (team, ratePerMinute = Infinity, waitUntil) => {
      const name = highestFirst.find((name) => rateOf(name) <= ratePerMinute) ?? highestFirst.at(-1);
      return name === undefined || allows(name, team, waitUntil);
    },
    allowsStranger: (why, request, waitUntil) => allows(STRANGERS[why], addressKey(request), waitUntil),
    limited: {
      teams: highestFirst.length > 0,
      refused: limits.has(STRANGERS.refused),
      open: limits.has(STRANGERS.open),
    },
  };
}

function rateOf(name: string): number {
  return Number(name.slice(PREFIX.length));
}

/** An IPv4 address, or the /64 that one household of IPv6 has whole. Cloudflare sets the header; no client can. */
function addressKey(request: Request): string {
  const address = request.headers.get('cf-connecting-ip') ?? '';
  if (!address.includes(':')) return address;
  const [before = [], after = []] = address.split('::').map((half) => half.split(':'));
  const zeros = Array.from({ length: Math.max(0, 8 - before.length - after.length) }, () => '0');
  const groups = [...before, ...zeros, ...after].slice(0, 4);
  return groups.map((group) => Number.parseInt(group || '0', 16)).join(':');
}

function isRateLimit(binding: unknown): binding is RateLimit {
  return typeof binding === 'object' && binding !== null && 'limit' in binding;
}
