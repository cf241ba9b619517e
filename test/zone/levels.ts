import { expect } from 'vitest';
import { encodeEntries, type EntryTable, tableChanges } from '../../zone/entries.ts';
import { hashName } from '../../zone/hash.ts';
import { findInLevels, type Levels, liveEntries } from '../../zone/levels.ts';
import { nameFromWire, nameToWire, type OwnerName, parseName } from '../../zone/name.ts';
import { type Cut, cutSnapshot, type Limits, type Plan, planSnapshot } from '../../zone/plan.ts';
import {
  type Contents,
  describeContents,
  describeEntry,
  hex,
  labelsOf,
  ORIGIN,
  OWNERS,
  toContent,
  wireOf,
} from './arbitrary.ts';

/** Snapshots of the zone `mesos`, and what their levels should say. */

export const SEED = hex('0123456789abcdef');

type Options = { readonly serial: number; readonly limits: Limits };

export function tableOf(contents: Contents): EntryTable {
  return encodeEntries(toContent(contents), { origin: ORIGIN, seed: SEED });
}

export function cut(contents: Contents, options: Options): Promise<Cut> {
  return cutSnapshot(tableOf(contents), { seed: SEED, ...options });
}

export function plan(published: Levels, contents: Contents, options: Options): Promise<Plan> {
  return planSnapshot(published, tableChanges(published, tableOf(contents)), options);
}

/** The owners and what lies between them and the origin, label by label. */
export function namesOf(contents: Contents): Set<OwnerName> {
  const names = new Set<OwnerName>(contents.keys());
  for (const owner of contents.keys()) {
    const labels = labelsOf(nameToWire(owner));
    for (let i = 1; i < labels.length - 1; i++) names.add(nameFromWire(wireOf(labels.slice(i))));
  }
  return names;
}

export function describeAll(contents: Contents): Map<OwnerName, string> {
  return new Map(Array.from(namesOf(contents), (name) => [name, describeContents(contents, name)]));
}

export function expectLevelsToSay(levels: Levels, contents: Contents): void {
  const expected = describeAll(contents);
  const live = Array.from(liveEntries(levels), (entry) => describeEntry(entry));
  expect(live.toSorted()).toEqual([...expected.values()].toSorted());
  for (const name of new Set([...OWNERS, ...expected.keys(), parseName('never.mesos')])) {
    const wire = nameToWire(name);
    const found = findInLevels(levels, wire, hashName(wire, SEED));
    const says = found?.kind === 'name' ? describeEntry(found) : undefined;
    expect(says).toBe(expected.get(name));
  }
}
