import { readEntry, rrsetOf, type StoredRRset, writeEntry } from '../../zone/entry.ts';
import { parseName } from '../../zone/name.ts';
import { createWriter } from '../../zone/octets.ts';
import { TYPE } from '../../zone/record.ts';
import { zoneWire } from '../../zone/wire.ts';
import type { Held } from '../snapshot/held.ts';
import type { Found, SnapshotReader } from '../snapshot/reader.ts';
import { type Place, renamed } from './stand-ins.ts';

/**
 * Reads a zone under another name: what is asked at or below `alias` is looked up at or below `target`, and the zone
 * says of itself what it is, but for where it begins.
 */
export function createAliasReader(
  reader: SnapshotReader,
  {
    alias,
    target,
    dname = false,
  }: { readonly alias: Place; readonly target: Place; readonly dname?: boolean },
): SnapshotReader {
  /** What is shown for what is held, and back; a head's are gone with it. */
  const shownFor = new WeakMap<Held, Held>();
  const heldFor = new WeakMap<Held, Held>();
  const show = (held: Held): Held => {
    const known = shownFor.get(held);
    if (known) return known;
    const { zone } = held.zone;
    const shown: Held = {
      ...held,
      zone: zoneWire({ ...zone, origin: alias.origin }),
      shown: { ...held.shown, dname: dname ? dnameTo(target, zone.soa.ttl) : undefined },
    };
    shownFor.set(held, shown);
    heldFor.set(shown, held);
    return shown;
  };
  const showFound = (found: Found): Found => {
    if (found.kind === 'found') return { ...found, held: show(found.held) };
    return { ...found, held: found.held && show(found.held) };
  };
  return {
    find: (name, waitUntil) => {
      const found = reader.find(renamed(name, alias.originWire, target.originWire), waitUntil);
      return found instanceof Promise ? found.then(showFound) : showFound(found);
    },
    isCurrent: (shown, waitUntil) => {
      const held = heldFor.get(shown);
      return held !== undefined && reader.isCurrent(held, waitUntil);
    },
    current: async (waitUntil) => {
      const held = await reader.current(waitUntil);
      return held && show(held);
    },
    state: reader.state,
  };
}

function dnameTo({ originWire }: Place, ttl: number): StoredRRset | undefined {
  const into = createWriter(64);
  const rrsets = [{ owner: parseName(''), type: TYPE.DNAME, ttl, rdata: [originWire], sources: 0 }];
  writeEntry(into, Uint8Array.of(0), { rrsets, addressesOf: () => [] });
  return rrsetOf(readEntry(into.written()), TYPE.DNAME);
}
