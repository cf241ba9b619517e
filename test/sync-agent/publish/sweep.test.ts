import { describe, expect, it } from 'vitest';
import { supersede, sweepable } from '../../../sync-agent/publish/sweep.ts';
import { type HeadBody, headKey, historyKey, runKey, shardKey } from '../../../zone/head.ts';
import { ORIGIN, ZONE } from './published-zone.ts';

const DAY = 86_400;
const NOW = 1_800_000_000;
const place = { origin: ORIGIN, variant: 'main' };
const hash = (octet: number): Uint8Array => new Uint8Array(16).fill(octet);
const run = (serial: number): { serial: number; hash: Uint8Array; octets: number } => ({
  serial,
  hash: hash(1),
  octets: 9,
});
const shards = (cutSerial: number): { cutSerial: number; bits: number; hashes: Uint8Array[] } => ({
  cutSerial,
  bits: 1,
  hashes: [hash(2), hash(3)],
});
const bodyWith = (levels: Partial<HeadBody['levels']>, superseded?: HeadBody['superseded']): HeadBody => ({
  zone: ZONE,
  settings: { staleAfterSeconds: 1, expireAfterSeconds: 0, recursionAvailable: 'never' },
  levels: { seed: new Uint8Array(8), run: undefined, shards: undefined, ...levels },
  overlay: new Uint8Array(),
  ...(superseded && { superseded }),
});
const keyOfRun = (serial: number): string => runKey(ORIGIN, 'main', run(serial));
const keysOfCut = (serial: number): string[] =>
  [0, 1].map((index) => shardKey(ORIGIN, 'main', { ...shards(serial), index }));

describe('what may be swept', () => {
  const old = NOW - 3 * DAY;
  it.each<[string, Partial<Parameters<typeof sweepable>[1]>, string[], string[]]>([
    ['a run nobody named lately', {}, [keyOfRun(old)], [keyOfRun(old)]],
    ['not one that is named', { named: new Set([keyOfRun(old)]) }, [keyOfRun(old)], []],
    ['not one written within a day', {}, [keyOfRun(NOW - DAY + 1)], []],
    [
      'not one that was named until within a day',
      { superseded: [{ kind: 'run', from: old - 10, upTo: old + 10, sinceSeconds: NOW - DAY }] },
      [keyOfRun(old)],
      [],
    ],
    [
      'one that was named until more than a day ago',
      { superseded: [{ kind: 'run', from: old, upTo: old, sinceSeconds: NOW - DAY - 1 }] },
      [keyOfRun(old)],
      [keyOfRun(old)],
    ],
    [
      'shards beside runs of the same serial',
      { superseded: [{ kind: 'run', from: old, upTo: old, sinceSeconds: NOW }] },
      [keyOfRun(old), ...keysOfCut(old)],
      keysOfCut(old),
    ],
    [
      'never a head, kept history, nor what is not ours',
      {},
      [headKey(ORIGIN, 'main'), historyKey(ORIGIN, 'main', 5), 'z/mesos/main/other', 'x'].concat(
        keyOfRun(old).replace('main/', 'main/x/main/'),
      ),
      [],
    ],
  ])('%s', (_, facts, keys, swept) => {
    const none = { named: new Set<string>(), prefix: 'z/mesos/main/', superseded: [] };
    expect(sweepable(keys, { ...none, nowSeconds: NOW, ...facts })).toEqual(swept);
  });
});

describe('what a head has stopped naming', () => {
  it('is what its predecessor named and it does not', () => {
    const before = bodyWith({ run: run(10), shards: shards(5) });
    expect(
      supersede(before, bodyWith({ run: run(20), shards: shards(5) }), { place, nowSeconds: NOW }),
    ).toEqual([{ kind: 'run', from: 10, upTo: 10, sinceSeconds: NOW }]);
    expect(supersede(before, bodyWith({ shards: shards(30) }), { place, nowSeconds: NOW })).toEqual([
      { kind: 'run', from: 10, upTo: 10, sinceSeconds: NOW },
      { kind: 'shard', from: 5, upTo: 5, sinceSeconds: NOW },
    ]);
    expect(supersede(before, before, { place, nowSeconds: NOW })).toEqual([]);
  });

  it('is remembered for a day, in few ranges however often runs are merged', () => {
    let body = bodyWith({ run: run(NOW) });
    let most = 0;
    for (let second = 10; second < 3 * DAY; second += 10) {
      const next = bodyWith({ run: run(NOW + second) });
      const superseded = supersede(body, next, { place, nowSeconds: NOW + second });
      most = Math.max(most, superseded.length);
      const before = NOW + second - DAY;
      for (const serial of [before + 10, NOW + second - 10].filter((each) => each >= NOW))
        expect(superseded.some(({ from, upTo }) => from <= serial && serial <= upTo)).toBe(true);
      body = { ...next, superseded };
    }
    expect(most).toBeLessThanOrEqual(27);
  });

  it('stays as it was where nothing is superseded, however old', () => {
    const superseded = [{ kind: 'run', from: 1, upTo: 2, sinceSeconds: 3 }] as const;
    const body = bodyWith({ run: run(10) }, superseded);
    expect(supersede(body, body, { place, nowSeconds: NOW })).toBe(superseded);
  });
});
