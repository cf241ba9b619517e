import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { aliasZones } from '../../sync-agent/alias-zones.ts';
import { consulTaskZones } from '../../sync-agent/consul-zones.ts';
import { deriveDcosName, deriveDcosZone } from '../../sync-agent/dcos-zones.ts';
import { derivedZones } from '../../sync-agent/derived-zones.ts';
import { type DerivedZone, derivedSource } from '../../sync-agent/derived.ts';
import { parseConfig } from '../../sync-agent/config.ts';
import type { MesosTask } from '../../sync-agent/cluster.ts';
import { createLastPublished } from '../../sync-agent/last-published.ts';
import { recordSettings, zoneOf } from '../../sync-agent/record-settings.ts';
import { changedNames, copyOf } from '../../sync-agent/records/difference.ts';
import { createRecordKeeper } from '../../sync-agent/records/keeper.ts';
import type { RecordSet } from '../../sync-agent/records/record-set.ts';
import type { RecordSettings } from '../../sync-agent/records/settings.ts';
import type { Ambiguous } from '../../sync-agent/records/reverse.ts';
import type { RecordsRead } from '../../sync-agent/record-source.ts';
import { reverseZones } from '../../sync-agent/reverse-zones.ts';
import type { PublishedContent } from '../../sync-agent/sync.ts';
import { anyState } from './any-state.ts';
import { agentAt, frameworkWith, stateWith, statusWith, taskWith } from './states.ts';

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

const byName: DerivedZone = {
  zone: zoneOf(parseConfig({}, 'x')),
  derive: (records) => deriveDcosZone(records, NAMES),
  deriveName: deriveDcosName(NAMES),
};
const WITH_ALIASES = parseConfig(
  { records: { labels: 'read', aliases: { zones: ['apps.example'] }, haproxy: {} } },
  'x',
);
const SETTINGS = recordSettings(
  parseConfig(
    {
      dcos: {},
      records: {
        labels: 'read',
        aliases: { zones: ['apps.example'], within: 'zone' },
        haproxy: {},
        agentNames: true,
        frameworkAliases: { marathon: ['m'] },
        ipSources: ['netinfo', 'host'],
      },
    },
    'x',
  ),
);
const CONSUL = parseConfig({ records: { profile: 'consul' } }, 'x');
const only = (zones: readonly DerivedZone[]): DerivedZone => {
  const [zone] = zones;
  if (!zone || zones.length > 1) throw new Error('a test wants one zone');
  return zone;
};
const reverse = (zone: string, ambiguous: Ambiguous): DerivedZone =>
  only(reverseZones(parseConfig({ reverse: { zones: [zone], ambiguous } }, 'x')));

/** A zone over content that a test sets, and how often the whole of it was derived. */
function open(zone: DerivedZone) {
  let content: PublishedContent | undefined;
  let derivations = 0;
  const counted = (records: RecordSet, derive: (records: RecordSet) => RecordSet): RecordSet => {
    derivations++;
    return derive(records);
  };
  const { derive, keep } = zone;
  const source = derivedSource(
    {
      ...zone,
      derive: (records) => counted(records, derive),
      ...(keep && {
        keep: () => {
          const keeper = keep();
          return { ...keeper, all: (records) => counted(records, keeper.all) };
        },
      }),
    },
    { content: () => content },
  );
  return {
    read: () => source.read(() => undefined, signal),
    set: (records: RecordSet, revision: number, changed: PublishedContent['changed']) =>
      (content = { records, revision, changed, read: READ }),
    derivations: () => derivations,
  };
}

/** The same records; counts how often a whole list of them is gone over, and how often a name is looked up. */
function watched(records: RecordSet) {
  let walks = 0;
  let lookUps = 0;
  const watch = (lists: RecordSet['A']): RecordSet['A'] =>
    new Proxy(lists, {
      get: (map, key) => {
        if (key === 'get' || key === 'has') lookUps++;
        else walks++;
        const member: unknown = Reflect.get(map, key, map);
        return typeof member === 'function' ? (member.bind(map) as unknown) : member;
      },
    });
  const { A, AAAA, SRV, MORE } = records;
  return {
    records: { A: watch(A), AAAA: watch(AAAA), SRV: watch(SRV), MORE: watch(MORE) },
    walks: () => walks,
    lookUps: () => lookUps,
  };
}

describe('a source of what is published', () => {
  it('refuses while nothing has been', async () => {
    await expect(open(byName).read()).rejects.toThrow(/nothing has been published/);
  });

  it.each<[string, DerivedZone, RecordSettings?]>([
    ['name by name', byName],
    ['as a whole', { zone: byName.zone, derive: byName.derive }],
    ['aliases', only(aliasZones(WITH_ALIASES))],
    ['addresses that one name has', reverse('9.in-addr.arpa', 'leave-out')],
    ['addresses of agents', reverse('10.in-addr.arpa', 'agent')],
    ['all of an address', reverse('0.10.in-addr.arpa', 'all')],
    ['addresses of 16 octets', reverse('d.f.ip6.arpa', 'all')],
    ['tasks as services', only(consulTaskZones(CONSUL)), recordSettings(CONSUL)],
  ])(
    'has after any changes what the whole gives, and tells what it was before: %s',
    async (_, zone, settings = SETTINGS) => {
      const isKept = zone.deriveName !== undefined || zone.keep !== undefined;
      const states = fc.array(fc.tuple(anyState(), fc.constantFrom('told', 'told', 'untold', 'missed')), {
        minLength: 2,
        maxLength: 6,
      });
      let patched = 0;
      let changedNow = 0;
      await fc.assert(
        fc.asyncProperty(states, async (all) => {
          const keeper = createRecordKeeper(settings);
          const { read, set, derivations } = open(zone);
          const last = createLastPublished();
          let published: RecordSet | undefined;
          let said: unknown;
          let revision = 0;
          let hasMissed = false;
          for (const [state, how] of all) {
            const before = derivations();
            const kept = keeper.update(state, () => []);
            // What was made stays as it is, though lists that it was made of change in place.
            if (published) expect(sorted(published)).toEqual(said);
            const { records: given, walks } = watched(kept.records);
            set(given, ++revision, how === 'untold' ? 'all' : new Set(kept.before.keys()));
            if (how === 'missed') {
              hasMissed = true;
              continue;
            }
            const { records, changes } = await read();
            expect(sorted(records)).toEqual(sorted({ ...READ.records, ...zone.derive(kept.records) }));
            last.hasRead({ ...READ, records, changes });
            // Either the last push is still known as it was, or nothing is.
            const known = last.at(1);
            if (known && published) expect(sorted(known.records())).toEqual(sorted(published));
            if (known?.changed && published)
              expect([...known.changed.keys()]).toEqual(
                expect.arrayContaining([...changedNames(published, records)]),
              );
            if (isKept && how === 'told' && published && !hasMissed) {
              patched++;
              changedNow += changedNames(published, records).size;
              expect(known).toBeDefined();
              expect([derivations(), walks()]).toEqual([before, 0]);
            }
            last.isNow(records, 1, { ...READ, records, changes });
            published = copyOf(records);
            said = sorted(published);
            hasMissed = false;
          }
          if (hasMissed) await read();
          // A read of the same again.
          const again = derivations();
          const { changes } = await read();
          expect([derivations(), changes?.before.size]).toEqual([again, 0]);
        }),
        { numRuns: 40 },
      );
      if (isKept) expect([patched > 10, changedNow > 5]).toEqual([true, true]);
    },
  );

  it.each<Ambiguous>(['leave-out', 'agent', 'all'])(
    'tells whose an address is as agents, schedulers and aliases come to it and go, with %s',
    async (ambiguous) => {
      const facts: readonly (readonly ['A' | 'SRV', string, string])[] = [
        ['A', 'web.f.mesos.', '9.0.0.1'],
        ['A', 'web-yyyyy-s0.f.mesos.', '9.0.0.1'],
        ['A', 'web.f.mesos.', '9.0.0.2'],
        ['A', 'web-nnnnn-s1.f.mesos.', '9.0.0.2'],
        ['A', 'vh.mesos.', '9.0.0.1'],
        ['A', 'vh.mesos.', '9.0.0.2'],
        ['A', 'chronos.mesos.', '9.0.0.2'],
        ['SRV', '_framework._tcp.chronos.mesos.', 'chronos.mesos.:80'],
        ['A', 'slave.mesos.', '9.0.0.1'],
        ['A', 'slave.mesos.', '9.0.0.2'],
        ['A', 'node.agent.mesos.', '9.0.0.1'],
      ];
      const pointers = new Set<string>();
      await fc.assert(
        fc.asyncProperty(fc.array(fc.subarray([...facts]), { minLength: 2, maxLength: 12 }), async (all) => {
          const zone = reverse('9.in-addr.arpa', ambiguous);
          const { read, set, derivations } = open(zone);
          let revision = 0;
          let before: typeof facts = [];
          for (const now of all) {
            const records = {
              ...READ.records,
              A: new Map<string, string[]>(),
              SRV: new Map<string, string[]>(),
            };
            for (const [type, name, value] of now)
              records[type].set(name, [...(records[type].get(name) ?? []), value]);
            const changed = facts.filter((fact) => before.includes(fact) !== now.includes(fact));
            set(records, ++revision, new Set(changed.map(([, name]) => name)));
            const made = await read();
            expect(sorted(made.records)).toEqual(sorted({ ...READ.records, ...zone.derive(records) }));
            for (const values of made.records.MORE.values()) pointers.add(values.toSorted().join(' '));
            before = now;
          }
          expect(derivations()).toBe(1);
        }),
        { numRuns: 200 },
      );
      expect(pointers).toContain('PTR web.f.mesos.');
      expect(pointers).toContain('PTR vh.mesos.');
      expect(pointers.has('PTR vh.mesos. PTR web.f.mesos.')).toBe(ambiguous === 'all');
    },
  );

  it('is brought up to date name by name for every zone that follows from another', () => {
    const zones = derivedZones(
      parseConfig(
        {
          records: { profile: 'consul', labels: 'read', aliases: { zones: ['apps.example'] } },
          dcos: {},
          reverse: { zones: ['10.in-addr.arpa', 'd.f.ip6.arpa'] },
        },
        'x',
      ),
    );
    expect(zones).toHaveLength(5);
    expect(zones.filter(({ keep, deriveName }) => !keep && !deriveName)).toEqual([]);
  });

  it.each<[string, DerivedZone]>([
    ['addresses', reverse('9.in-addr.arpa', 'all')],
    ['tasks as services', only(consulTaskZones(CONSUL))],
  ])('looks at no more after many that came and went: %s', async (_, zone) => {
    const keeper = createRecordKeeper(recordSettings(CONSUL));
    const { read, set } = open(zone);
    const task = (id: string, tags: string): MesosTask =>
      taskWith({ id, labels: { tags }, running: [statusWith({ netinfo: ['9.0.0.1'] })] });
    const agents = [agentAt('x-S0', '10.0.0.1:5051')];
    const looked: number[] = [];
    let revision = 0;
    for (let round = 0; round < 40; round++) {
      const frameworks = [
        frameworkWith({ name: 'marathon', tasks: [task(`web.${round}`, `v${100 + round}`)] }),
        frameworkWith({ name: `job-${100 + round}`, tasks: [task(`job.${round}`, 'batch')] }),
      ];
      for (const state of [stateWith({ agents, frameworks }), stateWith({ agents })]) {
        const kept = keeper.update(state, () => []);
        const { records, lookUps } = watched(kept.records);
        set(records, ++revision, new Set(kept.before.keys()));
        const made = await read();
        expect(sorted(made.records)).toEqual(sorted({ ...READ.records, ...zone.derive(kept.records) }));
        looked.push(lookUps());
      }
    }
    expect(looked.slice(-2)).toEqual(looked.slice(4, 6));
  });

  it('has an address that comes back, after changes that were told and others that were not', async () => {
    const keeper = createRecordKeeper(SETTINGS);
    const { read, set } = open(reverse('9.in-addr.arpa', 'all'));
    const tasks = [taskWith({ id: 'web.1', running: [statusWith({ netinfo: ['9.0.0.1'] })] })];
    const there = stateWith({
      agents: [agentAt('x-S0', '10.0.0.1:5051')],
      frameworks: [frameworkWith({ name: 'marathon', tasks })],
    });
    const sizes: number[] = [];
    let revision = 0;
    for (const [state, isTold] of [
      [there, true],
      [stateWith({}), true],
      [there, true],
      [stateWith({}), false],
      [there, true],
    ] as const) {
      const { records, before } = keeper.update(state, () => []);
      set(records, ++revision, isTold ? new Set(before.keys()) : 'all');
      sizes.push((await read()).records.MORE.size);
    }
    expect(sizes).toEqual([1, 0, 1, 0, 1]);
  });
});
