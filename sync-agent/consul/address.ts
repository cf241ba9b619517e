import { parseAddress } from '../../zone/address.ts';
import type { ConsulInstance, ConsulPlace } from '../cluster.ts';

/** For which question an address is looked for; SRV takes any. */
export type AskedFor = 'A' | 'AAAA' | 'SRV';

/**
 * The address that is told of a node (Consul `agent/translate_addr.go`): one tagged for the family that is asked
 * for, else its own; outside, those tagged `wan` come first. May be a host name, or empty.
 */
export function nodeAddress({ address, tagged }: ConsulPlace, asked: AskedFor, wan: boolean): string {
  return choose(address, (key) => tagged[key], { asked, wan });
}

/** The same of an instance; empty: its node's. */
export function instanceAddress(
  { address, tagged }: Pick<ConsulInstance, 'address' | 'tagged'>,
  asked: AskedFor,
  wan: boolean,
): string {
  return choose(address, (key) => tagged[key]?.address, { asked, wan });
}

/** Its port, which outside may be another. */
export function instancePort(
  { port, tagged }: Pick<ConsulInstance, 'port' | 'tagged'>,
  wan: boolean,
): number {
  return (wan && tagged['wan']?.port) || port;
}

function choose(
  own: string,
  tag: (key: string) => string | undefined,
  { asked, wan }: { asked: AskedFor; wan: boolean },
): string {
  const tagged = (key: string): string | undefined =>
    (wan ? tag(`wan${key}`) : undefined) ?? tag(`lan${key}`);
  const v6 = asked === 'A' ? undefined : tagged('_ipv6');
  const v4 = asked === 'AAAA' ? undefined : tagged('_ipv4');
  return v6 || v4 || ((wan ? tag('wan') : undefined) ?? own);
}

export type Family = 'A' | 'AAAA';

/** Undefined for what is no address: a host name. */
export function familyOf(address: string): Family | undefined {
  const octets = parseAddress(address);
  return octets && (octets.length === 4 ? 'A' : 'AAAA');
}

/** The label that stands for an address in Consul's `addr` names: its octets in hex. */
export function addressLabel(address: string): string {
  return Array.from(parseAddress(address) ?? [], (octet) => octet.toString(16).padStart(2, '0')).join('');
}
