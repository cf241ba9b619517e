import type { Zone } from '../zone/zone.ts';
import type { GuardSettings } from './guard/guard.ts';
import type { RecordSource } from './record-source.ts';
import {
  copyOf,
  type Lists,
  type NamesBefore,
  type NameValues,
  setValues,
  valuesAt,
} from './records/difference.ts';
import { emptyRecords, type RecordSet } from './records/record-set.ts';
import type { PublishedContent, Sync } from './sync.ts';

/** A zone whose records follow from another's: names by address, or the same hosts under names of their own. */
export type DerivedZone = {
  readonly zone: Zone;
  /** Pure. Names outside the zone are left out later; lists are copies, as those given may change in place. */
  readonly derive: (records: RecordSet) => RecordSet;
  /**
   * For a zone in which each name follows from one of the others alone, and none from two: what `derive` makes of it,
   * undefined where that is nothing. Then only what changed is derived anew.
   */
  readonly deriveName?: (name: string, values: NameValues) => DerivedName | undefined;
  /**
   * For a zone of names that are made with the others and are not among them: by which name one of the zone is made;
   * undefined for names that it does not have.
   */
  readonly restoreName?: (name: string) => string | undefined;
  /** For a zone whose names follow from several: the same, with a memory of what they follow from. */
  readonly keep?: () => DerivedKeeper;
};

/** One zone's memory. What it gives changes with what it was given, and is what `derive` would make of that. */
export type DerivedKeeper = {
  readonly all: (records: RecordSet) => RecordSet;
  /** What differs in the zone since the call before, each name once: `changed` are the names that do in `records`. */
  readonly changes: (records: RecordSet, changed: ReadonlySet<string>) => Iterable<DerivedName>;
};

/** A name of the zone; without values it is not there. */
export type DerivedName = { readonly name: string; readonly values: NameValues };

/** What the guard let pass of the first zone passes here. */
export const NO_GUARD: GuardSettings = {
  maxRemovedPercent: Number.POSITIVE_INFINITY,
  minRemoved: Number.POSITIVE_INFINITY,
  windowSeconds: 0,
  settleSeconds: 0,
  failoverSeconds: 0,
};

/** The zone's records as a source: of what was last published of the zone it follows, held names included. */
export function derivedSource(zone: DerivedZone, from: Pick<Sync, 'content'>): RecordSource {
  const { origin } = zone.zone;
  const keeper = zone.keep?.() ?? keeperByName(zone);
  let last: { readonly revision: number; readonly records: Lists } | undefined;
  /** Numbers of reads; where one is left out, changes since the one before it are not known. */
  let reads = 0;

  const follow = ({ revision, changed, records }: PublishedContent): NamesBefore => {
    if (last?.revision === revision) return NONE_CHANGED;
    if (last?.revision === revision - 1 && changed !== 'all' && keeper) {
      const before = new Map<string, NameValues>();
      for (const { name, values } of keeper.changes(records, changed)) {
        before.set(name, valuesAt(last.records, name));
        setValues(last.records, name, values);
      }
      last = { ...last, revision };
      return before;
    }
    last = {
      revision,
      records: copyOf({ ...emptyRecords(), ...(keeper?.all(records) ?? zone.derive(records)) }),
    };
    reads++;
    return NONE_CHANGED;
  };
  return {
    name: `what is published, as ${origin}`,
    read: async () => {
      const content = from.content();
      if (!content) throw new Error(`${origin}: nothing has been published that it could follow`);
      const { read } = content;
      const before = follow(content);
      return {
        records: last?.records ?? emptyRecords(),
        changes: { since: reads, upTo: ++reads, before },
        ended: { tasks: [], frameworks: [] },
        recoveringAgents: 0,
        agents: read.agents,
        // What is empty there was let go there.
        frameworks: Math.max(1, read.frameworks),
        frameworkIds: [],
        tasks: Math.max(1, read.tasks),
        asOfSeconds: read.asOfSeconds,
      };
    },
  };
}

/** For a zone that needs no memory. */
function keeperByName({ derive, deriveName }: DerivedZone): DerivedKeeper | undefined {
  return (
    deriveName && {
      all: derive,
      changes: function* (records, changed) {
        for (const name of changed) {
          const derived = deriveName(name, valuesAt(records, name));
          if (derived) yield derived;
        }
      },
    }
  );
}

const NONE_CHANGED: NamesBefore = new Map();
