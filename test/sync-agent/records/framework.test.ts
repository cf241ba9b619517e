import { describe, expect, it } from 'vitest';
import { endpoints, frameworkWith, recordsOf } from '../states.ts';

const HOSTS = { 'fw.example': ['10.0.0.7', '2001:db8::7'] };

describe("a framework's records", () => {
  it.each([
    [
      'its address and port',
      '10.0.0.9:8080',
      {
        A: { 'marathon.mesos.': ['10.0.0.9'] },
        AAAA: {},
        SRV: { '_framework._tcp.marathon.mesos.': ['marathon.mesos.:8080'] },
      },
    ],
    [
      'an IPv6 address, canonical',
      '[2001:DB8::0:9]:8080',
      {
        A: {},
        AAAA: { 'marathon.mesos.': ['2001:db8::9'] },
        SRV: { '_framework._tcp.marathon.mesos.': ['marathon.mesos.:8080'] },
      },
    ],
    [
      'an IPv4-mapped address as the IPv4 address',
      '[::ffff:10.0.0.9]:8080',
      {
        A: { 'marathon.mesos.': ['10.0.0.9'] },
        AAAA: {},
        SRV: { '_framework._tcp.marathon.mesos.': ['marathon.mesos.:8080'] },
      },
    ],
    [
      'its address alone, without a port',
      '10.0.0.9:',
      { A: { 'marathon.mesos.': ['10.0.0.9'] }, AAAA: {}, SRV: {} },
    ],
    [
      'all addresses of its host name',
      'fw.example:80',
      {
        A: { 'marathon.mesos.': ['10.0.0.7'] },
        AAAA: { 'marathon.mesos.': ['2001:db8::7'] },
        SRV: { '_framework._tcp.marathon.mesos.': ['marathon.mesos.:80'] },
      },
    ],
    [
      'a port by name',
      '10.0.0.9:http',
      {
        A: { 'marathon.mesos.': ['10.0.0.9'] },
        AAAA: {},
        SRV: { '_framework._tcp.marathon.mesos.': ['marathon.mesos.:http'] },
      },
    ],
    ['nothing without a host', ':8080', { A: {}, AAAA: {}, SRV: {} }],
  ])('are %s', (_, place, wanted) => {
    const [endpoint] = endpoints(place);
    const { records, skipped } = recordsOf(
      { frameworks: [frameworkWith({ name: 'marathon', endpoint })] },
      {},
      HOSTS,
    );
    expect(records).toEqual(wanted);
    expect(skipped).toEqual([]);
  });

  it('are none where its host does not resolve, which is told', () => {
    const [endpoint] = endpoints('gone.example:80');
    const { records, skipped } = recordsOf(
      { frameworks: [frameworkWith({ name: 'marathon', endpoint })] },
      {},
      HOSTS,
    );
    expect(records).toEqual({ A: {}, AAAA: {}, SRV: {} });
    expect(skipped).toEqual([
      {
        reason: 'host-unresolved',
        detail: 'framework "marathon" (id of marathon): host gone.example does not resolve',
      },
    ]);
  });

  it('of dotted names keep their dots', () => {
    const [endpoint] = endpoints('10.0.0.9:80');
    const { records } = recordsOf(
      { frameworks: [frameworkWith({ name: 'Marathon.prod.EU', endpoint })] },
      { domain: 'dc1.example' },
    );
    expect(records.A).toEqual({ 'marathon.prod.eu.dc1.example.': ['10.0.0.9'] });
  });

  it('of the same name are one set, each value once', () => {
    const frameworks = ['10.0.0.2:80', '10.0.0.1:80', '10.0.0.2:81', '10.0.0.2:80'].map((place) =>
      frameworkWith({
        name: place === '10.0.0.1:80' ? 'MARATHON' : 'marathon',
        endpoint: endpoints(place)[0],
      }),
    );
    expect(recordsOf({ frameworks }).records).toEqual({
      A: { 'marathon.mesos.': ['10.0.0.2', '10.0.0.1'] },
      AAAA: {},
      SRV: { '_framework._tcp.marathon.mesos.': ['marathon.mesos.:80', 'marathon.mesos.:81'] },
    });
  });

  it('of a name of which nothing is left are none, which is told once', () => {
    const [endpoint] = endpoints('10.0.0.9:80');
    const { records, details } = recordsOf({
      frameworks: [frameworkWith({ name: '日本', endpoint }), frameworkWith({ name: '', endpoint })],
    });
    expect(records).toEqual({ A: {}, AAAA: {}, SRV: {} });
    expect(details()).toEqual([
      '".mesos." can\'t be asked for',
      '"_framework._tcp..mesos." can\'t be asked for',
    ]);
  });
});
