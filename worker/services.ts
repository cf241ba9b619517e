import { type Entry, entryName, rrsetOf, storedRdata } from '../zone/entry.ts';
import { FormatError } from '../zone/format-error.ts';
import { nameFromWire } from '../zone/name.ts';
import { octetsKey, u16At } from '../zone/octets.ts';
import { SRV_TARGET_OFFSET, TYPE } from '../zone/record.ts';
import type { IsHidden } from '../zone/visible.ts';
import type { ViewedZone } from './access/find-visible.ts';
import type { View } from './access/views.ts';
import type { Listing, Listings } from './listings.ts';
import { type Framework, groupServices, listServices, type SeenName } from './service-groups.ts';
import { hasExpired, type Held } from './snapshot/held.ts';
import type { WaitUntil } from './snapshot/share.ts';
import { type AllEntries, allEntriesOf, type LoadShard, visibleEntriesOf } from './v1/entries.ts';
import { frameworkIn, isOnAgent } from './v1/places.ts';

/** What runs, as the page lists it: by zone, framework and service. */
export type ServicesOfView =
  | { readonly kind: 'listed'; readonly zones: readonly ServicesOfZone[] }
  /** The view may not list names; `switch` says in words what would allow it. */
  | { readonly kind: 'not-allowed'; readonly switch: string };

export type ServicesOfZone = {
  readonly origin: string;
  /** By name; none without services. */
  readonly frameworks: readonly Framework[];
  /** Only a part of the zone was looked at, for want of time: the rest can be looked up, and not be filtered for. */
  readonly isPart: boolean;
  /** Is there more than this, because of that or because the list would be too long? */
  readonly more: boolean;
  /** In words why nothing is listed, or the list ends early. */
  readonly problem?: string;
};

type ServicesOptions = {
  /** Part of the name of a service or framework. */
  readonly filter?: string | undefined;
  readonly loadShard: LoadShard;
  readonly listings: Listings;
  readonly waitUntil: WaitUntil;
};

type GatherOptions = Pick<ServicesOptions, 'loadShard'> & {
  readonly isHidden: IsHidden | undefined;
  /** So many share what one page may take. */
  readonly zones: number;
};

export type { Framework, Service, ServicePort } from './service-groups.ts';

/** What one page may take of a Worker's time and memory; the zones of a view share it. */
const MOST_SHARDS = 16;
const MOST_LOOKED_AT = 20_000;
const MOST_SERVICES = 300;
/** Of one zone, however many there are. */
const LEAST_SERVICES = 10;

/**
 * The services that a view may see, if it may list names; zones that stand for others have those of the others. Of a
 * large zone it is a part, and always the same: the newest changes and the first shards. Never throws for a zone that
 * can't be read.
 */
export async function servicesOf(view: View, options: ServicesOptions): Promise<ServicesOfView> {
  if (!view.enumeration) return { kind: 'not-allowed', switch: view.enumerationSwitch };
  const zones: ServicesOfZone[] = [];
  const stored = view.options.zones.filter(({ standsFor }) => !standsFor);
  for (const zone of stored)
    zones.push({
      origin: zone.origin,
      ...(await servicesIn(zone, view, { ...options, zones: stored.length })),
    });
  return { kind: 'listed', zones };
}

async function servicesIn(
  zone: ViewedZone,
  { options: { isHidden, now } }: View,
  { filter = '', loadShard, listings, waitUntil, zones }: ServicesOptions & { readonly zones: number },
): Promise<Omit<ServicesOfZone, 'origin'>> {
  const nothing = { frameworks: [], isPart: false, more: false };
  const held = await zone.reader.current(waitUntil);
  if (!held) return { ...nothing, problem: 'no snapshot can be read yet' };
  if (hasExpired(held, now())) return { ...nothing, problem: 'the snapshot has expired' };
  const gather = (): Promise<Listing> => gatherFrom(zone, held, { isHidden, loadShard, zones });
  const { frameworks: groups, isPart, problem } = await listings.of(zone, held, { gather, waitUntil });
  const frameworks = listServices(groups, {
    origin: zone.origin,
    filter: filter.trim().toLowerCase(),
    most: Math.max(LEAST_SERVICES, Math.floor(MOST_SERVICES / zones)),
  });
  const more = isPart || frameworks.some(({ services, seen }) => services.length < seen);
  return { frameworks, isPart, more, ...(problem !== undefined && { problem }) };
}

async function gatherFrom(
  zone: ViewedZone,
  held: Held,
  { isHidden, loadShard, zones }: GatherOptions,
): Promise<Listing> {
  const { origin, originWire } = zone;
  const mostShards = Math.max(1, Math.floor(MOST_SHARDS / zones));
  const all = allEntriesOf(held, saying(loadShard), { mostShards });
  const most = Math.floor(MOST_LOOKED_AT / zones);
  const { mname } = held.zone.zone.soa;
  const seen = await look(visibleEntriesOf(all, zone, isHidden), { most, originWire });
  // A view by names is not to learn how large the rest of the zone is: to it every list may be a part.
  const isPart =
    zone.subtrees !== undefined || seen.isPart || (held.body.levels.shards?.hashes.length ?? 0) > mostShards;
  const frameworks = groupServices(
    seen.names.filter(({ owner }) => owner !== mname),
    {
      origin,
      frameworks: new Set(seen.names.flatMap(({ owner }) => frameworkIn(owner, origin) ?? [])),
      isPart,
    },
  );
  const services = frameworks.reduce((sum, each) => sum + each.services.length, 0);
  return { frameworks, services, isPart, problem: seen.problem };
}

/** Looks at so many entries and values, or as far as it can. */
async function look(
  all: AllEntries,
  { most, originWire }: { readonly most: number; readonly originWire: Uint8Array },
): Promise<{ readonly names: SeenName[]; readonly isPart: boolean; readonly problem?: string }> {
  const names: SeenName[] = [];
  let left = most;
  try {
    for await (const entry of all()) {
      if (left <= 0) return { names, isPart: true };
      const name = isOnAgent(entryName(entry), originWire) ? undefined : seenIn(entry);
      if (name) names.push(name);
      left -= 1 + (name?.kind === 'services' ? name.values : 0);
    }
    return { names, isPart: false };
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    return { names, isPart: true, problem: error.message };
  }
}

/** What an entry says of services; undefined for one of neither addresses nor services. */
function seenIn(entry: Entry): SeenName | undefined {
  const srv = rrsetOf(entry, TYPE.SRV);
  const owner = nameFromWire(entryName(entry));
  if (srv) {
    const values = storedRdata(srv);
    const targets = new Set(values.map((rdata) => octetsKey(rdata.subarray(SRV_TARGET_OFFSET)))).size;
    const ports = [...new Set(values.map((rdata) => u16At(rdata, SRV_PORT_OFFSET)))];
    return {
      kind: 'services',
      owner,
      values: values.length,
      targets,
      ports: ports.toSorted((a, b) => a - b),
    };
  }
  const count = Math.max(rrsetOf(entry, TYPE.A)?.count ?? 0, rrsetOf(entry, TYPE.AAAA)?.count ?? 0);
  return count > 0 ? { kind: 'addresses', owner, count } : undefined;
}

/** Behind priority and weight (RFC 2782). */
const SRV_PORT_OFFSET = 4;

/** A store that fails is told as what can't be read is. */
function saying(loadShard: LoadShard): LoadShard {
  return async (held, index) => {
    try {
      return await loadShard(held, index);
    } catch (error) {
      if (error instanceof FormatError) throw error;
      throw new FormatError('the snapshot store', 'can not be read');
    }
  };
}
