import { parseAddress } from '../../zone/address.ts';
import { compareOctets } from '../../zone/hash.ts';
import { nameToWire, type OwnerName, parseName } from '../../zone/name.ts';
import { encodeSrv, type RRset, TYPE } from '../../zone/record.ts';
import type { Zone } from '../../zone/zone.ts';

/** The zones that the table is about: what each holds, and what it says of itself. */
export const ZONES = ['mesos', 'dc1.mesos', 'lab.example', 'wild.example'] as const;

/** 255 octets, and labels of 63. */
export const LONGEST_NAME = `${'a'.repeat(63)}.${'b'.repeat(63)}.${'c'.repeat(63)}.${'d'.repeat(55)}.mesos`;
export const MANY = 20;
const HUGE = 2_000;

export function rrsetsOf(origin: string): RRset[] {
  if (origin === 'dc1.mesos') return [addresses('web.dc1.mesos', ['10.1.0.1'])];
  if (origin === 'lab.example')
    return [addresses('web.lab.example', ['10.2.0.1']), addresses('lab.example', ['10.2.0.2'])];
  if (origin === 'wild.example') return [...WILD];
  return [
    addresses('web.mesos', ['10.0.0.1', '10.0.0.2']),
    addresses('web.mesos', ['fd00::1'], 20),
    addresses('v4.mesos', ['10.0.0.3']),
    addresses('zero.mesos', ['10.0.0.4'], 0),
    addresses('long.mesos', ['10.0.0.5'], 86_400),
    addresses('app.marathon.mesos', ['10.0.0.6'], 5),
    addresses('deep.down.under.mesos', ['10.0.0.7']),
    // The zone below is another's, whatever this one says of it.
    addresses('web.dc1.mesos', ['10.9.9.9']),
    addresses(LONGEST_NAME, ['10.0.0.8']),
    addresses('many.mesos', range(MANY, '10.0.1.')),
    addresses(
      'huge.mesos',
      Array.from({ length: HUGE }, (_, i) => `10.3.${i >> 8}.${i & 255}`),
    ),
    ...Array.from({ length: MANY }, (_, i) => addresses(`t${i}.mesos`, [`10.0.2.${i}`])),
    services('_web._tcp.marathon.mesos', ['web.mesos:80', 'web.mesos:81', 'app.marathon.mesos:82'], 40),
    services('_out._tcp.mesos', ['elsewhere.example:443']),
    cname('alias.mesos', 'v4.mesos', 20),
    cname('alias2.mesos', 'alias.mesos'),
    cname('alias-srv.mesos', '_web._tcp.marathon.mesos'),
    cname('alias-lab.mesos', 'web.lab.example'),
    cname('alias-gone.mesos', 'nothing.mesos'),
    cname('alias-lab-gone.mesos', 'nothing.lab.example'),
    cname('alias-out.mesos', 'www.example.com'),
    cname('loop1.mesos', 'loop2.mesos'),
    cname('loop2.mesos', 'loop1.mesos'),
    services(
      '_many._tcp.mesos',
      Array.from({ length: MANY }, (_, i) => `t${i}.mesos:${8000 + i}`),
    ),
  ];
}

/** The example of RFC 4592 §2.2.1 as far as we have its types, with CNAMEs at two of its wildcards. */
const WILD: readonly RRset[] = [
  addresses('*.wild.example', ['10.4.0.1']),
  addresses('sub.*.wild.example', ['10.4.0.2']),
  addresses('host1.wild.example', ['10.4.0.3']),
  services('_ssh._tcp.host1.wild.example', ['host1.wild.example:22']),
  cname('*.alias.wild.example', 'host1.wild.example'),
  cname('*.lost.wild.example', 'gone.mesos'),
];

export function zoneOf(text: string): Zone {
  const origin = parseName(text);
  return {
    origin,
    soa: {
      mname: parseName(`ns1.${origin}`),
      rname: parseName(`root.ns1.${origin}`),
      ...{ refresh: 60, retry: 600, expire: 86_400, minimum: 10, ttl: 60 },
    },
    nameServers: [parseName(`ns1.${origin}`)],
    nsTtl: 60,
  };
}

/** By owner, as a publisher wants them. */
export function byOwner(rrsets: readonly RRset[]): Map<OwnerName, RRset[]> {
  return Map.groupBy(rrsets, ({ owner }) => owner);
}

function addresses(owner: string, texts: readonly string[], ttl = 30): RRset {
  const rdata = texts.map((text) => parseAddress(text) ?? new Uint8Array());
  const type = rdata[0]?.length === 16 ? TYPE.AAAA : TYPE.A;
  return { owner: parseName(owner), type, ttl, rdata: rdata.toSorted(compareOctets), sources: 1 };
}

function cname(owner: string, target: string, ttl = 30): RRset {
  return {
    owner: parseName(owner),
    type: TYPE.CNAME,
    ttl,
    rdata: [nameToWire(parseName(target))],
    sources: 1,
  };
}

function services(owner: string, targets: readonly string[], ttl = 30): RRset {
  const rdata = targets.map((text) => {
    const [target = '', port] = text.split(':');
    return encodeSrv({ priority: 0, weight: 1, port: Number(port), target: parseName(target) });
  });
  return { owner: parseName(owner), type: TYPE.SRV, ttl, rdata: rdata.toSorted(compareOctets), sources: 1 };
}

function range(count: number, prefix: string): string[] {
  return Array.from({ length: count }, (_, i) => `${prefix}${i}`);
}
