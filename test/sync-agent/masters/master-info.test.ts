import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type MasterNode, masterNodes, readMasterInfo } from '../../../sync-agent/masters/master-info.ts';
import { FormatError } from '../../../zone/format-error.ts';
import { joined, masterProtobuf, protobufField } from './master-octets.ts';

const octets = (text: string): Uint8Array => new TextEncoder().encode(text);
const node = (label: string | undefined): MasterNode => ({
  name: label === undefined ? '0000000001' : `${label}_0000000001`,
  label,
  sequence: 1,
});
const read = (label: string | undefined, data: string | Uint8Array): unknown =>
  readMasterInfo(node(label), typeof data === 'string' ? octets(data) : data);

describe('the nodes below a path', () => {
  it('are masters by their sequence alone, as in a listing of Mesos 1.6', () => {
    const listing = '[json.info_0000000003, json.info_0000000001, json.info_0000000002, log_replicas]';
    expect(masterNodes(listing.slice(1, -1).split(', '))).toEqual([
      { name: 'json.info_0000000001', label: 'json.info', sequence: 1 },
      { name: 'json.info_0000000002', label: 'json.info', sequence: 2 },
      { name: 'json.info_0000000003', label: 'json.info', sequence: 3 },
    ]);
  });

  it('lead by the lowest sequence whatever the label', () => {
    const children = ['json.info_0000000010', 'info_0000000009', '0000000100', 'json.info_0000000008'];
    expect(masterNodes(children).map(({ sequence }) => sequence)).toEqual([8, 9, 10, 100]);
    expect(masterNodes(children).map(({ label }) => label)).toEqual([
      'json.info',
      'info',
      'json.info',
      undefined,
    ]);
  });

  it.each(['log_replicas', 'info_1', 'json.info_', 'json.info_00000000001', '_0000000001', '', 'x'])(
    '%s is none',
    (name) => {
      expect(masterNodes([name])).toEqual([]);
    },
  );
});

describe("a master's node", () => {
  it('json.info: as Mesos 1.6 wrote it', () => {
    const captured =
      '{"address":{"hostname":"10.1.1.9","ip":"10.1.1.9","port":5050},"capabilities":[{"type":"AGENT_UPDATE"}],"hostname":"10.1.1.9","id":"96e29ec4-9c04-4ed7-b72e-9016a64f4903","ip":151060746,"pid":"master@10.1.1.9:5050","port":5050,"version":"1.6.0"}';
    expect(read('json.info', captured)).toEqual({
      endpoint: { host: '10.1.1.9', port: '5050' },
      hostname: undefined,
    });
  });

  it('info: octets that print as the ones captured from Mesos 0.23 do', () => {
    const id = '20150903-134310-1560936458-5050-16793';
    const data = joined(
      protobufField(1, id),
      protobufField(2, 1560936458),
      protobufField(3, 5050),
      protobufField(4, 'master@10.0.10.1:5050'),
      protobufField(5, 'hostname01'),
      protobufField(6, '0.23.0'),
    );
    const print = [...new TextDecoder().decode(data)].filter((c) => c >= ' ').join('');
    expect(print).toBe(`%${id}\ufffd\ufffd\ufffd\ufffd\ufffd'"master@10.0.10.1:5050*hostname0120.23.0`);
    expect(read('info', data)).toEqual({
      endpoint: { host: '10.0.10.1', port: '5050' },
      hostname: 'hostname01',
    });
  });

  it.each<[string, string | undefined, string | Uint8Array, string, string, string | undefined]>([
    ['digits alone: a pid', undefined, 'master@10.0.0.7:5051\n', '10.0.0.7', '5051', undefined],
    ['an ip in network order', 'json.info', '{"ip":151060746,"port":5050}', '10.1.1.9', '5050', undefined],
    ['loopback as an ip', 'json.info', '{"ip":16777343,"port":5050}', '127.0.0.1', '5050', undefined],
    ['an ip of its own', 'json.info', '{"ip":184512265,"port":1}', '9.111.255.10', '1', undefined],
    ['an ip above 2^31', 'json.info', '{"ip":4294967050,"port":1}', '10.255.255.255', '1', undefined],
    [
      'address before all else',
      'json.info',
      '{"address":{"ip":"10.0.0.1","port":1,"hostname":"a.example"},"pid":"master@10.0.0.2:2","ip":50331658,"port":3,"hostname":"b.example"}',
      '10.0.0.1',
      '1',
      'a.example',
    ],
    ['pid before ip', 'json.info', '{"pid":"master@10.0.0.2:2","ip":50331658}', '10.0.0.2', '2', undefined],
    [
      'a pid that is none, beside an address',
      'json.info',
      '{"address":{"ip":"10.0.0.1","port":1},"pid":"nonsense"}',
      '10.0.0.1',
      '1',
      undefined,
    ],
    [
      'IPv6',
      'json.info',
      '{"address":{"ip":"fd00::1","port":5050},"pid":"master@[fd00::1]:5050"}',
      'fd00::1',
      '5050',
      undefined,
    ],
    [
      'a host name where there is no address',
      'json.info',
      '{"hostname":"m1.example","port":5050}',
      'm1.example',
      '5050',
      'm1.example',
    ],
    ['info with an ip alone', 'info', masterProtobuf('10.0.0.255', 5052), '10.0.0.255', '5052', undefined],
    [
      'info with an address, and fields that are not known',
      'info',
      joined(
        protobufField(2, 50331658),
        protobufField(
          7,
          joined(protobufField(3, 6), protobufField(2, '10.9.9.9'), protobufField(1, 'm.example')),
        ),
        protobufField(9, 'AGENT_UPDATE'),
        Uint8Array.of(15 * 8 + 5, 1, 2, 3, 4),
        Uint8Array.of(14 * 8 + 1, 1, 2, 3, 4, 5, 6, 7, 8),
        protobufField(3, 5),
      ),
      '10.9.9.9',
      '6',
      'm.example',
    ],
  ])('%s', (_, label, data, host, port, hostname) => {
    expect(read(label, data)).toEqual({ endpoint: { host, port }, hostname });
  });

  it.each<[string, string | undefined, string | Uint8Array, RegExp]>([
    ['no JSON', 'json.info', 'secret', /^json\.info_0000000001: is not JSON$/],
    ['a list', 'json.info', '[1]', /instead of an object/],
    ['a wrong type', 'json.info', '{"port":"5050"}', /^port: is /],
    ['nothing', 'json.info', '{}', /no address/],
    ['null', 'json.info', 'null', /no address/],
    ['no port', 'json.info', '{"address":{"ip":"10.0.0.1"}}', /no valid port/],
    ['a port too high', 'json.info', '{"ip":1,"port":65536}', /no valid port/],
    ['a broken port', 'json.info', '{"ip":1,"port":1.5}', /no valid port/],
    ['a host that leads elsewhere', 'json.info', '{"hostname":"a/b@c","port":1}', /no address/],
    ['an old spelling of an address', 'json.info', '{"hostname":"010.1.0x7","port":1}', /no address/],
    ['no pid', undefined, 'secret', /no address/],
    ['empty', undefined, '', /no address/],
    ['empty', 'info', '', /no address/],
    ['cut off', 'info', masterProtobuf('10.0.0.1').subarray(0, 30), /ends within a field at offset/],
    ['no protobuf', 'info', '{"secret":1}', /^info_0000000001: /],
    ['a number without end', 'info', new Uint8Array(12).fill(0xff), /more than 64 bits/],
    ['a group', 'info', Uint8Array.of(0x0b), /unknown type/],
    ['another label', 'xml', 'secret', /^xml_0000000001: is no node of a master/],
  ])('%s is refused: %s', (_, label, data, message) => {
    expect(() => read(label, data)).toThrow(FormatError);
    expect(() => read(label, data)).toThrow(message);
    expect(() => read(label, data)).not.toThrow(/secret/);
  });

  it('gives a URL or is refused, whatever its octets', () => {
    const label = fc.constantFrom('json.info', 'info', undefined);
    const data = fc.oneof(
      fc.uint8Array({ maxLength: 60 }),
      fc.json().map((text) => octets(text)),
      fc
        .record(
          { hostname: fc.string(), ip: fc.integer(), port: fc.integer({ max: 70_000 }), pid: fc.string() },
          { requiredKeys: [] },
        )
        .map((info) => octets(JSON.stringify(info))),
      fc.tuple(fc.nat(8), fc.nat(255)).map(([at, octet]) => masterProtobuf('10.0.0.1').with(at * 4, octet)),
    );
    fc.assert(
      fc.property(label, data, (which, given) => {
        try {
          const { endpoint } = readMasterInfo(node(which), given);
          const host = endpoint.host.includes(':') ? `[${endpoint.host}]` : endpoint.host;
          const url = new URL(`http://${host}:${endpoint.port}/`);
          expect([url.pathname, url.username]).toEqual(['/', '']);
        } catch (error) {
          if (!(error instanceof FormatError)) throw error;
        }
      }),
      { numRuns: 2_000 },
    );
  });
});
