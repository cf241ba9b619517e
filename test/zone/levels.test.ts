import { describe, expect, it } from 'vitest';
import { encodeBlock, findEntry, openBlock } from '../../zone/block.ts';
import { FormatError } from '../../zone/format-error.ts';
import { hashName } from '../../zone/hash.ts';
import { findInLevels, type Levels, liveEntries, openLevels, shardOf } from '../../zone/levels.ts';
import { nameToWire, type OwnerName, parseName } from '../../zone/name.ts';
import { DEFAULT_LIMITS, type Limits } from '../../zone/plan.ts';
import { encodeSrv, type RRset, TYPE } from '../../zone/record.ts';
import { cut, expectLevelsToSay, plan, SEED } from './levels.ts';

describe('levels', () => {
  it('hide what an upper one says is gone, and show what it brings back', async () => {
    const limits: Limits = { overlayOctets: 200, runOctets: 3000, shardOctets: 3000 };
    const many = new Map(Array.from({ length: 60 }, (_, i) => a(`task-${i}.mesos`, i)));
    // Shards, then a run over them, then an overlay over that: task-0 is there, gone, and there again.
    const first = await cut(many, { serial: 1, limits: { ...limits, runOctets: 0 } });
    const without = new Map([...many].slice(20));
    const second = await plan(first.levels, without, { serial: 2, limits });
    expect(second.levels.table.run?.serial).toBe(2);
    expect(second.levels.table.shards?.cutSerial).toBe(1);
    const back = new Map([...without, a('task-0.mesos', 99)]);
    const third = await plan(second.levels, back, { serial: 3, limits });
    expect(third.overlayOctets.length).toBeGreaterThan(0);
    const wire = nameToWire(parseName('task-0.mesos'));
    const { run, overlay } = third.levels;
    const { slot } = hashName(wire, SEED);
    expect(run && findEntry(run, wire, slot)?.kind).toBe('tombstone');
    expect(overlay && findEntry(overlay, wire, slot)?.kind).toBe('name');
    expectLevelsToSay(second.levels, without);
    expectLevelsToSay(third.levels, back);
    // Gone once more: the run says so already, the overlay need not.
    const fourth = await plan(third.levels, without, { serial: 4, limits });
    expect(fourth.levels).toEqual(second.levels);
    expect(fourth.changes).toBe(1);
  });

  it('are found in by shard, with any number of them', () => {
    for (let bits = 0; bits <= 16; bits++) {
      expect(shardOf({ slot: 0, shard: 0xffffffff }, bits)).toBe(2 ** bits - 1);
      expect(shardOf({ slot: 0xffffffff, shard: 0 }, bits)).toBe(0);
    }
    expect(shardOf({ slot: 0, shard: 0x80000000 }, 1)).toBe(1);
  });

  it('apply an edit in the overlay over an edit in the run over a shard', async () => {
    const owner = parseName('_web._tcp.mesos');
    const service = (count: number): Map<OwnerName, RRset[]> => {
      const rdata = Array.from({ length: count }, (_, port) =>
        encodeSrv({ priority: 0, weight: 1, port, target: owner }),
      );
      return new Map([[owner, [{ owner, type: TYPE.SRV, ttl: 30, sources: 1, rdata }]]]);
    };
    const first = await cut(service(100), { serial: 1, limits: { ...DEFAULT_LIMITS, runOctets: 0 } });
    const second = await plan(first.levels, service(99), {
      serial: 2,
      limits: { ...DEFAULT_LIMITS, overlayOctets: 0 },
    });
    const third = await plan(second.levels, service(98), { serial: 3, limits: DEFAULT_LIMITS });
    expectLevelsToSay(third.levels, service(98));
    const name = nameToWire(owner);
    const hash = hashName(name, SEED);
    const { overlay, run, shards } = third.levels;
    expect(
      [overlay, run, ...shards].map((block) => block && findEntry(block, name, hash.slot)?.kind),
    ).toEqual(expect.arrayContaining(['edit', 'edit', 'name']));

    // An edit over nothing is damage, not a name that does not exist.
    const none = openBlock(encodeBlock([]));
    const damaged: Levels = { ...third.levels, shards: shards.map(() => none) };
    expect(() => findInLevels(damaged, name, hash)).toThrow(FormatError);
    expect(() => [...liveEntries(damaged)]).toThrow(FormatError);
  });

  it('are opened from the octets a head and its blocks have', async () => {
    const { levels } = await cut(new Map([a('a.mesos', 1)]), { serial: 1, limits: DEFAULT_LIMITS });
    const run = levels.run?.octets;
    const overlay = new Uint8Array();
    expect(openLevels(levels.table, { overlay, run, shards: [] })).toEqual(levels);
    expect(() => openLevels(levels.table, { overlay: Uint8Array.of(1), run, shards: [] })).toThrow(
      FormatError,
    );
  });
});

function a(name: string, ...hosts: readonly number[]): [OwnerName, RRset[]] {
  const owner = parseName(name);
  const rdata = hosts.map((host) => Uint8Array.of(10, 0, host >> 8, host & 0xff));
  return [owner, [{ owner, type: TYPE.A, ttl: 30, sources: 1, rdata }]];
}
