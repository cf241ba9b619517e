import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { guard } from '../../../sync-agent/guard/guard.ts';
import { EMPTY_MEMORY, encodeGuardMemory } from '../../../sync-agent/guard/memory.ts';
import { withValues } from '../../../sync-agent/records/difference.ts';
import type { RecordSet } from '../../../sync-agent/records/record-set.ts';
import { recordsOf } from '../states.ts';
import {
  agentIp,
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
} from './town.ts';

const F = jobs('f', 40, { on: 4 });
const FIRST: Job = { framework: 'f', name: 'web', id: 'x', agent: 3, port: 31_039 };
const BEFORE: Town = { jobs: F };
const HALF: Town = { jobs: F.slice(0, 20), frameworks: ['f'] };

describe('what is held', () => {
  it('keeps all its last values: own and shared names, services, its agent', () => {
    const lone: Job = { framework: 'f', name: 'db', id: 'lone', agent: 9, port: 31_999, address: 'fd01::9' };
    const publisher = createPublisher({ jobs: [...F, lone] });
    const before = publisher.published();
    publisher.read(HALF, 0);
    for (const type of ['A', 'AAAA', 'SRV'] as const) {
      for (const [name, values] of before[type]) {
        expect([name, publisher.published()[type].get(name)?.toSorted()]).toEqual([name, values.toSorted()]);
      }
    }
  });

  it('gives of a task that is still seen its new values only', () => {
    const publisher = createPublisher(BEFORE);
    const moved = F.slice(0, 20).map((job) => ({ ...job, port: job.port + 500, address: '9.0.0.1' }));
    publisher.read({ jobs: moved }, 0);
    const { A, SRV } = publisher.published();
    expect(A.get('web.f.mesos.')?.toSorted()).toEqual([
      '10.0.0.1',
      '10.0.0.2',
      '10.0.0.3',
      '10.0.0.4',
      '9.0.0.1',
    ]);
    const ports = SRV.get('_web._tcp.f.slave.mesos.')?.map((value) => Number(value.split(':')[1]));
    expect(ports?.toSorted()).toEqual(
      [...F.slice(20).map(({ port }) => port), ...moved.map(({ port }) => port)].toSorted(),
    );
  });

  it('has the records of a framework that is gone with its tasks, and loses them with those', () => {
    const publisher = createPublisher({ jobs: [...F, ...jobs('g', 40, { from: 100 })] });
    const gone: Town = { jobs: jobs('g', 40, { from: 100 }) };
    publisher.read(gone, 0);
    expect(publisher.published().A.get('f.mesos.')).toEqual(['10.8.0.1']);
    expect(publisher.published().SRV.get('_framework._tcp.f.mesos.')).toEqual(['f.mesos.:8080']);
    publisher.read(gone, 60);
    expect(publisher.published().A.has('f.mesos.')).toBe(false);
    expect(publisher.published().SRV.has('_framework._tcp.f.mesos.')).toBe(false);
  });

  it('has the addresses of agents whose tasks are held; others go', () => {
    const idle: Job = { framework: 'i', name: 'i', id: 'i', agent: 8, port: 1 };
    const rest = jobs('g', 200, { from: 500, on: 2 });
    const publisher = createPublisher({ jobs: [...F, ...rest, idle] });
    const left = [...F.filter(({ agent }) => agent < 2), ...rest];
    publisher.read({ jobs: left, frameworks: ['i'], ended: [idle] }, 0);
    const { A, SRV } = publisher.published();
    expect(A.get('slave.mesos.')?.toSorted()).toEqual([0, 1, 2, 3].map((agent) => agentIp(agent)));
    expect(SRV.get('_slave._tcp.mesos.')).toEqual(['slave.mesos.:5051']);
  });

  it('has every agent while some are awaited', () => {
    const idle: Job = { framework: 'i', name: 'i', id: 'i', agent: 8, port: 1 };
    const publisher = createPublisher({ jobs: [...F, idle] });
    const verdict = publisher.read({ jobs: F, frameworks: ['i'], ended: [idle], awaited: 1 }, 0);
    expect(publisher.published().A.get('slave.mesos.')).toContain(agentIp(8));
    expect(verdict.held).toEqual([{ scope: 'source mesos', missing: 1, of: 85, why: 'recovering-agents' }]);
  });

  it('never has the cluster itself: a leader is followed at once', () => {
    const publisher = createPublisher({ ...BEFORE, leader: '10.9.0.1:5050' });
    publisher.read({ ...HALF, leader: '10.9.0.2:5051' }, 0);
    const { A, SRV } = publisher.published();
    expect(A.get('leader.mesos.')).toEqual(['10.9.0.2']);
    expect(A.get('master0.mesos.')).toEqual(['10.9.0.2']);
    expect(SRV.get('_leader._tcp.mesos.')).toEqual(['leader.mesos.:5051']);
    expect(publisher.tasks()).toHaveLength(40);
  });

  it('is not what another has the place of on another agent, where addresses are used anew', () => {
    // Those of agents 0 and 1 have from 0 up what those of 2 and 3 have from 9 down.
    const bridged = (job: Job, i: number): Job => {
      const index = Math.floor(i / 4);
      return { ...job, address: `172.17.0.${job.agent < 2 ? index : 9 - index}`, discoveryPort: 80 };
    };
    const publisher = createPublisher({ jobs: F.map(bridged) });
    publisher.read({ jobs: HALF.jobs.map(bridged) }, 0);
    expect(publisher.tasks()).toHaveLength(40);
  });

  it('is not what another has the place of: a container’s address on the same agent', () => {
    const bridged = (job: Job): Job => ({
      ...job,
      address: `172.17.0.${job.port - 31_000}`,
      discoveryPort: 80,
    });
    const publisher = createPublisher({ jobs: F.map((job) => bridged(job)) });
    const other = { ...bridged(F[39] ?? FIRST), name: 'other', id: 'other', port: 31_500 };
    publisher.read(
      { jobs: [...HALF.jobs.map((job) => bridged(job)), { ...other, address: '172.17.0.39' }] },
      0,
    );
    expect(publisher.tasks()).toHaveLength(40);
    expect(publisher.tasks().filter((name) => name.startsWith('web-'))).toHaveLength(39);
  });

  it('is not the cluster’s own: without a leader its names go', () => {
    const publisher = createPublisher(BEFORE);
    publisher.read({ ...HALF, leader: '' }, 0);
    expect([...publisher.published().A.keys()].filter((name) => /^(?:leader|master)/.test(name))).toEqual([]);
    expect(publisher.published().SRV.has('_leader._tcp.mesos.')).toBe(false);
    expect(publisher.tasks()).toHaveLength(40);
  });

  it('is no task that is still seen by one of its names', () => {
    const state = stateOf({ jobs: F.map((job) => ({ ...job, address: '9.0.0.1' })) });
    const published = recordsOf(state, { ipSources: ['netinfo'] }).set;
    const next = recordsOf(stateOf(BEFORE), { ipSources: ['netinfo'] }).set;
    expect(published.A.size - next.A.size).toBe(41);
    const source = {
      ...stateOf(BEFORE),
      name: 'mesos',
      published,
      next,
      isClusterRecord,
      frameworks: 1,
      tasks: 40,
    };
    const input = { memory: EMPTY_MEMORY, settings: SETTINGS, nowMs: START_MS, domain: 'mesos' };
    expect(guard({ ...input, sources: [source] })).toMatchObject({
      kept: [],
      heldNames: 0,
      memory: EMPTY_MEMORY,
    });
  });

  it('is told with numbers, and since when', () => {
    const publisher = createPublisher(BEFORE);
    // Twenty tasks with two names each of their own; the shared two, and the framework's, are still there.
    const first = publisher.read(HALF, 5);
    expect(first).toMatchObject({ heldNames: 40, heldSinceMs: START_MS + 5000, released: 0 });
    expect(first.held).toEqual([
      { scope: 'source mesos', missing: 40, of: 83, why: 'removed' },
      { scope: 'framework f', missing: 40, of: 83, why: 'removed' },
    ]);
    expect(publisher.read(HALF, 30)).toMatchObject({ heldNames: 40, heldSinceMs: START_MS + 5000 });
    expect(publisher.read(HALF, 65)).toMatchObject({
      heldNames: 0,
      heldSinceMs: undefined,
      released: 40,
      held: [],
      memory: EMPTY_MEMORY,
    });
  });

  it('counts a framework with dots in its name as one', () => {
    const dotted = jobs('chronos-2.4.0', 40, { name: 'a.b' });
    const publisher = createPublisher({ jobs: [...dotted, ...jobs('g', 200, { from: 500 })] });
    const { held } = publisher.read({ jobs: [...dotted.slice(0, 10), ...jobs('g', 200, { from: 500 })] }, 0);
    expect(held).toEqual([{ scope: 'framework chronos-2.4.0', missing: 60, of: 83, why: 'removed' }]);
  });

  it('goes at once by force, and is no loss to remember', () => {
    const publisher = createPublisher(BEFORE);
    publisher.read(HALF, 0);
    const verdict = publisher.read(HALF, 1, { force: true });
    expect(verdict).toMatchObject({ kept: [], memory: EMPTY_MEMORY, heldNames: 0, released: 40 });
    expect(publisher.tasks()).toHaveLength(20);
    expect(publisher.read({ jobs: HALF.jobs.slice(1) }, 2)).toMatchObject({ heldNames: 0 });
  });

  it('by force takes with it what was lost before', () => {
    const publisher = createPublisher(BEFORE);
    publisher.read({ jobs: F.slice(0, 32) }, 0);
    publisher.read({ jobs: F.slice(0, 32) }, 10, { force: true });
    expect(publisher.read({ jobs: F.slice(0, 25) }, 20).heldNames).toBe(0);
    expect(publisher.tasks()).toHaveLength(25);
  });

  it('goes by force when it was never held, too', () => {
    const publisher = createPublisher(BEFORE);
    expect(publisher.read(HALF, 0, { force: true })).toMatchObject({ kept: [], released: 40 });
  });

  it('is not let go by force of a source that was not read', () => {
    const publisher = createPublisher(BEFORE);
    publisher.read(undefined, 0, { force: true });
    expect(publisher.published()).toEqual(
      createPublisher(BEFORE).read(undefined, 0) && publisher.published(),
    );
    expect(publisher.tasks()).toHaveLength(40);
  });
});

describe('names that look like what they are not', () => {
  it('a task called like another task’s own name is followed as what it is', () => {
    // z-base-32 has all letters of "nodes".
    const odd = jobs('f', 1, { name: 'web-nodes-s1', from: 900 });
    const publisher = createPublisher({ jobs: [...F, ...odd] });
    publisher.read({ jobs: F, ended: odd }, 0);
    expect([...publisher.published().A.keys()].filter((name) => name.includes('nodes'))).toEqual([]);
    expect(publisher.memory()).toEqual(EMPTY_MEMORY);
  });

  it('tasks whose own names are too long to be asked for are held by their shared names', () => {
    const long = Array.from({ length: 30 }, (_, i) =>
      jobs('f', 1, { name: `${'l'.repeat(58)}-${i}`, from: i }),
    ).flat();
    const publisher = createPublisher({ jobs: [...F, ...long] });
    const before = publisher.published();
    publisher.read({ jobs: F.slice(0, 5) }, 0);
    expect([...publisher.published().A.keys()].toSorted()).toEqual([...before.A.keys()].toSorted());
  });
});

describe('several sources', () => {
  const source = (name: string, published: readonly Job[], next: readonly Job[] | undefined) => ({
    name,
    published: recordsIn({ jobs: published }),
    next: next && recordsIn({ jobs: next }),
    ended: { tasks: [], frameworks: [] },
    recoveringAgents: 0,
    isClusterRecord,
    frameworks: 1,
    tasks: next?.length ?? 0,
  });
  const A = jobs('a', 40);
  const B = jobs('b', 40, { from: 500 });
  const input = { memory: EMPTY_MEMORY, settings: SETTINGS, nowMs: START_MS, domain: 'mesos' };

  it('are held each for itself', () => {
    const { held, kept } = guard({
      ...input,
      sources: [source('x', A, A.slice(0, 10)), source('y', B, B)],
    });
    expect(held.map(({ scope }) => scope)).toEqual(['source x', 'framework a']);
    expect(
      kept.every(({ name }) => name.includes('.a.') || name.startsWith('a.') || name === 'slave.mesos.'),
    ).toBe(true);
  });

  it('of which one is down leave its values, memory included, and count nothing there', () => {
    const held = guard({ ...input, sources: [source('x', A, A.slice(0, 10)), source('y', B, B)] });
    const {
      kept,
      memory,
      held: scopes,
      heldNames,
    } = guard({
      ...input,
      nowMs: START_MS + 600_000,
      memory: held.memory,
      sources: [source('x', A, undefined), source('y', B, B)],
    });
    expect(memory).toEqual(held.memory);
    expect(heldNames).toBe(0);
    expect(scopes).toEqual([{ scope: 'source x', missing: 83, of: 83, why: 'source-down' }]);
    expect(withValues(EMPTY, kept).A.size).toBe(recordsIn({ jobs: A }).A.size);
  });

  it('that each lose too little to count are held where the zone loses too much', () => {
    const less = { sources: [source('x', A, A.slice(0, 32)), source('y', B, B.slice(0, 32))] };
    const settings = { ...SETTINGS, maxRemovedPercent: 15 };
    expect(guard({ ...input, ...less, settings }).heldNames).toBe(32);
    expect(guard({ ...input, ...less, sources: less.sources.slice(0, 1), settings }).heldNames).toBe(0);
  });
});

describe('memory', () => {
  it('is empty, and no octets, while nothing is lost', () => {
    const publisher = createPublisher(BEFORE);
    const { memory, kept } = publisher.read({ jobs: [...F, ...jobs('g', 30)] }, 0);
    expect({ memory, kept, octets: encodeGuardMemory(memory).length }).toEqual({
      memory: EMPTY_MEMORY,
      kept: [],
      octets: 0,
    });
    expect(publisher.read({ jobs: F, ended: jobs('g', 30), completed: ['g'] }, 10).memory).toEqual(
      EMPTY_MEMORY,
    );
  });

  it('stays the same while the same is held, and while it only grows old', () => {
    const publisher = createPublisher(BEFORE);
    const held = publisher.read(HALF, 0).memory;
    for (const at of [1, 20, 59]) expect(publisher.read(HALF, at).memory).toEqual(held);
    const bled = createPublisher(BEFORE);
    const lost = bled.read({ jobs: F.slice(0, 35) }, 0).memory;
    expect(lost.losses.length).toBeGreaterThan(0);
    for (const at of [60, 599, 700, 100_000]) {
      expect(bled.read({ jobs: F.slice(0, 35) }, at).memory).toEqual(lost);
    }
    expect(bled.read({ jobs: [...F.slice(0, 35), ...jobs('g', 1)] }, 100_001).memory).toEqual(EMPTY_MEMORY);
  });

  it('of a failover is there from the first agent missed to the last that came', () => {
    const publisher = createPublisher(BEFORE);
    const failovers = [{ source: 'mesos', sinceMs: START_MS }];
    expect(publisher.read({ ...BEFORE, awaited: 3 }, 0).memory).toEqual({ ...EMPTY_MEMORY, failovers });
    expect(publisher.read({ ...BEFORE, awaited: 1 }, 50).memory).toEqual({ ...EMPTY_MEMORY, failovers });
    expect(publisher.read(BEFORE, 60).memory).toEqual(EMPTY_MEMORY);
  });

  it('has 256 scopes at most, those with the largest losses', () => {
    const many = Array.from({ length: 300 }, (_, i) =>
      jobs(`f${i}`, i < 10 ? 5 : 4, { from: i * 10, on: 4000 }),
    ).flat();
    const publisher = createPublisher({ jobs: many });
    const less = many.filter(({ id }) => !id.endsWith('0'));
    const { memory, heldNames } = publisher.read({ jobs: less }, 0, { settings: { maxRemovedPercent: 90 } });
    expect(heldNames).toBe(0);
    expect(memory.losses).toHaveLength(256);
    expect(memory.losses.find(({ scope }) => scope === 'source mesos')).toBeDefined();
  });

  it('that is lost only starts clocks again', () => {
    const publisher = createPublisher(BEFORE);
    publisher.read(HALF, 0);
    const { heldNames, heldSinceMs } = guard({
      sources: [
        {
          name: 'mesos',
          published: publisher.published(),
          next: recordsIn(HALF),
          ...stateOf(HALF),
          isClusterRecord,
          frameworks: 1,
          tasks: 20,
        },
      ],
      memory: EMPTY_MEMORY,
      settings: SETTINGS,
      nowMs: START_MS + 50_000,
      domain: 'mesos',
    });
    expect({ heldNames, heldSinceMs }).toEqual({ heldNames: 40, heldSinceMs: START_MS + 50_000 });
  });

  it('from a clock that was ahead does not hold for ever', () => {
    const publisher = createPublisher(BEFORE);
    publisher.read(HALF, 1_000_000);
    expect(publisher.read(HALF, 0).heldNames).toBe(40);
    publisher.read(HALF, 60);
    expect(publisher.tasks()).toHaveLength(20);
  });
});

const EMPTY: RecordSet = { A: new Map(), AAAA: new Map(), SRV: new Map(), MORE: new Map() };
const POOL: readonly Job[] = [
  ...jobs('f', 25, { on: 5 }),
  ...jobs('g', 15, { name: 'api', from: 100, on: 5 }),
  ...jobs('h', 3, { name: 'db', from: 200, on: 5 }),
];

/** Any of the pool: which are there by their bits, and of those that are not, which have evidence. */
const aTown: fc.Arbitrary<Town> = fc
  .record({
    jobs: fc.oneof(fc.subarray([...POOL]), fc.constant([...POOL]), fc.constant<Job[]>([])),
    ended: fc.oneof(fc.constant<Job[]>([]), fc.subarray([...POOL])),
    awaited: fc.constantFrom(0, 0, 0, 2),
  })
  .map(({ jobs: here, ended, awaited }) => ({
    jobs: here,
    ended: ended.filter((job) => !here.includes(job)),
    awaited,
  }));
const reads = fc.array(
  fc.record({ town: fc.option(aTown, { nil: undefined }), after: fc.integer({ min: 1, max: 40 }) }),
  {
    minLength: 1,
    maxLength: 8,
  },
);

describe('any cluster, read any number of times', () => {
  it('is published with all that was read, and nothing that neither was published nor is', () => {
    fc.assert(
      fc.property(aTown, reads, (first, steps) => {
        const publisher = createPublisher(first);
        let at = 0;
        for (const { town, after } of steps) {
          const before = publisher.published();
          const { kept } = publisher.read(town, (at += after));
          const next = town ? recordsIn(town) : EMPTY;
          for (const { type, name, value } of kept) {
            expect(before[type].get(name)).toContain(value);
            expect(next[type].get(name) ?? []).not.toContain(value);
          }
          expect(new Set(kept.map((each) => `${each.type} ${each.name} ${each.value}`)).size).toBe(
            kept.length,
          );
        }
      }),
      { numRuns: 60 },
    );
  });

  it('loses no task without evidence that was held, before it has been missing for long enough', () => {
    fc.assert(
      fc.property(aTown, reads, (first, steps) => {
        const publisher = createPublisher(first);
        const heldSince = new Map<string, number>();
        let at = 0;
        for (const { town, after } of steps) {
          at += after;
          const before = new Set(publisher.tasks());
          const ended = new Set(tasksIn({ jobs: town?.ended ?? [] }));
          publisher.read(town, at);
          const now = new Set(publisher.tasks());
          if (!town) {
            expect(now).toEqual(before);
            continue;
          }
          const here = new Set(tasksIn(town));
          for (const name of before) {
            if (here.has(name) || ended.has(name)) heldSince.delete(name);
            else if (now.has(name)) heldSince.set(name, heldSince.get(name) ?? at);
            else if (heldSince.has(name)) {
              const age = at - (heldSince.get(name) ?? at);
              if (!hasSuccessor(name, before, here)) expect(age).toBeGreaterThanOrEqual(60);
              heldSince.delete(name);
            }
          }
        }
      }),
      { numRuns: 60 },
    );
  });

  it('that loses nothing is published as it is, and leaves no memory', () => {
    fc.assert(
      fc.property(aTown, fc.subarray([...POOL]), ({ jobs: here }, more) => {
        const publisher = createPublisher({ jobs: here });
        const { kept, memory, held } = publisher.read(
          { jobs: [...new Set([...here, ...more])], frameworks: ['f'] },
          5,
        );
        expect({ kept, memory, held }).toEqual({ kept: [], memory: EMPTY_MEMORY, held: [] });
      }),
      { numRuns: 50 },
    );
  });

  it('is judged the same when the same read is judged again', () => {
    fc.assert(
      fc.property(aTown, reads, (first, steps) => {
        const publisher = createPublisher(first);
        let at = 0;
        for (const { town, after } of steps) {
          at += after;
          const once = publisher.read(town, at);
          const again = publisher.read(town, at);
          expect(again.memory).toEqual(once.memory);
          const sorted = (kept: typeof once.kept) =>
            kept.map(({ type, name, value }) => `${type} ${name} ${value}`).toSorted();
          expect(sorted(again.kept)).toEqual(sorted(once.kept));
        }
      }),
      { numRuns: 50 },
    );
  });

  it('is published as it is once it stands still', () => {
    fc.assert(
      fc.property(aTown, aTown, (first, last) => {
        const publisher = createPublisher(first);
        const still = { ...last, awaited: 0 };
        for (const at of [0, 30, 61]) publisher.read(still, at);
        expect(publisher.tasks()).toEqual(tasksIn(still));
        expect(publisher.memory().held).toEqual([]);
      }),
      { numRuns: 50 },
    );
  });
});

/** Was it the only one of its name, and is there a new one now? */
function hasSuccessor(name: string, before: ReadonlySet<string>, here: ReadonlySet<string>): boolean {
  const likes = (names: ReadonlySet<string>): string[] =>
    [...names].filter((other) => other.split('-')[0] === name.split('-')[0]);
  const agents = new Set(likes(before).map((other) => /-s(\d+)\./.exec(other)?.[1]));
  return agents.size === 1 && likes(here).some((other) => !before.has(other));
}

function tasksIn(town: Town): readonly string[] {
  return createPublisher(town).tasks();
}

describe('the changes alone', () => {
  it('were enough for many verdicts, and not for all', () => {
    expect(seen.brief).toBeGreaterThan(200);
    expect(seen.without).toBeGreaterThan(200);
  });
});
