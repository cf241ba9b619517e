import { subtreesOf, type ViewSpec } from '../../zone/access-document.ts';
import { isAtOrBelow, nameToWire, type OwnerName } from '../../zone/name.ts';
import { type IsHidden, standingOf } from '../../zone/visible.ts';
import type { ServedZone, Settings } from '../env.ts';
import { createPacketCache, type PacketCache } from '../packet-cache.ts';
import type { ResolveOptions } from '../resolve.ts';
import type { SnapshotReader } from '../snapshot/reader.ts';
import { withStandIns } from '../zones/shown-zones.ts';
import { longestFirst, preferredBy } from '../zones/stand-ins.ts';
import type { ViewedZone } from './find-visible.ts';

/** What an asker sees, and all that an answer may be made from. No two views share a cache of answers. */
export type View = {
  readonly options: ResolveOptions;
  readonly packets: PacketCache;
  /** May caches that several askers share keep its answers? Only where everybody sees the same. */
  readonly shared: boolean;
  /** May all its names be listed, and what in words would allow it. */
  readonly enumeration: boolean;
  readonly enumerationSwitch: string;
  /** DoH URLs of `UPSTREAMS`; none where nothing is forwarded. */
  readonly upstreams: readonly string[];
  readonly ratePerMinute: number | undefined;
  /**
   * The same view as the asker of a request has it, whose place decides which member of a merged zone answers;
   * undefined where no place decides anything.
   */
  readonly near?: (request: Request) => View;
};

export type Views = {
  /** All names of all zones. */
  readonly everybody: () => View;
  /** The same view for a name while its spec says the same: a new document leaves its caches as they are. */
  readonly of: (name: string, spec: ViewSpec) => View;
};

export type ViewsOptions = Pick<ResolveOptions, 'upstream' | 'now' | 'random'> & {
  readonly settings: Pick<Settings, 'zones' | 'standIns' | 'upstreams' | 'enumeration'>;
  /** One for each zone and variant, made when first asked for. */
  readonly readerOf: (zone: ServedZone, variant: string) => SnapshotReader;
  readonly onProblem: (problem: string) => void;
};

const MAIN = 'main';
/** Views in use at a time, and what each may keep of its replies: with all of them 16 MiB. */
const MAX_VIEWS = 16;
const VIEW_PACKET_OCTETS = 1024 * 1024;

export function createViews(options: ViewsOptions): Views {
  const { settings, readerOf, upstream, now, random } = options;
  const keys = new WeakMap<ViewSpec, string>();
  const views = new Map<string, View>();

  const packetsOf = (zones: readonly ViewedZone[], maxOctets?: number): PacketCache =>
    createPacketCache({
      isCurrent: (held, waitUntil) => {
        for (const { reader } of zones) if (reader.isCurrent(held, waitUntil)) return true;
        return false;
      },
      now,
      random,
      ...(maxOctets !== undefined && { maxOctets }),
    });

  const { standIns } = settings;
  const served = [...settings.zones, ...standIns.merged, ...standIns.aliases].toSorted(longestFirst);
  /** One view an order of preference, each with a cache of its own. */
  const byPlace = (make: (preferred: readonly OwnerName[]) => View): View => {
    const view = make([]);
    if (standIns.preferences.size === 0) return view;
    const shared = false;
    const known = new Map<string, View>([['', { ...view, shared }]]);
    const near = ({ cf }: Request): View => {
      const preferred = preferredBy(standIns, cf);
      const key = preferred.join();
      let nearer = known.get(key);
      if (!nearer) known.set(key, (nearer = { ...make(preferred), shared }));
      return nearer;
    };
    return { ...view, shared, near };
  };

  const viewFrom = (
    spec: ViewSpec,
    { upstream, preferred }: { upstream: ResolveOptions['upstream']; preferred: readonly OwnerName[] },
  ): View => {
    const zones = withStandIns(zonesOf(spec), standIns, { isHidden: () => isHidden, preferred, now });
    const isHidden = isHiddenIn(zones, served);
    return {
      options: { zones, isHidden, upstream, now, random },
      packets: packetsOf(zones, VIEW_PACKET_OCTETS),
      shared: false,
      enumeration: spec.enumeration ?? false,
      enumerationSwitch: '`enumeration` in the view of your team',
      upstreams: spec.forwarding ? settings.upstreams : [],
      ratePerMinute: spec.ratePerMinute,
    };
  };
  /** A zone that is not of `ZONES` is not served, whatever a document says. */
  const zonesOf = (spec: ViewSpec): readonly ViewedZone[] =>
    spec.zones
      .flatMap((zone) => {
        const served = settings.zones.find(({ origin }) => origin === zone.origin);
        if (!served)
          options.onProblem(`access document: a view has the zone ${zone.origin}, which ZONES has not`);
        const subtrees = subtreesOf(zone)?.map((name) => nameToWire(name));
        return served
          ? [{ ...served, reader: within(readerOf(served, zone.variant), subtrees), subtrees }]
          : [];
      })
      .toSorted((a, b) => b.originWire.length - a.originWire.length);

  return {
    everybody: () =>
      byPlace((preferred) => {
        const stored = settings.zones.map((zone) => ({ ...zone, reader: readerOf(zone, MAIN) }));
        const zones = withStandIns(stored, standIns, { isHidden: () => undefined, preferred, now });
        return {
          options: { zones, upstream, now, random },
          packets: packetsOf(zones),
          shared: true,
          enumeration: settings.enumeration,
          enumerationSwitch: 'the variable ENUMERATION=on',
          upstreams: settings.upstreams,
          ratePerMinute: undefined,
        };
      }),
    of: (name, spec) => {
      let key = keys.get(spec);
      if (key === undefined) keys.set(spec, (key = `${name} ${JSON.stringify(spec)}`));
      const known = views.get(key);
      if (known) return known;
      if (views.size >= MAX_VIEWS) views.clear();
      const forwarding = spec.forwarding ? upstream?.apart() : undefined;
      const view = byPlace((preferred) => viewFrom(spec, { upstream: forwarding, preferred }));
      views.set(key, view);
      return view;
    },
  };
}

/** Under whatever name the zone is shown then, no wildcard answers that is not of these subtrees. */
function within(reader: SnapshotReader, subtrees: readonly Uint8Array[] | undefined): SnapshotReader {
  return subtrees ? { ...reader, find: (name, waitUntil) => reader.find(name, waitUntil, subtrees) } : reader;
}

/** Undefined where the view has all names of all our zones. Names that are not ours are nobody's secret. */
function isHiddenIn(zones: readonly ViewedZone[], ours: readonly ServedZone[]): IsHidden | undefined {
  if (ours.every(({ origin }) => zones.some((zone) => zone.origin === origin && !zone.subtrees)))
    return undefined;
  return (name) => {
    const zone = ours.find(({ originWire }) => isAtOrBelow(name, originWire));
    const viewed = zone && zones.find(({ origin }) => origin === zone.origin);
    if (!zone) return false;
    return !viewed || standingOf(name, { origin: zone.originWire, subtrees: viewed.subtrees }) !== 'visible';
  };
}
