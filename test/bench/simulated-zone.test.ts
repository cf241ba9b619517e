import { expect, it } from 'vitest';
import { followedZone } from '../../bench/simulated-zone.ts';
import { createCluster } from '../../simulate/cluster.ts';
import type { ZoneContent } from '../../zone/entries.ts';

it('follows a cluster change by change to the zone that it has as a whole', async () => {
  const cluster = createCluster({ seed: 3, agents: 12, tasks: 150 });
  const followed = await followedZone(cluster);
  const before = listOf(followed.content);
  for (let push = 0; push < 20; push++) {
    const existed = new Set(followed.content.owners());
    const changes = cluster.churn(10, { atSeconds: 1_800_000_000 });
    const told = await followed.follow(changes);
    for (const owner of told.owners) expect(told.existed(owner), owner).toBe(existed.has(owner));
  }
  const [now, whole] = [listOf(followed.content), listOf((await followedZone(cluster)).content)];
  expect(now).toEqual(whole);
  expect(now).not.toEqual(before);
});

it('tells every owner name that changed', async () => {
  const cluster = createCluster({ seed: 4, agents: 12, tasks: 60 });
  const followed = await followedZone(cluster);
  const before = listOf(followed.content);
  const { owners } = await followed.follow(cluster.churn(20, { atSeconds: 1_800_000_000 }));
  const after = listOf(followed.content);
  const changed = [...new Set([...before.keys(), ...after.keys()])].filter(
    (owner) => before.get(owner) !== after.get(owner),
  );
  expect(changed.length).toBeGreaterThan(0);
  expect(owners).toEqual(expect.arrayContaining(changed));
});

function listOf(content: ZoneContent): ReadonlyMap<string, string> {
  const texts = Array.from(content.owners(), (owner): [string, string] => [
    owner,
    content
      .rrsetsAt(owner)
      .map(({ type, rdata }) => `${type} ${rdata.map((value) => Buffer.from(value).toString('hex')).join()}`)
      .join(' '),
  ]);
  return new Map(texts.toSorted(([a], [b]) => (a < b ? -1 : 1)));
}
