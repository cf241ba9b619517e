import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../sync-agent/config.ts';
import { shapeEntries } from '../../sync-agent/config-shape.ts';
import { fromMesosConsulFlags } from '../../sync-agent/mesos-consul-flags.ts';
import { recordSettings } from '../../sync-agent/record-settings.ts';
import { generateRecords } from '../../sync-agent/records/generate.ts';
import type { RecordSet } from '../../sync-agent/records/record-set.ts';
import { OWN } from '../../sync-agent/records/shape.ts';
import { readState } from './documents.ts';

const page = readFileSync(new URL('../../docs/labels.md', import.meta.url), 'utf8');
const rows = [...page.matchAll(/^\| `(\{.*?\})` +\| `([^`]+)` +\| (.*?) +\|$/gm)].map(
  ([, records = '', name = '', answer = '']) => [records, name, answer] as const,
);
const json = (start: string): string => /```json\n(.*?)```/s.exec(page.slice(page.indexOf(start)))?.[1] ?? '';
const { state } = await readState(json('## An example'));

function answer({ A, SRV, MORE }: RecordSet, name: string): string {
  const ports = (SRV.get(name) ?? []).map((value) => value.slice(value.lastIndexOf(':')));
  const said = [
    ...(A.get(name) ? [`A ${A.get(name)?.toSorted().join(', ')}`] : []),
    ...(ports.length > 0 ? [`SRV ${ports.toSorted().join(', ')}`] : []),
    ...(MORE.get(name) ?? []).toSorted(),
  ];
  return said.join(', ') || 'no such name';
}

describe('docs/labels.md', () => {
  it('has examples', () => {
    expect(rows.length).toBeGreaterThan(30);
  });

  it.each(rows)('with %s, %s: %s', (records, name, expected) => {
    const config = parseConfig({ records: JSON.parse(records) as unknown }, 'docs/labels.md');
    const set = generateRecords(state, recordSettings(config), {
      addressesOfHost: () => [],
      report: () => undefined,
    });
    expect(answer(set, `${name}.`)).toBe(expected);
  });

  it.each([...Object.keys(shapeEntries), ...Object.values(OWN)])('tells of %s', (key) => {
    expect(page).toMatch(new RegExp(`[\`"]${key.replaceAll('.', String.raw`\.`)}[\`"]`));
  });

  it('shows what import prints', () => {
    const [, flags = '', printed = ''] =
      /import mesos-consul -- (.*?) > config\.json\n.*?cat config\.json\n(.*?)```/s.exec(page) ?? [];
    const args = flags.split(' ').map((arg) => arg.replaceAll("'", ''));
    const { config, ignored, notes } = fromMesosConsulFlags(args);
    expect(`${JSON.stringify(config, undefined, 2)}\n`).toBe(printed);
    for (const { flag, why } of ignored)
      expect(page).toContain(`mesos-doh: ${flag} has no meaning here: ${why}\n`);
    for (const line of notes) expect(page).toContain(`mesos-doh: ${line}\n`);
  });
});
