import { cnameTarget, problemOfChain } from '../../zone/chain.ts';
import { type Entry, rrsetOf, storedRdata, targetAddresses } from '../../zone/entry.ts';
import { formatAddress } from '../../zone/address.ts';
import { FormatError } from '../../zone/format-error.ts';
import { isAtOrBelow, type OwnerName, nameToWire, parseName } from '../../zone/name.ts';
import { octetsKey } from '../../zone/octets.ts';
import { decodeAddress, decodeSrv, TYPE } from '../../zone/record.ts';
import { findVisible } from '../access/find-visible.ts';
import type { ResolveOptions } from '../resolve.ts';
import { hasExpired } from '../snapshot/held.ts';
import type { WaitUntil } from '../snapshot/share.ts';

/** A name's entry, undefined where it does not exist, or why that can't be told now. */
export type LookUp = { readonly entry: Entry | undefined } | { readonly unavailable: string };

/** Items as mesos-dns's HTTP interface gives them. */
export type Host = { readonly host: string; readonly ip: string };
export type Service = Host & { readonly service: string; readonly port: string };

/**
 * Looks a name up in our zones alone, and what its CNAMEs lead to; a text that is no name, or a name elsewhere, does
 * not exist. Throws `FormatError` for an entry that is none.
 */
export async function lookUpName(
  text: string,
  options: ResolveOptions,
  waitUntil: WaitUntil,
): Promise<LookUp> {
  const name = nameIn(text);
  if (name === undefined) return { entry: undefined };
  const asked = new Set<string>();
  for (let wire = nameToWire(name); ;) {
    const found = await lookUpOne(wire, options, waitUntil);
    const cname = 'entry' in found && found.entry && rrsetOf(found.entry, TYPE.CNAME);
    if (!cname) return found;
    asked.add(octetsKey(wire));
    wire = cnameTarget(cname);
    const problem = problemOfChain(asked, wire);
    if (problem !== undefined) return { unavailable: problem };
  }
}

async function lookUpOne(wire: Uint8Array, options: ResolveOptions, waitUntil: WaitUntil): Promise<LookUp> {
  const zone = options.zones.find(({ originWire }) => isAtOrBelow(wire, originWire));
  if (!zone) return { entry: undefined };
  const found = await findVisible(zone, wire, { isHidden: options.isHidden, waitUntil });
  if (found.kind === 'unavailable') return { unavailable: found.reason };
  if (hasExpired(found.held, options.now())) return { unavailable: 'the snapshot has expired' };
  return { entry: found.entry?.kind === 'name' ? found.entry : undefined };
}

/** The addresses of a name, A before AAAA. Throws `FormatError` for an entry that is none. */
export function hostsIn(entry: Entry | undefined, text: string): Host[] {
  if (!entry) return [];
  const host = `${nameIn(text) ?? ''}.`;
  return ([TYPE.A, TYPE.AAAA] as const).flatMap((type) => {
    const rrset = rrsetOf(entry, type);
    return rrset ? storedRdata(rrset).map((rdata) => ({ host, ip: decodeAddress(type, rdata) })) : [];
  });
}

/**
 * The services of a name: for each SRV value one of its target's A and one of its AAAA addresses, by `random`
 * (numbers in [0, 1)). A target without addresses gives none. Throws `FormatError` for an entry that is none.
 */
export function servicesIn(entry: Entry | undefined, text: string, random: () => number): Service[] {
  const rrset = entry && rrsetOf(entry, TYPE.SRV);
  if (!rrset) return [];
  const values = storedRdata(rrset).map((rdata) => decodeSrv(rdata));
  // Values of one target share what is stored with the first of them.
  const addresses = new Map<OwnerName, string[][]>();
  for (const { valueIndex, type, at, count } of targetAddresses(rrset)) {
    const target = values[valueIndex]?.target;
    if (target === undefined) continue;
    const octets = type === TYPE.A ? 4 : 16;
    const list = Array.from({ length: count }, (_, i) =>
      formatAddress(rrset.entry.octets.subarray(at + i * octets, at + (i + 1) * octets)),
    );
    addresses.set(target, [...(addresses.get(target) ?? []), list]);
  }
  return values.flatMap(({ target, port }) =>
    (addresses.get(target) ?? []).map((list) => ({
      service: text,
      host: `${target}.`,
      ip: list[Math.floor(random() * list.length)] ?? '',
      port: String(port),
    })),
  );
}

function nameIn(text: string): OwnerName | undefined {
  try {
    return parseName(text);
  } catch (error) {
    if (error instanceof FormatError) return undefined;
    throw error;
  }
}
