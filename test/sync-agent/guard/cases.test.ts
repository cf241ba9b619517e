import { describe, expect, it } from 'vitest';
import type { GuardSettings } from '../../../sync-agent/guard/guard.ts';
import { createPublisher, type Job, jobs, type Town } from './town.ts';

/** One read: at how many seconds, of what, how many tasks are published after it, and where names are held. */
type Read = readonly [atSeconds: number, of: Town | undefined, tasks: number, held?: string];
type Case = {
  readonly before: Town;
  readonly reads: readonly Read[];
  readonly settings?: Partial<GuardSettings>;
};

const F100 = jobs('f', 100);
const G100 = jobs('g', 100, { from: 1000 });
const ALL: Town = { jobs: [...F100, ...G100] };
/** f without its last so many. */
const lessF = (less: number): readonly Job[] => [...F100.slice(0, 100 - less), ...G100];
const without = (less: number): Town => ({ jobs: lessF(less) });
const goneF = (less: number): readonly Job[] => F100.slice(100 - less);
const EMPTIED: Town = { jobs: G100, frameworks: ['f', 'g'] };
const SMALL: Town = { jobs: jobs('f', 3), frameworks: ['f'] };
const NEW_F = jobs('f', 100, { run: '-2', from: 200 });
const DB_2 = jobs('f', 1, { name: 'db', run: '-2', from: 505 });
const ONE: Town = { jobs: [...jobs('f', 1, { name: 'db', from: 500 }), ...F100] };
const BLUE = jobs('f', 50, { name: 'blue' });
const GREEN = jobs('f', 50, { name: 'green', from: 500 });
const S3: Town = { jobs: [...jobs('f', 300, { on: 20 }), ...jobs('g', 12, { from: 1000 })] };
const awaiting = (town: Town, awaited: number): Town => ({ ...town, awaited });
const backTo = (agents: number): Town => ({
  jobs: ALL.jobs.filter(({ agent }) => agent < agents),
  frameworks: ['f', 'g'],
  awaited: 10 - agents,
});

const CASES: Readonly<Record<string, Case>> = {
  'nothing happens': {
    before: ALL,
    reads: [
      [0, ALL, 200],
      [60, ALL, 200],
    ],
  },
  'a mass removal is held until it has settled, and is not held again': {
    before: ALL,
    reads: [
      [0, without(60), 200, 'framework f'],
      [30, without(60), 200, 'framework f'],
      [59, without(60), 200, 'framework f'],
      [60, without(60), 140],
      [61, without(60), 140],
      [90, without(61), 139],
    ],
  },
  'a mass removal goes out at once with evidence': {
    before: ALL,
    reads: [[0, { jobs: lessF(60), ended: goneF(60) }, 140]],
  },
  'evidence that comes later lets go what is held': {
    before: ALL,
    reads: [
      [0, without(60), 200, 'framework f'],
      [10, { jobs: lessF(60), ended: goneF(50) }, 150, 'framework f'],
    ],
  },
  'what has evidence does not count against what has none': {
    before: ALL,
    reads: [[0, { jobs: lessF(60), ended: goneF(50) }, 140]],
  },
  'evidence of other tasks is none': {
    before: ALL,
    reads: [[0, { jobs: lessF(60), ended: jobs('f', 60, { run: '-2', from: 40 }) }, 200, 'framework f']],
  },
  'a little goes out at once': { before: ALL, reads: [[0, without(25), 175]] },
  'slow bleeding is held once it is too much': {
    before: ALL,
    reads: [
      [0, without(15), 185],
      [60, without(28), 172],
      [120, without(40), 172, 'framework f'],
      [150, without(41), 172, 'framework f'],
      [180, without(41), 160, 'framework f'],
      [210, without(41), 159],
    ],
  },
  'bleeding over more than the window is a cluster that shrinks': {
    before: ALL,
    reads: [
      [0, without(25), 175],
      [700, without(45), 155],
      [1400, without(60), 140],
    ],
  },
  'bleeding counts less for what came in between': {
    before: ALL,
    reads: [
      [0, without(25), 175],
      [60, { jobs: [...lessF(25), ...NEW_F.slice(0, 25)] }, 200],
      [120, { jobs: [...lessF(50), ...NEW_F.slice(0, 25)] }, 175],
    ],
  },
  'a framework that is emptied is held': {
    before: ALL,
    reads: [
      [0, EMPTIED, 200, 'source mesos'],
      [60, EMPTIED, 100],
    ],
  },
  'a framework that is emptied goes out with evidence': {
    before: ALL,
    reads: [[0, { ...EMPTIED, ended: F100 }, 100]],
  },
  'a framework that is gone is held': {
    before: ALL,
    reads: [
      [0, { jobs: G100 }, 200, 'source mesos'],
      [60, { jobs: G100 }, 100],
    ],
  },
  'a finished batch framework goes out': {
    before: ALL,
    reads: [[0, { jobs: G100, completed: ['f'] }, 100]],
  },
  'a finished batch framework goes out with few of its tasks in evidence': {
    before: ALL,
    reads: [[0, { jobs: G100, completed: ['f'], ended: F100.slice(0, 3) }, 100]],
  },
  'a framework of that name that finished before is no evidence': {
    before: ALL,
    reads: [[0, { jobs: G100, completed: ['f'], ended: jobs('f', 9, { run: '-0' }) }, 200, 'source mesos']],
  },
  'a moved task whose old port another task took is not kept': {
    before: ALL,
    reads: [
      [
        0,
        { jobs: [...lessF(60), { framework: 'g', name: 'other', id: 'o', agent: 9, port: 31_099 }] },
        200,
        'framework f',
      ],
    ],
  },
  'another port, or another agent, is no place taken': {
    before: ALL,
    reads: [
      [
        0,
        {
          jobs: [
            ...lessF(60),
            { framework: 'g', name: 'other', id: 'o1', agent: 9, port: 32_000 },
            { framework: 'g', name: 'other', id: 'o2', agent: 8, port: 31_099 },
          ],
        },
        202,
        'framework f',
      ],
    ],
  },
  'a name with one value follows its successor': {
    before: ONE,
    reads: [[0, { jobs: [...DB_2, ...F100.slice(60)] }, 101, 'source mesos']],
  },
  'a name with one value keeps it beside a successor while agents are awaited': {
    before: ONE,
    reads: [[0, awaiting({ jobs: [...DB_2, ...F100] }, 1), 102, 'source mesos']],
  },
  'a name with one value follows a successor that comes while it is held': {
    before: ONE,
    reads: [
      [0, { jobs: F100.slice(60) }, 101, 'source mesos'],
      [20, { jobs: [...DB_2, ...F100.slice(60)] }, 101, 'source mesos'],
      [40, { jobs: [...DB_2, ...F100.slice(60)] }, 101, 'source mesos'],
      [60, { jobs: [...DB_2, ...F100.slice(60)] }, 41],
    ],
  },
  'a leader change with agents still to come holds the least loss': {
    before: ALL,
    reads: [
      [0, awaiting(without(1), 1), 200, 'source mesos'],
      [100, awaiting(without(1), 1), 200, 'source mesos'],
      [110, without(1), 200, 'framework f'],
      [169, without(1), 200, 'framework f'],
      [170, without(1), 199],
    ],
  },
  'recovered agents that come back over 20 s lose nothing': {
    before: ALL,
    reads: [0, 2, 4, 6, 8, 10].map((agents) => [
      agents * 2,
      backTo(agents),
      200,
      ...(agents < 10 ? (['source mesos'] as const) : []),
    ]) as unknown as readonly Read[],
  },
  'agents that never come back are not awaited for ever': {
    before: ALL,
    reads: [
      [0, awaiting(without(10), 1), 200, 'source mesos'],
      [599, awaiting(without(10), 1), 200, 'source mesos'],
      [600, awaiting(without(10), 1), 190],
      [700, awaiting(without(11), 1), 189],
    ],
  },
  'what ended with evidence goes out in a failover too': {
    before: ALL,
    reads: [[0, { ...awaiting(without(5), 3), ended: goneF(5) }, 195]],
  },
  'zero frameworks are held': {
    before: SMALL,
    reads: [
      [0, { jobs: [] }, 3, 'source mesos'],
      [30, SMALL, 3],
      [40, { jobs: [] }, 3, 'source mesos'],
      [99, { jobs: [] }, 3, 'source mesos'],
      [100, { jobs: [] }, 0],
      [110, { jobs: [] }, 0],
    ],
  },
  'zero tasks are held': {
    before: SMALL,
    reads: [
      [0, { jobs: [], frameworks: ['f'] }, 3, 'source mesos'],
      [60, { jobs: [], frameworks: ['f'] }, 0],
    ],
  },
  'zero tasks with evidence go out': {
    before: SMALL,
    reads: [[0, { jobs: [], frameworks: ['f'], ended: SMALL.jobs }, 0]],
  },
  'a source that is down keeps all it had, and clocks stand': {
    before: ALL,
    reads: [
      [0, without(60), 200, 'framework f'],
      [30, undefined, 200, 'source mesos'],
      [50, undefined, 200, 'source mesos'],
      [58, without(60), 200, 'framework f'],
      [60, without(60), 140],
    ],
  },
  'a small cluster loses what is below the least that counts at once': {
    before: SMALL,
    reads: [[0, { jobs: SMALL.jobs.slice(0, 1) }, 1]],
  },
  'a rolling deploy of everything, name for name, goes out': {
    before: { jobs: F100 },
    reads: [[0, { jobs: NEW_F }, 100]],
  },
  'a blue-green swap in one read goes out': {
    before: { jobs: BLUE },
    reads: [[0, { jobs: GREEN }, 50]],
  },
  'a blue-green swap whose blue goes later waits for evidence, or settles': {
    before: { jobs: BLUE },
    reads: [
      [0, { jobs: [...BLUE, ...GREEN] }, 100],
      [10, { jobs: GREEN }, 100, 'source mesos'],
      [20, { jobs: GREEN, ended: BLUE }, 50],
    ],
  },
  'an agent that is gone is held though its frameworks lose little': {
    before: S3,
    reads: [
      [0, { jobs: S3.jobs.filter(({ agent }) => agent !== 5) }, 312, 'agent s5'],
      [60, { jobs: S3.jobs.filter(({ agent }) => agent !== 5) }, 296],
    ],
  },
  'names that come back are forgotten, and have a new clock': {
    before: ALL,
    reads: [
      [0, without(60), 200, 'framework f'],
      [50, ALL, 200],
      [55, without(60), 200, 'framework f'],
      [61, without(60), 200, 'framework f'],
      [115, without(60), 140],
    ],
  },
  'names that go later settle later': {
    before: ALL,
    reads: [
      [0, without(60), 200, 'framework f'],
      [30, without(70), 200, 'source mesos'],
      [60, without(70), 140, 'source mesos'],
      [90, without(70), 130],
    ],
  },
  'additions go out whatever is held': {
    before: ALL,
    reads: [
      [0, without(60), 200, 'framework f'],
      [10, { jobs: [...lessF(60), ...jobs('h', 5)] }, 205, 'framework f'],
    ],
  },
  'one read is not enough, however long the clock says it was': {
    before: ALL,
    settings: { settleSeconds: 0 },
    reads: [
      [0, without(60), 200, 'framework f'],
      [0, without(60), 200, 'framework f'],
      [1, without(60), 140],
    ],
  },
};

describe('the guard, read by read', () => {
  it.each(Object.entries(CASES))('%s', (_, { before, reads, settings = {} }) => {
    const publisher = createPublisher(before);
    const got = reads.map(([atSeconds, town]) => {
      const verdict = publisher.read(town, atSeconds, { settings });
      const [first] = verdict.held;
      return [atSeconds, publisher.tasks().length, first?.scope];
    });
    expect(got).toEqual(reads.map(([atSeconds, , tasks, held]) => [atSeconds, tasks, held]));
  });
});
