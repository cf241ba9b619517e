import { canonicalAddress } from '../zone/address.ts';
import { FormatError } from '../zone/format-error.ts';
import type { Target } from './kit.ts';

/** A target, checked: what its parts may hold can't end a quoted text in any client's file. */
export type Resolver = {
  /** The DoH URL, ASCII, percent-encoded where it was odd. */
  readonly url: string;
  /** The same as RFC 8484 §4.1.1's template: clients that read it ask by GET. */
  readonly template: string;
  /** Host name, or address without brackets. */
  readonly host: string;
  readonly port: number;
  /** From the first slash. */
  readonly path: string;
  /** Lower case, without the final dot; never the root. */
  readonly zones: readonly string[];
  readonly addresses: readonly string[];
  readonly caFile: string | undefined;
  /** The authority's certificates, each the base64 of its DER. */
  readonly certificates: readonly string[];
};

const TEMPLATE_END = '{?dns}';
const LABEL = '[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?';
const ZONE = new RegExp(`^${LABEL}(?:\\.${LABEL})*$`);
const ZONE_MAX_LENGTH = 253;
const CERTIFICATE = /-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]+)-----END CERTIFICATE-----/g;
// eslint-disable-next-line no-control-regex -- exactly those: a line end would start a line of its own in a file
const CONTROL = /[\u0000-\u001f\u007f\u0085\u2028\u2029]/;

/** Throws `FormatError` for what no client takes. Its messages have no URL in them: a token is in its path. */
export function readTarget(target: Target): Resolver {
  const url = readUrl(target.dohUrl);
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  if (target.caFile !== undefined && CONTROL.test(target.caFile))
    throw new FormatError('CA file', 'has a control character in its path');
  return {
    url: url.href,
    template: url.href + TEMPLATE_END,
    host,
    port: Number(url.port || 443),
    path: url.pathname,
    zones: [...new Set(target.zones.map(readZone))],
    addresses: (target.addresses ?? []).map(readAddress),
    caFile: target.caFile,
    certificates: [...(target.caPem ?? '').matchAll(CERTIFICATE)].map(([, body = '']) =>
      body.replaceAll(/\s/g, ''),
    ),
  };
}

/** For clients that would send everything to us if no zone were named. */
export function needZones({ zones }: Resolver, client: string): readonly string[] {
  if (zones.length === 0) throw new FormatError('zones', `${client} needs one at least: --zone mesos`);
  return zones;
}

/** Where a client finds the host without asking for it: the given addresses, else the host if it is one. */
export function knownAddresses({ addresses, host }: Resolver): readonly string[] {
  const itself = canonicalAddress(host);
  return addresses.length > 0 || itself === undefined ? addresses : [itself];
}

/** A name that every Mesos cluster has, to try a client with. */
export function nameToTry({ zones }: Resolver): string {
  return `leader.${zones[0] ?? 'mesos'}`;
}

function readUrl(text: string): URL {
  const bare = text.endsWith(TEMPLATE_END) ? text.slice(0, -TEMPLATE_END.length) : text;
  const url = URL.canParse(bare) ? new URL(bare) : undefined;
  if (url === undefined) throw new FormatError('DoH URL', 'is not a URL');
  if (url.protocol !== 'https:')
    throw new FormatError(
      'DoH URL',
      'should begin with https://: clients take no other; http:// on this machine is for mesos-doh stub and mesos-doh lookup alone',
    );
  if (url.username || url.password)
    throw new FormatError(
      'DoH URL',
      'has a user name or password, which few clients send: put a token in its path',
    );
  if (bare.includes('?') || bare.includes('#')) throw new FormatError('DoH URL', 'should end with its path');
  return url;
}

function readZone(text: string): string {
  const zone = text.toLowerCase().replace(/\.$/, '');
  if (zone.length > ZONE_MAX_LENGTH || !ZONE.test(zone))
    throw new FormatError('zone', `${JSON.stringify(text)} is not a domain name of letters, digits, - and _`);
  return zone;
}

function readAddress(text: string): string {
  const address = canonicalAddress(text);
  if (address === undefined) throw new FormatError('address', `${JSON.stringify(text)} is not an IP address`);
  return address;
}
