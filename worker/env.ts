import { FormatError } from '../zone/format-error.ts';
import { nameToWire, type OwnerName, parseName } from '../zone/name.ts';
import { importVerifyKeys, type VerifyKeys } from '../zone/root.ts';
import type { CloudflareAccessBindings } from './access/cloudflare-access.ts';
import type { QueryLogBindings } from './access/query-log.ts';
import {
  type Forwarding,
  type ForwardingBindings,
  parseForwarding,
  parseUpstream,
} from './upstream/forwarding.ts';
import { parseStandIns, type StandInBindings, type StandIns } from './zones/stand-ins.ts';

/** What `wrangler.toml` binds. `docs/configuration.md` has a line on each. */
export type Bindings = ForwardingBindings &
  CloudflareAccessBindings &
  QueryLogBindings &
  StandInBindings & {
    readonly SNAPSHOTS: KVNamespace;
    readonly ZONES?: string;
    readonly ACCESS?: string;
    readonly UPSTREAMS?: string;
    readonly VERIFY_KEYS?: string;
    readonly ENUMERATION?: string;
    readonly HEAD_REFRESH_SECONDS?: string;
    readonly HEAD_MAX_AGE_SECONDS?: string;
  };

export type ServedZone = { readonly origin: OwnerName; readonly originWire: Uint8Array };

/** The bindings read once an isolate. */
export type Settings = {
  /** Longest origin first, so that the first match is the nearest enclosing zone. */
  readonly zones: readonly ServedZone[];
  /** What is answered from these zones under other names. */
  readonly standIns: StandIns;
  readonly access: Access;
  readonly upstreams: readonly string[];
  /** Undefined: names outside our zones are refused. */
  readonly forwarding: Forwarding | undefined;
  readonly verifyKeys: VerifyKeys | 'none';
  /** May those who may ask list every name (`/v1/axfr`, `/v1/enumerate`)? */
  readonly enumeration: boolean;
  readonly headRefreshMs: number;
  readonly headMaxAgeMs: number;
};

/** Ways of access, as the access document maps each to a team. */
const METHODS = ['tokens', 'cloudflare-access', 'client-certificates'] as const;
export type MethodName = (typeof METHODS)[number];

/** `open`: anybody may ask. `credentials`: teams, told by these methods in their order. `closed`: nobody, and why. */
export type Access =
  | { readonly kind: 'open' }
  | { readonly kind: 'credentials'; readonly methods: readonly MethodName[] }
  | { readonly kind: 'closed'; readonly reason: string };

const DEFAULT_UPSTREAMS = 'https://cloudflare-dns.com/dns-query,https://dns.google/dns-query';
const KEYS_MISSING = 'VERIFY_KEYS is not set: put the public key there that the sync agent printed';

/** Throws `FormatError` naming the variable that can't be used. */
export async function parseEnv(env: Bindings): Promise<Settings> {
  const zones = list(env.ZONES ?? 'mesos').map((text) => {
    const origin = parseName(text);
    return { origin, originWire: nameToWire(origin) };
  });
  if (zones.length === 0) throw new FormatError('ZONES', 'names no zone');
  const keys = list(env.VERIFY_KEYS ?? '');
  if (keys.length === 0) throw new FormatError('VERIFY_KEYS', KEYS_MISSING);
  const upstreams = list(env.UPSTREAMS ?? DEFAULT_UPSTREAMS).map((url) => parseUpstream(url));
  return {
    zones: zones.toSorted((a, b) => b.originWire.length - a.originWire.length),
    standIns: parseStandIns(zones, env),
    access: parseAccess(env.ACCESS),
    upstreams,
    forwarding: parseForwarding(upstreams, env),
    // Beside a key `none` is a mistake, and fails as a key that is none.
    verifyKeys: keys.join() === 'none' ? 'none' : await importVerifyKeys(keys),
    enumeration: env.ENUMERATION?.trim() === 'on',
    headRefreshMs: seconds('HEAD_REFRESH_SECONDS', env.HEAD_REFRESH_SECONDS, 30) * 1000,
    headMaxAgeMs: seconds('HEAD_MAX_AGE_SECONDS', env.HEAD_MAX_AGE_SECONDS, 90) * 1000,
  };
}

/** Shut unless what opens it is spelled out: a cluster's names are not for strangers. */
function parseAccess(text = ''): Access {
  if (text.trim() === 'open') return { kind: 'open' };
  if (text.trim() === '') return { kind: 'closed', reason: 'ACCESS is not set' };
  const methods = list(text).flatMap((name) => METHODS.find((known) => known === name) ?? []);
  // One word that is not known may be one that was meant to keep somebody out.
  if (methods.length > 0 && methods.length === list(text).length) return { kind: 'credentials', methods };
  const known = `open alone, or ${METHODS.join(', ')}`;
  return {
    kind: 'closed',
    reason: `ACCESS names a way of access that this version does not know (${known})`,
  };
}

function seconds(name: string, text: string | undefined, fallback: number): number {
  if (text === undefined || text === '') return fallback;
  const value = Number(text);
  if (!(value > 0)) throw new FormatError(name, `is ${JSON.stringify(text)} instead of a number of seconds`);
  return value;
}

function list(text: string): string[] {
  return text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
}
