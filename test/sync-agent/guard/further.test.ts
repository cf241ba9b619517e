import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { guard } from '../../../sync-agent/guard/guard.ts';
import { EMPTY_MEMORY } from '../../../sync-agent/guard/memory.ts';
import { changedNames, withValues } from '../../../sync-agent/records/difference.ts';
import { emptyRecords, RECORD_SET_TYPES, type RecordSet } from '../../../sync-agent/records/record-set.ts';
import {
  createPublisher,
  isClusterRecord,
  type Job,
  jobs,
  recordsIn,
  seen,
  SETTINGS,
  START_MS,
  stateOf,
  type Town,
  withLabels,
} from './town.ts';

const ADDRESSES = withLabels();
const CNAMES = withLabels({ aliases: { as: 'cname', within: 'zone', zones: ['apps.example'] } });

/** Names by labels: two of its own, one that every third has too, and one in another zone. */
const labelled = (job: Job, i: number): Job => ({
  ...job,
  labels: {
    tags: i % 2 === 0 ? 'blue' : 'green,v1',
    'mesos-doh.alias': `shop${i % 3},${job.framework}-${i},www${i}.mesos.,w${i}.apps.example`,
    'mesos-doh.alpn.0': 'h2,http/1.1',
    ...(i % 2 === 0 && { 'mesos-doh.ttl': '5' }),
  },
});
/** Each on an address of its own. */
const apart = (job: Job, i: number): Job => labelled({ ...job, address: `9.0.${job.agent}.${i + 1}` }, i);

const ALL: Town = { jobs: [...jobs('f', 40, { on: 4 }), ...jobs('g', 40, { from: 100, on: 4 })].map(apart) };
const F = ALL.jobs.slice(0, 40);
const G = ALL.jobs.slice(40);
/** The same on their agents' addresses, which all tasks of an agent have. */
const hosted = ({ address: _address, ...job }: Job): Job => job;
const HOSTED: Town = { jobs: ALL.jobs.map(hosted) };

const textsOf = (records: RecordSet): string[] =>
  RECORD_SET_TYPES.flatMap((type) =>
    Array.from(records[type], ([name, values]) => `${type} ${name} ${values.toSorted().join(' ')}`),
  ).toSorted();

describe('names by labels and rules', () => {
  it.each([
    ['on addresses of their own', ALL, ADDRESSES],
    ['on their agents’ addresses', HOSTED, ADDRESSES],
    ['as CNAMEs', ALL, CNAMES],
  ])('go at once with tasks that ended, be they many: %s', (_, town, settings) => {
    const publisher = createPublisher(town, settings);
    const left = { jobs: town.jobs.slice(40), frameworks: ['f'], ended: town.jobs.slice(0, 40) };
    const verdict = publisher.read(left, 0);
    expect([verdict.heldNames, verdict.kept, verdict.memory]).toEqual([0, [], EMPTY_MEMORY]);
    expect(textsOf(publisher.published())).toEqual(textsOf(recordsIn(left, settings)));
  });

  it('go at once with a framework that completed', () => {
    const publisher = createPublisher(ALL, ADDRESSES);
    const verdict = publisher.read({ jobs: G, completed: ['f'] }, 0);
    expect([verdict.heldNames, verdict.memory]).toEqual([0, EMPTY_MEMORY]);
    expect(publisher.published().A.has('www1.mesos.')).toBe(false);
  });

  it.each([
    ['addresses', ADDRESSES, ALL],
    ['agents’ addresses', ADDRESSES, HOSTED],
    ['CNAMEs', CNAMES, ALL],
  ])('are held with their tasks, own TTLs and all that the names have: %s', (_, settings, town) => {
    const before = recordsIn(town, settings);
    const publisher = createPublisher(town, settings);
    const left: Town = { jobs: town.jobs.slice(40) };
    expect(publisher.read(left, 0).heldNames).toBeGreaterThan(80);
    expect(textsOf(publisher.published())).toEqual(textsOf(before));
    publisher.read(left, 60);
    expect(textsOf(publisher.published())).toEqual(textsOf(recordsIn(left, settings)));
  });

  it('that several tasks have keep the values of those that are held, and lose those of the others', () => {
    const publisher = createPublisher(ALL, ADDRESSES);
    const ended = F.filter((_, i) => i % 2 === 1);
    publisher.read({ jobs: G, ended }, 0);
    const shop = publisher.published().A.get('shop0.f.mesos.');
    const has = ({ address = '' }: Job): boolean => shop?.includes(address) === true;
    expect(F.filter((job, i) => i % 3 === 0 && has(job))).toEqual(F.filter((_, i) => i % 6 === 0));
    expect(publisher.published().A.has('www0.mesos.')).toBe(true);
    expect(publisher.published().A.has('www1.mesos.')).toBe(false);
    expect(publisher.published().A.has('w0.apps.example.')).toBe(true);
    expect(publisher.published().A.has('w1.apps.example.')).toBe(false);
    expect(publisher.published().A.has('blue.web.f.mesos.')).toBe(true);
    expect(publisher.published().A.has('green.web.f.mesos.')).toBe(false);
  });

  it('stay with any missing task that has their address, where that is not one’s own', () => {
    // Two on one agent: one ended, one is gone without a word. Whose alias it was, nobody knows.
    const [first, other] = [HOSTED.jobs[0], HOSTED.jobs[4]];
    const publisher = createPublisher(HOSTED, ADDRESSES);
    const ended = first ? [first] : [];
    publisher.read(
      { jobs: HOSTED.jobs.filter((job) => job !== first && job !== other), ended, awaited: 1 },
      0,
    );
    expect(publisher.tasks()).toHaveLength(79);
    expect(publisher.published().A.has('www4.mesos.')).toBe(true);
    expect(publisher.published().A.has('www0.mesos.')).toBe(true);
    expect(publisher.published().A.has('w0.apps.example.')).toBe(true);
    expect(publisher.published().A.has('www1.mesos.')).toBe(true);
  });

  it('are held though they are too few to be held for themselves', () => {
    const some: Town = { jobs: ALL.jobs.map((job, i) => (i === 3 ? job : { ...job, labels: {} })) };
    const publisher = createPublisher(some, ADDRESSES);
    publisher.read({ jobs: some.jobs.slice(40) }, 0);
    expect(publisher.published().A.get('www3.mesos.')).toEqual([F[3]?.address]);
    expect(publisher.published().MORE.get('web-port1.f.mesos.') ?? []).toEqual([]);
  });

  it('of a task that is alone follow its successor, weights or not', () => {
    const weighed = (job: Job): Job => ({
      ...job,
      discoveryPort: 80,
      labels: { 'mesos-doh.weight': job.framework === 'f' ? '7' : '3' },
    });
    const publisher = createPublisher({ jobs: ALL.jobs.map(weighed) }, ADDRESSES);
    const taker = { ...(F[3] ?? weighed), id: 'taker', name: 'other', framework: 'g' } as Job;
    publisher.read({ jobs: [...G, taker].map(weighed) }, 0);
    const names = publisher.tasks().filter((name) => name.includes('.f.'));
    expect(names).toHaveLength(39);
  });

  it('count once, with their task, and only without evidence', () => {
    const few: Town = { jobs: ALL.jobs.slice(0, -2) };
    const publisher = createPublisher(ALL, ADDRESSES);
    const lost = publisher.read({ ...few, ended: ALL.jobs.slice(-1) }, 0).memory.losses;
    const gone = new Set(changedNames(recordsIn(ALL, ADDRESSES), recordsIn(few, ADDRESSES)));
    expect(gone.has('www78.mesos.') && gone.has('www79.mesos.')).toBe(true);
    // Own names twice, `g-78`, `www78`.
    expect(lost.find(({ scope }) => scope === 'source mesos')?.losses).toEqual([
      { atMs: expect.any(Number), names: 4 },
    ]);
  });
});

describe('a name that one of its tasks ended with, and another is gone from', () => {
  const lossesOf = (town: Town, lost: number, ended: number): unknown => {
    const jobs = town.jobs.filter((_, i) => i !== lost && i !== ended);
    const publisher = createPublisher(town, ADDRESSES);
    const { memory } = publisher.read({ jobs, ended: town.jobs.filter((_, i) => i === ended) }, 0);
    return memory.losses.find(({ scope }) => scope === 'source mesos')?.losses.map(({ names }) => names);
  };
  it.each([
    [0, 4],
    [4, 0],
  ])('counts once: on one agent, %i gone and %i ended', (lost, ended) => {
    // Its own names twice, and of both tasks `f-0` and `www0`.
    expect(lossesOf(HOSTED, lost, ended)).toEqual([6]);
  });
  it.each([
    [0, 1],
    [1, 0],
  ])('counts once: on two addresses, %i gone and %i ended', (lost, ended) => {
    const pair = { labels: { 'mesos-doh.alias': 'pair' } };
    const town = { jobs: ALL.jobs.map((job, i) => (i < 2 ? { ...job, ...pair } : job)) };
    expect(lossesOf(town, lost, ended)).toEqual([3]);
  });
  it('is kept once, as its agent is', () => {
    const lone: Job = { framework: 'g', name: 'lone', id: 'lone', agent: 99, port: 1, labels: {} };
    const publisher = createPublisher({ jobs: [...HOSTED.jobs, lone] }, ADDRESSES);
    const { kept } = publisher.read({ ...HOSTED, awaited: 1 }, 0);
    expect(kept.filter(({ name }) => name === 'slave.mesos.')).toHaveLength(1);
  });
});

/** One judgement of records as they are given. */
const judge = (
  published: RecordSet,
  next: RecordSet,
  parts: { ended?: readonly Job[]; announced?: ReadonlyMap<string, boolean>; hasFurtherNames?: boolean } = {},
) =>
  guard({
    sources: [
      {
        name: 'mesos',
        published,
        next,
        ended: stateOf({ jobs: [], ended: parts.ended ?? [] }).ended,
        recoveringAgents: 0,
        isClusterRecord,
        frameworks: 2,
        tasks: 40,
        hasFurtherNames: parts.hasFurtherNames ?? true,
        announced: parts.announced,
      },
    ],
    memory: EMPTY_MEMORY,
    settings: { ...SETTINGS, minRemoved: 1, maxRemovedPercent: 0 },
    nowMs: START_MS,
    domain: 'mesos',
  });

describe('a name that tasks may not have given', () => {
  const [ended = F[0] as Job] = F;
  const base = recordsIn(ALL, ADDRESSES);
  const next = recordsIn({ jobs: ALL.jobs.filter((job) => job !== ended) }, ADDRESSES);
  const beside = (further: RecordSet): RecordSet =>
    withValues(
      base,
      RECORD_SET_TYPES.flatMap((type) =>
        [...further[type]].flatMap(([name, values]) => values.map((value) => ({ type, name, value }))),
      ),
    );
  const address = ended.address ?? '';
  const named = (
    name: string,
    values: readonly string[] = [address],
    srv: readonly string[] = [],
  ): RecordSet => {
    const further = emptyRecords();
    further.A.set(name, [...values]);
    for (const service of srv) further.SRV.set(service, [`${name}:80`]);
    return beside(further);
  };
  const heldIn = (published: RecordSet, parts: Parameters<typeof judge>[2] = {}): string[] => [
    ...new Set(judge(published, next, { ended: [ended], ...parts }).kept.map(({ name }) => name)),
  ];

  it('goes with the task that ended, where it was that one’s address', () => {
    expect(heldIn(named('odd.mesos.'))).toEqual([]);
  });
  it('is held where one of its addresses is no missing task’s', () => {
    expect(heldIn(named('odd.mesos.', [address, '9.9.9.9']))).toEqual(['odd.mesos.']);
    expect(heldIn(named('odd.mesos.', ['9.9.9.9']))).toEqual(['odd.mesos.']);
  });
  it('is held where it is a framework’s, an agent’s, or a ServerSet’s', () => {
    expect(heldIn(named('h.mesos.', [address], ['_framework._tcp.h.mesos.']))).toContain('h.mesos.');
    expect(heldIn(named('node1.agent.mesos.'))).toEqual(['node1.agent.mesos.']);
    const announced = new Map([['0.web.aurora.mesos.', false]]);
    expect(heldIn(named('0.web.aurora.mesos.'), { announced })).toEqual(['0.web.aurora.mesos.']);
  });
  it('is held where its task may have no name of its own', () => {
    const name = `${'l'.repeat(55)}.f.mesos.`;
    expect(heldIn(named(name))).toEqual([name]);
  });
  it('is held where tasks have no such names', () => {
    expect(heldIn(named('odd.mesos.'), { hasFurtherNames: false })).toContain('odd.mesos.');
  });
  it('goes where a ServerSet’s members are known to have ended', () => {
    const announced = new Map([['0.web.aurora.mesos.', true]]);
    expect(heldIn(named('0.web.aurora.mesos.', ['9.9.9.9']), { announced })).toEqual([]);
  });
  it('is not held beside a CNAME, nor as one beside anything', () => {
    const change = (records: RecordSet, type: 'A' | 'MORE', value: string): RecordSet =>
      withValues(records, [{ type, name: 'odd.mesos.', value }]);
    const cname = 'CNAME web.f.mesos.';
    const withAddress = judge(change(base, 'A', address), change(next, 'MORE', cname)).kept;
    expect(withAddress.filter(({ name, type }) => name === 'odd.mesos.' && type === 'A')).toEqual([]);
    const withCname = judge(change(base, 'MORE', cname), change(next, 'A', '9.9.9.9')).kept;
    expect(withCname.filter(({ name }) => name === 'odd.mesos.')).toEqual([]);
    expect(judge(change(base, 'MORE', cname), next).kept).toContainEqual({
      type: 'MORE',
      name: 'odd.mesos.',
      value: cname,
    });
  });
});

const POOL: readonly Job[] = [
  ...[...jobs('f', 25, { on: 5 }), ...jobs('g', 15, { name: 'api', from: 100, on: 5 })].map((job, i) =>
    i % 3 === 0 ? hosted(labelled(job, i)) : apart(job, i),
  ),
  ...jobs('h', 3, { name: 'db', from: 200, on: 5 }),
];
const aTown: fc.Arbitrary<Town> = fc
  .record({
    jobs: fc.oneof(fc.subarray([...POOL]), fc.constant([...POOL]), fc.subarray([...POOL], { minLength: 38 })),
    ended: fc.oneof(fc.constant<Job[]>([]), fc.subarray([...POOL]), fc.constant([...POOL])),
    awaited: fc.constantFrom(0, 0, 0, 2),
  })
  .map(({ jobs: here, ended, awaited }) => ({
    jobs: here,
    frameworks: ['f', 'g', 'h'],
    ended: ended.filter((job) => !here.includes(job)),
    awaited,
  }));
const reads = fc.array(fc.record({ town: aTown, after: fc.integer({ min: 1, max: 40 }) }), {
  minLength: 1,
  maxLength: 6,
});

describe.each([
  ['addresses', ADDRESSES],
  ['CNAMEs', CNAMES],
])('any cluster with labels, read any number of times: %s', (_, settings) => {
  const ownNames = (job: Job): string[] =>
    [...recordsIn({ jobs: [job] }, settings).A.keys()].filter((name) => /-[a-z0-9]{5}-s\d+\./.test(name));

  it('keeps every name of a task that is held, and no value that was read or never published', () => {
    fc.assert(
      fc.property(aTown, reads, (first, steps) => {
        const publisher = createPublisher(first, settings);
        let at = 0;
        for (const { town, after } of steps) {
          const before = publisher.published();
          const { kept } = publisher.read(town, (at += after));
          const next = recordsIn(town, settings);
          for (const { type, name, value } of kept) {
            expect(before[type].get(name)).toContain(value);
            expect(next[type].get(name) ?? []).not.toContain(value);
          }
          expect(new Set(kept.map((each) => `${each.type} ${each.name} ${each.value}`)).size).toBe(
            kept.length,
          );
          const now = publisher.published();
          for (const job of POOL) {
            if (!ownNames(job).some((name) => now.A.has(name))) continue;
            const own = recordsIn({ jobs: [job], frameworks: [] }, settings);
            for (const type of RECORD_SET_TYPES) {
              for (const [name, values] of own[type]) {
                if (isClusterRecord(name)) continue;
                for (const value of values)
                  expect([name, now[type].get(name)]).toEqual([name, expect.arrayContaining([value])]);
              }
            }
          }
        }
      }),
      { numRuns: 40 },
    );
  });

  it('is published as it is where all that is gone has ended', () => {
    fc.assert(
      fc.property(aTown, fc.subarray([...POOL]), (first, here) => {
        const ended = POOL.filter((job) => !here.includes(job));
        const publisher = createPublisher(first, settings);
        const town = { jobs: here, frameworks: ['f', 'g', 'h'], ended };
        const { kept, memory } = publisher.read(town, 5);
        // Agents whose address nobody has any more count for themselves.
        expect(kept.filter(({ name }) => name !== 'slave.mesos.')).toEqual([]);
        expect(memory).toEqual(EMPTY_MEMORY);
      }),
      { numRuns: 60 },
    );
  });

  it('is published as it is once it stands still', () => {
    fc.assert(
      fc.property(aTown, aTown, (first, last) => {
        const publisher = createPublisher(first, settings);
        const still = { ...last, awaited: 0 };
        for (const at of [0, 30, 61]) publisher.read(still, at);
        expect(textsOf(publisher.published())).toEqual(textsOf(recordsIn(still, settings)));
      }),
      { numRuns: 30 },
    );
  });
});

describe('the changes alone', () => {
  it('were enough for many verdicts, and not for all', () => {
    expect(seen.brief).toBeGreaterThan(100);
    expect(seen.without).toBeGreaterThan(100);
  });
});
