import type { HeadBody } from '../zone/head.ts';
import type { ViewedZone } from './access/find-visible.ts';
import type { GatheredFramework } from './service-groups.ts';
import type { Held } from './snapshot/held.ts';
import { createShare, type ShareOptions, type WaitUntil } from './snapshot/share.ts';

/** What was read of a zone's services, for a page to choose from. */
export type Listing = {
  readonly frameworks: readonly GatheredFramework[];
  /** How many services there are in all. */
  readonly services: number;
  /** Only a part of the zone was looked at. */
  readonly isPart: boolean;
  /** In words why it ends early. Such a listing is not kept. */
  readonly problem?: string | undefined;
};

/** Listings of late, each as long as its zone's content is the one held: one that is asked for again takes no reading. */
export type Listings = {
  /** `zone` is a view's own: no two views share a listing. One gathers for all who ask meanwhile. */
  readonly of: (
    zone: ViewedZone,
    held: Held,
    how: { readonly gather: () => Promise<Listing>; readonly waitUntil: WaitUntil },
  ) => Promise<Listing>;
};

/** Of all views and zones together; a service takes about 500 octets. */
const MOST_LISTINGS = 8;
const MOST_SERVICES = 20_000;

export function createListings(options: ShareOptions): Listings {
  const gathering = createShare<Listing>(options);
  /** The latest used last. */
  const kept = new Map<string, Listing>();
  const zones = new WeakMap<ViewedZone, number>();
  const bodies = new WeakMap<HeadBody, number>();
  let last = 0;
  const numberOf = <Of extends object>(numbers: WeakMap<Of, number>, of: Of): number => {
    const known = numbers.get(of) ?? ++last;
    numbers.set(of, known);
    return known;
  };
  const keep = (key: string, listing: Listing): void => {
    kept.delete(key);
    kept.set(key, listing);
    let services = 0;
    for (const each of kept.values()) services += each.services;
    for (const [oldest, { services: freed }] of kept) {
      if (kept.size <= MOST_LISTINGS && services <= MOST_SERVICES) return;
      kept.delete(oldest);
      services -= freed;
    }
  };
  return {
    of: async (zone, { body }, { gather, waitUntil }) => {
      const key = `${numberOf(zones, zone)} ${numberOf(bodies, body)}`;
      const known = kept.get(key);
      const listing = known ?? (await gathering.run(key, gather, waitUntil));
      if (listing.problem === undefined) keep(key, listing);
      return listing;
    },
  };
}
