import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../sync-agent/config.ts';
import { type Cost, costOf, DEFAULT_ASSUMPTIONS, guessIsolates, type Usage } from '../../sync-agent/cost.ts';
import { freePlanPushSeconds, writesADay } from '../../sync-agent/write-model.ts';

/** A cluster of about 100 tasks that nobody asks and in which nothing changes. */
const QUIET: Usage = {
  queriesPerDay: 0,
  changesPerSecond: 0,
  rrsets: 500,
  zones: 1,
  variants: 1,
  minPushSeconds: 10,
  livenessSeconds: 300,
  isolates: 1,
  assumed: DEFAULT_ASSUMPTIONS,
};
const MILLION = { ...QUIET, rrsets: 1_000_000, changesPerSecond: 1 };

function line(cost: Cost, what: string): { monthly: number; usd: number } {
  const found = cost.lines.find((each) => each.what === what);
  if (!found) throw new Error(`no line ${what}`);
  return { monthly: found.monthly, usd: found.usd };
}

describe("a month's bill", () => {
  it('of a quiet cluster is the plan alone, and renewals are all that is written', () => {
    const cost = costOf(QUIET);
    expect(cost.usd).toBe(5);
    expect(line(cost, 'kvWrites').monthly).toBe((86_400 / 300) * 30);
    expect(cost.freePlan.holds).toBe(true);
  });

  it.each([
    [10e6, { requests: 87, cpuMs: 5.4 }],
    [1e9, { requests: 8_997, cpuMs: 599.4 }],
    [100e3, { requests: 0, cpuMs: 0 }],
  ])('of %d queries a day has the published prices of requests and CPU', (queriesPerDay, expected) => {
    const cost = costOf({ ...QUIET, queriesPerDay });
    expect(line(cost, 'requests').usd).toBeCloseTo(expected.requests, 6);
    expect(line(cost, 'cpuMs').usd).toBeCloseTo(expected.cpuMs, 6);
  });

  it('has a price for every line: so many included, and each million, or GB, beyond', () => {
    const prices = costOf({
      ...QUIET,
      queriesPerDay: 1e9,
      changesPerSecond: 20,
      rrsets: 3e6,
      zones: 9,
    }).lines;
    const per = Object.fromEntries(
      prices
        .filter(({ what }) => what !== 'plan')
        .map(({ what, monthly, included, usd }) => [what, [included, (usd / (monthly - included)) * 1e6]]),
    );
    expect(per).toEqual({
      requests: [10e6, expect.closeTo(0.3, 9)],
      cpuMs: [30e6, expect.closeTo(0.02, 9)],
      kvReads: [10e6, expect.closeTo(0.5, 9)],
      kvWrites: [1e6, expect.closeTo(5, 9)],
      kvDeletes: [1e6, expect.closeTo(5, 9)],
      kvLists: [1e6, expect.closeTo(5, 9)],
      storageGigabytes: [1, expect.closeTo(0.5e6, 3)],
    });
  });

  it('reads a head once an interval and isolate, and never more often than it is asked', () => {
    const reads = (queriesPerDay: number, isolates: number, headRefreshSeconds: number): number =>
      line(
        costOf({
          ...QUIET,
          queriesPerDay,
          isolates,
          assumed: { ...DEFAULT_ASSUMPTIONS, headRefreshSeconds },
        }),
        'kvReads',
      ).monthly / 30;
    const own = reads(0, 1, 60);
    // 1,000 isolates that check once a minute: 43.2M reads a month.
    expect((reads(10e6, 1_000, 60) - own) * 30).toBe(43.2e6);
    expect(reads(10e6, 1_000, 30) - own).toBe(2 * (reads(10e6, 1_000, 60) - own));
    expect(reads(500, 1_000, 30) - own).toBeCloseTo(500, 6);
  });

  it('is the sum of its lines, and never less than with less of anything', () => {
    const usage = fc.record({
      queriesPerDay: fc.integer({ min: 0, max: 1e9 }),
      changesPerSecond: fc.double({ min: 0, max: 20, noNaN: true }),
      rrsets: fc.integer({ min: 0, max: 2e6 }),
      zones: fc.integer({ min: 1, max: 5 }),
      variants: fc.integer({ min: 1, max: 3 }),
      minPushSeconds: fc.integer({ min: 1, max: 600 }),
      livenessSeconds: fc.integer({ min: 10, max: 3600 }),
      isolates: fc.integer({ min: 1, max: 5000 }),
      assumed: fc.constant(DEFAULT_ASSUMPTIONS),
    });
    fc.assert(
      fc.property(usage, (some) => {
        const cost = costOf(some);
        expect(cost.usd).toBeCloseTo(
          cost.lines.reduce((sum, each) => sum + each.usd, 0),
          6,
        );
        for (const each of cost.lines) {
          expect(Number.isFinite(each.monthly)).toBe(true);
          expect(each.usd).toBeGreaterThanOrEqual(0);
        }
        const more = costOf({ ...some, queriesPerDay: some.queriesPerDay * 2, zones: some.zones + 1 });
        expect(more.usd).toBeGreaterThanOrEqual(cost.usd - 1e-9);
      }),
    );
  });

  it('says which of the free limits breaks first', () => {
    const { freePlan } = costOf({ ...QUIET, changesPerSecond: 1 });
    expect(freePlan.holds).toBe(false);
    expect(freePlan.limits[0]).toMatchObject({ what: 'kvWrites', limit: 1_000 });
    const asked = costOf({ ...QUIET, queriesPerDay: 200_000, isolates: 1 }).freePlan;
    expect(asked.limits[0]).toEqual({ what: 'requests', perDay: 200_000, limit: 100_000 });
    expect(asked.holds).toBe(false);
    const large = costOf({ ...QUIET, rrsets: 10_000_000 }).freePlan;
    expect(large.limits[0]?.what).toBe('storageGigabytes');
  });
});

describe('what is written', () => {
  it('agrees with what the bench counts at a million RRsets and a change a second', () => {
    // `npm run bench -- snapshot`: 0.80M writes and 133 GB a month.
    const cost = costOf(MILLION);
    const monthly = cost.writes.total * 30;
    expect(cost.shards).toBe(256);
    expect(monthly).toBeGreaterThan(0.7e6);
    expect(monthly).toBeLessThan(0.9e6);
    expect(cost.uploadGigabytesPerMonth).toBeGreaterThan(120);
    expect(cost.uploadGigabytesPerMonth).toBeLessThan(155);
    expect(line(cost, 'kvWrites').usd).toBe(0);
  });

  // Measured: the planner of zone/ over the simulated cluster, merges in that many changes.
  it.each([
    [670, 864, 20],
    [4_756, 1_500, 65],
    [39_775, 600, 20],
  ])('is near what the planner did: %d RRsets, %d changes, %d merges', (rrsets, changes, measured) => {
    const { merges, cuts } = writesADay({ ...QUIET, rrsets, changesPerSecond: changes / 86_400 });
    expect((merges + cuts) / measured).toBeGreaterThan(0.75);
    expect((merges + cuts) / measured).toBeLessThan(1.75);
  });

  it('is one write a push where all fits the overlay, or the run takes it', () => {
    const small = writesADay({ ...QUIET, rrsets: 200, changesPerSecond: 5 });
    expect(small).toMatchObject({ merges: 0, cuts: 0, shardWrites: 0 });
    expect(small.pushes).toBeCloseTo(8_640, 0);
    const run = writesADay({ ...QUIET, rrsets: 5_000, changesPerSecond: 0.1 });
    expect(run.merges).toBeGreaterThan(0);
    expect(run).toMatchObject({ cuts: 0, shards: 0 });
  });

  it('has no push without a change, and no more than one an interval', () => {
    expect(writesADay(QUIET)).toMatchObject({ pushes: 0, merges: 0, history: 0, deletes: 0 });
    const rare = writesADay({ ...QUIET, changesPerSecond: 1 / 86_400 });
    expect(rare.pushes).toBeCloseTo(1, 2);
    expect(rare.renewals).toBeGreaterThan(280);
    const busy = writesADay({ ...QUIET, changesPerSecond: 1_000, minPushSeconds: 100 });
    expect(busy.pushes).toBeCloseTo(864, 6);
    expect(busy.renewals).toBeCloseTo(0, 1);
    expect(busy.merges).toBeLessThanOrEqual(busy.pushes);
  });

  it('renews in between where pushes are further apart than renewals', () => {
    const far = writesADay({ ...QUIET, changesPerSecond: 1, minPushSeconds: 1_800, livenessSeconds: 900 });
    expect(far.pushes + far.renewals).toBeCloseTo(96, 6);
  });
});

describe("the free plan's preset", () => {
  const { minPushSeconds, livenessSeconds, staleAfterSeconds } = parseConfig({ plan: 'free' }, 'test');
  const preset = { ...QUIET, minPushSeconds, livenessSeconds };

  it('is what freePlanPushSeconds gives for one snapshot', () => {
    expect(minPushSeconds).toBe(freePlanPushSeconds({ variants: 1, zones: 1, livenessSeconds }));
    expect(staleAfterSeconds).toBeGreaterThan(2 * livenessSeconds);
  });

  it.each([
    ['a zone that fits the overlay, however it changes', 200, 10],
    ['500 tasks, 3,450 changes a day', 2_250, 0.04],
    ['1,500 tasks (the largest run), 3,450 changes a day', 6_750, 0.04],
    ['10,000 tasks, 1,700 changes a day', 45_000, 0.02],
    ['a quiet cluster of 10,000 tasks', 45_000, 0],
  ])('stays under 1,000 writes and deletes a day: %s', (_, rrsets, changesPerSecond) => {
    const { total, deletes } = writesADay({ ...preset, rrsets, changesPerSecond });
    expect(total).toBeLessThanOrEqual(1_000);
    expect(deletes).toBeLessThanOrEqual(1_000);
  });

  it.each([
    ['500 tasks, 5,200 changes a day', 2_250, 0.06],
    ['10,000 tasks, 3,450 changes a day', 45_000, 0.04],
  ])('does not for %s', (_, rrsets, changesPerSecond) => {
    expect(writesADay({ ...preset, rrsets, changesPerSecond }).total).toBeGreaterThan(1_000);
  });

  it('for several snapshots is further apart, until renewals alone take the day', () => {
    const seconds = Array.from({ length: 9 }, (_, i) => freePlanPushSeconds({ variants: 1, zones: i + 1 }));
    expect(seconds.slice(0, 3)).toEqual([100, 210, 320]);
    expect(seconds.slice(7)).toEqual([undefined, undefined]);
    expect(freePlanPushSeconds({ variants: 2, zones: 1 })).toBe(seconds[1]);
    expect(freePlanPushSeconds({ variants: 3, zones: 3, livenessSeconds: 3_600 })).toBeGreaterThan(900);
    for (const [i, each] of seconds.entries()) {
      if (each === undefined) continue;
      // Changes all day long, in zones that fit their overlays; the merges that were asked for come on top.
      const { total } = writesADay({ ...preset, rrsets: 200, changesPerSecond: 10, minPushSeconds: each });
      expect(total * (i + 1) + 80).toBeLessThanOrEqual(1_000);
    }
  });
});

describe('isolates', () => {
  it.each([
    [0, 20],
    [1e3, 20],
    [1e5, 200],
    [1e6, 447],
    [1e7, 1_000],
    [1e9, 5_000],
    [1e12, 5_000],
  ])('for %d queries a day are guessed to be %d', (queries, isolates) => {
    expect(guessIsolates(queries)).toBe(isolates);
  });
});
