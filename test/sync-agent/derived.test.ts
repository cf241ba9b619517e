import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { deriveDcosName, deriveDcosZone } from '../../sync-agent/dcos-zones.ts';
import { type DerivedZone, derivedSource } from '../../sync-agent/derived.ts';
import { parseConfig } from '../../sync-agent/config.ts';
import { createLastPublished } from '../../sync-agent/last-published.ts';
import { zoneOf } from '../../sync-agent/record-settings.ts';
import { changedNames, copyOf } from '../../sync-agent/records/difference.ts';
import { createRecordKeeper } from '../../sync-agent/records/keeper.ts';
import type { RecordSet } from '../../sync-agent/records/record-set.ts';
import type { RecordsRead } from '../../sync-agent/record-source.ts';
import type { PublishedContent } from '../../sync-agent/sync.ts';
import { anyState } from './any-state.ts';
import { settingsWith } from './states.ts';

const signal = new AbortController().signal;
const NAMES = { domain: 'mesos', origin: 'x.dcos.directory' };
const READ: RecordsRead = {
  records: { A: new Map(), AAAA: new Map(), SRV: new Map(), MORE: new Map() },
  ended: { tasks: [], frameworks: [] },
  recoveringAgents: 0,
  agents: 0,
  frameworks: 0,
  frameworkIds: [],
  tasks: 0,
};
const sorted = ({ A, AAAA, SRV, MORE }: RecordSet): unknown =>
  [A, AAAA, SRV, MORE].map((lists) =>
    Array.from(lists, ([name, values]) => `${name} ${values.toSorted().join(' ')}`).toSorted(),
  );

/** A zone over content that a test sets, and how often the whole of it was derived. */
function open(byName: boolean) {
  let content: PublishedContent | undefined;
  let derivations = 0;
  const zone: DerivedZone = {
    zone: { ...zoneOf(parseConfig({}, 'x')) },
    derive: (records) => {
      derivations++;
      return deriveDcosZone(records, NAMES);
    },
    ...(byName && { deriveName: deriveDcosName(NAMES) }),
  };
  const source = derivedSource(zone, { content: () => content });
  return {
    read: () => source.read(() => undefined, signal),
    set: (records: RecordSet, revision: number, changed: PublishedContent['changed']) =>
      (content = { records, revision, changed, read: READ }),
    derivations: () => derivations,
  };
}

describe('a source of what is published', () => {
  it('refuses while nothing has been', async () => {
    await expect(open(true).read()).rejects.toThrow(/nothing has been published/);
  });

  it.each([
    ['name by name', true],
    ['as a whole', false],
  ])('has after any changes what the whole gives, and tells what it was before: %s', async (_, byName) => {
    const settings = settingsWith({ dcosNames: 'published', ipSources: ['host', 'netinfo'] });
    const states = fc.array(fc.tuple(anyState(), fc.constantFrom('told', 'told', 'untold', 'missed')), {
      minLength: 2,
      maxLength: 6,
    });
    let patched = 0;
    await fc.assert(
      fc.asyncProperty(states, async (all) => {
        const keeper = createRecordKeeper(settings);
        const { read, set, derivations } = open(byName);
        const last = createLastPublished();
        let published: RecordSet | undefined;
        let revision = 0;
        let hasMissed = false;
        for (const [state, how] of all) {
          const before = derivations();
          const kept = keeper.update(state, () => []);
          set(kept.records, ++revision, how === 'untold' ? 'all' : new Set(kept.before.keys()));
          if (how === 'missed') {
            hasMissed = true;
            continue;
          }
          const { records, changes } = await read();
          expect(sorted(records)).toEqual(sorted(deriveDcosZone(kept.records, NAMES)));
          last.hasRead({ ...READ, records, changes });
          // Either the last push is still known as it was, or nothing is.
          const known = last.at(1);
          if (known && published) expect(sorted(known.records())).toEqual(sorted(published));
          if (known?.changed && published)
            expect([...known.changed.keys()]).toEqual(
              expect.arrayContaining([...changedNames(published, records)]),
            );
          if (byName && how === 'told' && published && !hasMissed) {
            patched++;
            expect(known).toBeDefined();
            expect(derivations()).toBe(before);
          }
          last.isNow(records, 1, { ...READ, records, changes });
          published = copyOf(records);
          hasMissed = false;
        }
        if (hasMissed) await read();
        // A read of the same again.
        const again = derivations();
        const { changes } = await read();
        expect([derivations(), changes?.before.size]).toEqual([again, 0]);
      }),
      { numRuns: 60 },
    );
    if (byName) expect(patched).toBeGreaterThan(20);
  });
});
