import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../sync-agent/config.ts';
import { recordSettings, zoneOf, zoneSettings } from '../../sync-agent/record-settings.ts';
import { dcosOrigins } from '../../sync-agent/config-dcos.ts';
import { generateRecords } from '../../sync-agent/records/generate.ts';
import { readState } from './documents.ts';

/** Holds the tables of profiles in docs/record-names.md against what the profiles do. */
const read = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
const section = /\n## Profiles\n(.*?)\n## /s.exec(read('docs/record-names.md'))?.[1] ?? '';
const NAMES = ['mesos-dns', 'full', 'dcos', 'consul'] as const;
type Name = (typeof NAMES)[number];

/** Cells of the rows whose first cell is code, without the backquotes. */
function rowsOf(text: string): string[][] {
  const lines = text.split('\n').filter((line) => line.startsWith('| `'));
  return lines.map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim().replaceAll('`', '')),
  );
}

const [before = '', after = ''] = section.split('### Examples\n');
const switches = rowsOf(before).map(([key = '', ...values]) => ({ key, values }));
const examples = rowsOf(after).map(([key = '', name = '', ...answers]) => ({ key, name, answers }));
const { state } = await readState(read('docs/migrate/examples/profiles.json'));

type Json = Record<string, unknown>;
const configOf = (json: Json) => parseConfig(json, 'docs/record-names.md');
const byProfile = (profile: Name) => configOf({ records: { profile } });

/** All that follows from a profile. */
function effects(json: Json): unknown {
  const config = configOf(json);
  return [recordSettings(config), zoneOf(config), zoneSettings(config), dcosOrigins(config)];
}

/** A configuration with the profile `base`, and each switch as the column of `profile` has it. */
function spelledOut(base: Name, profile: Name): Json {
  const config: Json & { records: Json } = { records: { profile: base } };
  for (const { key, values } of switches) {
    const cell = values[NAMES.indexOf(profile)] ?? '';
    if (cell === 'none') continue;
    const path = key.split('.');
    const last = path.pop() ?? '';
    let into: Json = config;
    for (const step of path) into = (into[step] ??= {}) as Json;
    into[last] = JSON.parse(cell) as unknown;
  }
  return config;
}

/** What is answered: for SRV the ports, counted where they are many. */
function answer(profile: Name, name: string): string {
  const config = byProfile(profile);
  const { origin, soa } = zoneOf(config);
  const isOurs = [origin, ...dcosOrigins(config)].some((zone) => name.endsWith(`.${zone}`));
  if (!isOurs) return 'not its zone';
  const settings = recordSettings(config);
  const { A, SRV, MORE } = generateRecords(state, settings, {
    addressesOfHost: () => [],
    report: () => undefined,
  });
  const owner = `${name}.`;
  const addresses = A.get(owner)?.toSorted() ?? [];
  const ports = (SRV.get(owner) ?? []).map((value) => value.slice(value.lastIndexOf(':'))).toSorted();
  const said = [
    ...(addresses.length > 0 ? [`A ${addresses.join(', ')}`] : []),
    ...(ports.length > 3 ? [`SRV, ${ports.length} ports`] : []),
    ...(ports.length > 0 && ports.length <= 3 ? [`SRV ${ports.join(', ')}`] : []),
    ...(MORE.get(owner) ?? []),
  ];
  return said.length > 0 ? said.join(', ') : `none for ${soa.minimum} s`;
}

describe('the profiles in docs/record-names.md', () => {
  it.each(NAMES)('has every switch that %s sets', (profile) => {
    expect(effects(spelledOut('full', profile))).toEqual(effects({ records: { profile } }));
  });

  it('has what the profile full sets', () => {
    expect(effects(spelledOut('mesos-dns', 'full'))).toEqual(effects({ records: { profile: 'full' } }));
  });

  it('lists no switch that all have alike', () => {
    for (const { key, values } of switches) expect(new Set(values).size, key).toBeGreaterThan(1);
  });

  it('has an example for each switch that is in records', () => {
    const told = new Set(['records.ttl', 'records.recursionAvailable']);
    const shown = new Set(examples.map(({ key }) => key));
    expect(switches.map(({ key }) => key).filter((key) => !shown.has(key) && !told.has(key))).toEqual([]);
  });

  it.each(examples)('$key: $name', ({ name, answers }) => {
    expect(NAMES.map((profile) => answer(profile, name))).toEqual(answers);
  });
});
