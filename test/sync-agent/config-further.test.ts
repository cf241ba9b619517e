import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../sync-agent/config.ts';
import { derivedZones } from '../../sync-agent/derived-zones.ts';
import { recordSettings, zoneOf } from '../../sync-agent/record-settings.ts';
import { emptyRecords } from '../../sync-agent/records/record-set.ts';

const read = (input: unknown): ReturnType<typeof parseConfig> => parseConfig(input, 'file');

describe('records that mesos-dns has not', () => {
  it("are none in its profile, and in ours those that get in nobody's way", () => {
    expect(recordSettings(read({ records: { profile: 'mesos-dns' } })).further).toBeUndefined();
    expect(recordSettings(read({})).further).toEqual({
      masterServices: true,
      agentNames: false,
      numberedPorts: false,
      groupServices: false,
      serviceBindings: 'none',
      txt: [],
    });
    expect(recordSettings(read({ records: { masterServices: false } })).further).toBeUndefined();
  });

  it('may be switched on in any profile', () => {
    const records = { profile: 'mesos-dns', txt: ['task-id', 'label:a b'], serviceBindings: 'labels' };
    expect(recordSettings(read({ records })).further).toMatchObject({
      masterServices: false,
      serviceBindings: 'labels',
      txt: ['task-id', 'label:a b'],
    });
  });

  it.each([
    [{ records: { txt: ['hostname'] } }, 'records.txt.0: should be one of framework, name'],
    [{ records: { txt: ['label:'] } }, 'records.txt.0: should be one of'],
    [{ records: { serviceBindings: 'all' } }, 'records.serviceBindings'],
    [{ reverse: { zones: ['mesos'] } }, 'reverse.zones.0: "mesos": should be a reverse zone'],
    [{ reverse: { zones: [] } }, 'reverse.zones'],
    [{ reverse: { zones: ['10.in-addr.arpa', '10.IN-ADDR.ARPA.'] } }, 'should name each zone once'],
    [
      { reverse: { zones: ['1.10.IN-ADDR.ARPA', '10.in-addr.arpa'] } },
      'reverse.zones: 1.10.in-addr.arpa is in 10.in-addr.arpa, which has its pointers: leave one of them out',
    ],
    [{ reverse: { zones: ['10.in-addr.arpa'], ambiguous: 'first' } }, 'reverse.ambiguous'],
    [{ reverse: { zones: ['10.in-addr.arpa'], all: true } }, 'unknown key reverse.all'],
  ])('what is wrong is told: %j', (input, message) => expect(() => read(input)).toThrow(message));
});

describe('reverse zones', () => {
  it('are derived zones with the numbers of the main one', () => {
    const config = read({ reverse: { zones: ['10.in-addr.arpa', 'D.F.ip6.arpa'] } });
    // Nobody's neighbours are in each other.
    read({ reverse: { zones: ['1.10.in-addr.arpa', '11.10.in-addr.arpa', '0.in-addr.arpa'] } });
    const zones = derivedZones(config);
    expect(zones.map(({ zone }) => zone)).toEqual(
      ['10.in-addr.arpa', 'd.f.ip6.arpa'].map((origin) => ({ ...zoneOf(config), origin })),
    );
    const records = emptyRecords();
    records.A.set('web.marathon.mesos.', ['10.0.0.1']);
    records.AAAA.set('web.marathon.mesos.', ['fd00::1']);
    expect(zones.map(({ derive }) => [...derive(records).MORE.values()])).toEqual([
      [['PTR web.marathon.mesos.']],
      [['PTR web.marathon.mesos.']],
    ]);
  });

  it('are none where none is named', () => expect(derivedZones(read({}))).toEqual([]));
});
