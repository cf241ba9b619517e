import { FormatError } from '../../zone/format-error.ts';
import { isAtOrBelow, nameToWire, parseName } from '../../zone/name.ts';

/** DoH URLs that are asked for the names at and below an origin. */
export type ForwardZone = { readonly originWire: Uint8Array; readonly urls: readonly string[] };

/** Who is asked for what, and what answers may say. */
export type Forwarding = {
  /** Longest origin first; the root's, if there is one, are `UPSTREAMS`. */
  readonly zones: readonly ForwardZone[];
  /** Names at and below these may have private addresses. */
  readonly insideNames: readonly Uint8Array[];
};

export type ForwardingBindings = {
  readonly UPSTREAMS_BY_ZONE?: string;
  readonly REBIND_PROTECTION?: string;
  readonly REBIND_ALLOW?: string;
};

const ROOT = Uint8Array.of(0);

/**
 * Reads the bindings; `upstreams` are those of all names. Undefined where nothing is forwarded. A zone that has
 * upstreams of its own is inside: to say private addresses is what such upstreams are for. Throws `FormatError`.
 */
export function parseForwarding(
  upstreams: readonly string[],
  { UPSTREAMS_BY_ZONE = '', REBIND_PROTECTION = '', REBIND_ALLOW = '' }: ForwardingBindings,
): Forwarding | undefined {
  const byZone = parts(UPSTREAMS_BY_ZONE, ',').map(parseZone);
  if (!['', 'on', 'off'].includes(REBIND_PROTECTION.trim()))
    throw new FormatError(
      'REBIND_PROTECTION',
      `is ${JSON.stringify(REBIND_PROTECTION)} instead of on or off`,
    );
  const zones = byZone.toSorted((a, b) => b.originWire.length - a.originWire.length);
  if (upstreams.length > 0) zones.push({ originWire: ROOT, urls: upstreams });
  if (zones.length === 0) return undefined;
  const allowed = parts(REBIND_ALLOW, ',').map((name) => nameToWire(parseName(name)));
  const insideNames =
    REBIND_PROTECTION.trim() === 'off' ? [ROOT] : [...allowed, ...byZone.map(({ originWire }) => originWire)];
  return { zones, insideNames };
}

/** The zone with the longest origin that `name` is at or below. */
export function forwardZoneOf({ zones }: Forwarding, name: Uint8Array): ForwardZone | undefined {
  return zones.find(({ originWire }) => isAtOrBelow(name, originWire));
}

/** Has an operator said who answers for these names, special or not? */
export function isMapped(zone: ForwardZone | undefined): boolean {
  return zone !== undefined && zone.originWire.length > ROOT.length;
}

/** A DoH URL, or RFC 8484's template of one. Throws `FormatError` naming the variable. */
export function parseUpstream(text: string, variable = 'UPSTREAMS'): string {
  const url = text.replace(/\{\?dns\}$/, '');
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) {
    throw new FormatError(variable, `has ${JSON.stringify(text)}, which is no http or https URL`);
  }
  return url;
}

/** `corp.example=https://one.example/dns-query|https://two.example/dns-query`; without URLs nobody is asked. */
function parseZone(text: string): ForwardZone {
  const equals = text.indexOf('=');
  const name = text.slice(0, Math.max(0, equals)).trim();
  if (name === '' || name === '.')
    throw new FormatError('UPSTREAMS_BY_ZONE', `has ${JSON.stringify(text)} instead of zone=URL|URL`);
  return {
    originWire: nameToWire(parseName(name)),
    urls: parts(text.slice(equals + 1), '|').map((url) => parseUpstream(url, 'UPSTREAMS_BY_ZONE')),
  };
}

function parts(text: string, separator: string): string[] {
  return text
    .split(separator)
    .map((part) => part.trim())
    .filter((part) => part !== '');
}
