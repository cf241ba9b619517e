import { describe, expect, it } from 'vitest';
import { mergeConfig, parseConfig } from '../../../sync-agent/config.ts';
import type { Skipped } from '../../../sync-agent/cluster.ts';
import { fromMesosDnsConfig } from '../../../sync-agent/mesos-dns-config.ts';
import { recordSettings } from '../../../sync-agent/record-settings.ts';
import { generateRecords } from '../../../sync-agent/records/generate.ts';
import type { RecordSet } from '../../../sync-agent/records/record-set.ts';
import { readStateDocument } from '../../../sync-agent/sources/state-document.ts';
import { goldenCases, type GoldenCase } from '../../golden.ts';

describe('the record sets mesos-dns made', () => {
  const cases = goldenCases();
  it.each(cases.filter(({ records }) => records !== undefined))('$id: $note', async (golden) => {
    const { records } = await recordsOf(golden);
    for (const type of ['A', 'AAAA', 'SRV'] as const) {
      const made = Object.fromEntries([...records[type]].map(([name, values]) => [name, values.toSorted()]));
      expect(made).toEqual(golden.records?.[type]);
    }
  });

  // What mesos-dns refuses or dies of costs us the bad element alone, which the report names.
  const hard = cases.filter(
    ({ outcome, state }) => outcome !== 'ok' && !Array.isArray(state) && typeof state === 'object',
  );
  it.each(hard)('$id: $outcome by mesos-dns: $note', async (golden) => {
    const { records, skipped } = await recordsOf(golden);
    expect(records.A.get('slave.mesos.') ?? records.A.get('leader.mesos.')).toBeDefined();
    const byName = /host name/.test(golden.note) && !/does not resolve/.test(golden.note);
    if (byName) expect(skipped).toEqual([]);
    else expect(skipped).toHaveLength(1);
  });
});

async function recordsOf(golden: GoldenCase): Promise<{ records: RecordSet; skipped: Skipped[] }> {
  const theirs = fromMesosDnsConfig(golden.config, golden.id);
  const listener = theirs.listensOnAllAddresses
    ? { records: { nameServerAddresses: golden.localAddresses } }
    : {};
  const settings = recordSettings(parseConfig(mergeConfig(theirs.config, listener), golden.id));
  const skipped: Skipped[] = [];
  const report = (element: Skipped): void => void skipped.push(element);
  const { state } = await readStateDocument(inPieces(JSON.stringify(golden.state)), report);
  const records = generateRecords(state, settings, {
    addressesOfHost: (host) => golden.hosts[host] ?? [],
    report,
  });
  return {
    records,
    skipped: skipped.filter(({ reason }) => reason !== 'name-not-askable' && reason !== 'unknown-agent'),
  };
}

async function* inPieces(text: string): AsyncGenerator<Uint8Array> {
  const octets = Buffer.from(text);
  for (let at = 0; at < octets.length; at += 1000) yield octets.subarray(at, at + 1000);
}
