import { expect } from 'vitest';
import { answers, each, expectAnswer, nodata, nxdomain, readDns, SOA_OF_MESOS } from './check.ts';
import type { Row } from './row.ts';
import { bothWays, byGet, query, TYPE } from './send.ts';
import { MANY } from './zones.ts';

/** Our zones: what is answered, what is not there, and in which order. */

const NS_OF_MESOS = 'NS mesos ns1.mesos';
const WEB = ['A web.mesos 10.0.0.1', 'A web.mesos 10.0.0.2'];
const WEB6 = ['AAAA web.mesos fd00::1'];
const all = <T>(count: number, of: (i: number) => T): T[] => Array.from({ length: count }, (_, i) => of(i));
const outside = answers({
  rcode: 'REFUSED',
  authoritative: false,
  answers: [],
  authority: [],
  kept: 'no-store',
});
const orders =
  (least: number): Row['holds'] =>
  (replies) => {
    const seen = replies.map((reply) =>
      readDns(reply).answers.map(({ rdata }) => Buffer.from(rdata).toString('hex')),
    );
    const sets = new Set(seen.map((order) => order.toSorted().join()));
    expect(sets.size).toBe(1);
    expect(new Set(seen.map((order) => order.join())).size).toBeGreaterThanOrEqual(least);
    // What is asked for again and again has each of its values first as often as the others, by turns.
    const firsts = seen.slice(2).map(([first]) => first);
    const times = new Set(seen[0]?.map((value) => firsts.filter((first) => first === value).length));
    expect(Math.max(...times) - Math.min(...times)).toBeLessThanOrEqual(1);
  };
const srv = (i: number): string => `SRV _many._tcp.mesos 0 1 ${8000 + i} t${i}.mesos`;
const oneSoa = each((reply) => {
  const { authority } = expectAnswer(reply, {});
  expect(authority.map(({ name, type }) => `${name} ${type}`)).toEqual([`mesos ${TYPE.SOA}`]);
});

// prettier-ignore
export const ZONE_ROWS: readonly Row[] = [
  { id: 'zone-a', source: 'RFC 1035 §3.4.1', level: 'MUST', says: 'A: all addresses, TTL as published', send: bothWays(query('web.mesos')), holds: answers({ rcode: 'NOERROR', authoritative: true, answers: WEB, authority: [], additional: [], ttl: 30 }) },
  { id: 'zone-aaaa', source: 'RFC 3596 §2.2', level: 'MUST', says: 'AAAA', send: bothWays(query('web.mesos', TYPE.AAAA)), holds: answers({ rcode: 'NOERROR', authoritative: true, answers: WEB6, ttl: 20 }) },
  { id: 'zone-srv', source: 'RFC 2782', level: 'MUST', says: 'SRV: priority, weight, port, target', send: bothWays(query('_web._tcp.marathon.mesos', TYPE.SRV)), holds: answers({ rcode: 'NOERROR', answers: ['80 web', '81 web', '82 app.marathon'].map((target) => `SRV _web._tcp.marathon.mesos 0 1 ${target}.mesos`), ttl: 40 }) },
  { id: 'zone-srv-additional', source: 'RFC 2782', level: 'SHOULD', says: "with all its targets' addresses, each once", send: bothWays(query('_web._tcp.marathon.mesos', TYPE.SRV)), holds: answers({ additional: [...WEB, ...WEB6, 'A app.marathon.mesos 10.0.0.6'] }) },
  { id: 'zone-srv-additional-ttl', source: 'RFC 2181 §5.2', level: 'MUST', says: 'which keep their own TTLs', send: bothWays(query('_web._tcp.marathon.mesos', TYPE.SRV)), holds: each((reply) => { for (const { name, type, ttl } of expectAnswer(reply, {}).additional) expect(ttl).toBe(name.startsWith('app') ? 5 : type === TYPE.A ? 30 : 20); }) },
  { id: 'zone-srv-many', source: 'RFC 2782', level: 'SHOULD', says: 'twenty targets, twenty addresses', send: bothWays(query('_many._tcp.mesos', TYPE.SRV)), holds: answers({ answers: all(MANY, srv), additional: all(MANY, (i) => `A t${i}.mesos 10.0.2.${i}`) }) },
  { id: 'zone-srv-outside', source: 'RFC 2782', level: 'SHOULD', says: 'a target that is not ours has no address from us', send: bothWays(query('_out._tcp.mesos', TYPE.SRV)), holds: answers({ answers: ['SRV _out._tcp.mesos 0 1 443 elsewhere.example'], additional: [] }) },
  { id: 'zone-srv-edns', source: 'RFC 6891 §6.1.1', level: 'MUST', says: 'OPT stands beside the addresses', send: bothWays(query('_many._tcp.mesos', TYPE.SRV, { edns: {} })), holds: answers({ edns: true, answers: all(MANY, srv), additional: all(MANY, (i) => `A t${i}.mesos 10.0.2.${i}`) }) },

  { id: 'nodata-aaaa', source: 'RFC 4074 §3, RFC 2308 §2.2', level: 'MUST', says: 'AAAA of a name that has A alone is NODATA', send: bothWays(query('v4.mesos', TYPE.AAAA)), holds: nodata },
  { id: 'nodata-https', source: 'RFC 9460 §2.4, doh.md row 24', level: 'MUST', says: 'HTTPS is NODATA', send: bothWays(query('web.mesos', TYPE.HTTPS)), holds: nodata },
  { id: 'nodata-svcb', source: 'RFC 9460 §2.4', level: 'MUST', says: 'SVCB is NODATA', send: bothWays(query('web.mesos', TYPE.SVCB)), holds: nodata },
  { id: 'nodata-https-port', source: 'RFC 9460 §9.1, doh.md row 24', level: 'MUST', says: "Chromium's _8099._https.name is not there", send: bothWays(query('_8099._https.web.mesos', TYPE.HTTPS)), holds: nxdomain },
  { id: 'nodata-others', source: 'RFC 2308 §2.2', level: 'MUST', says: 'TXT, MX, CNAME, PTR, SRV, CAA, NS and SOA below the apex are NODATA', send: bothWays(...[TYPE.TXT, TYPE.MX, TYPE.CNAME, TYPE.PTR, TYPE.SRV, TYPE.CAA, TYPE.NS, TYPE.SOA].map((type) => query('web.mesos', type))), holds: nodata },
  { id: 'nodata-dnssec', source: 'RFC 4035 §3.1.4.1', level: 'MUST', says: 'DS and DNSKEY of an unsigned zone are NODATA', send: bothWays(query('v4.mesos', TYPE.DS), query('mesos', TYPE.DNSKEY), query('mesos', TYPE.DS)), holds: nodata },
  { id: 'nodata-apex', source: 'RFC 2308 §2.2', level: 'MUST', says: 'the apex is there, whatever it has', send: bothWays(query('mesos'), query('mesos', TYPE.AAAA), query('mesos', TYPE.TXT), query('MESOS', TYPE.MX)), holds: nodata },
  { id: 'nodata-between', source: 'RFC 8020 §2, RFC 4592 §2.2.2', level: 'MUST', says: 'a name between names is there', send: bothWays(query('marathon.mesos'), query('_tcp.marathon.mesos'), query('_tcp.mesos', TYPE.SRV), query('under.mesos', TYPE.AAAA), query('down.under.mesos')), holds: nodata },
  { id: 'nodata-do', source: 'RFC 4035 §3.1.3', level: 'SHOULD', says: 'DO does not change what an unsigned zone says', send: bothWays(query('v4.mesos', TYPE.AAAA, { edns: { flags: 0x8000 } })), holds: nodata },

  { id: 'nxdomain', source: 'RFC 2308 §2.1', level: 'MUST', says: 'what is not there is NXDOMAIN with the SOA', send: bothWays(query('nothing.mesos'), query('nothing.mesos', TYPE.AAAA), query('nothing.marathon.mesos'), query('_no._tcp.marathon.mesos', TYPE.SRV), query('nothing.mesos', TYPE.HTTPS)), holds: nxdomain },
  { id: 'nxdomain-below', source: 'RFC 8020 §2', level: 'MUST', says: 'nor anything below it, nor below a name that has addresses', send: bothWays(query('a.nothing.mesos'), query('a.b.c.nothing.mesos'), query('below.v4.mesos'), query('_80._tcp.web.mesos', TYPE.SRV)), holds: nxdomain },
  { id: 'nxdomain-wildcard', source: 'RFC 4592 §2.1', level: 'SHOULD', says: 'an asterisk is a label where there are no wildcards', send: bothWays(query('*.mesos'), query('*'.concat('.marathon.mesos')), query('web.*.mesos'), query('anything.mesos')), holds: nxdomain },
  { id: 'negative-soa', source: 'RFC 2308 §3', level: 'MUST', says: "the SOA is the apex's, and alone", send: bothWays(query('a.b.nothing.mesos'), query('v4.mesos', TYPE.TXT)), holds: oneSoa },
  { id: 'negative-ttl', source: 'RFC 2308 §3, §5', level: 'MUST', says: 'its TTL is min(TTL, MINIMUM)', send: bothWays(query('nothing.mesos'), query('v4.mesos', TYPE.TXT)), holds: each((reply) => expect(expectAnswer(reply, {}).authority.map(({ ttl }) => ttl)).toEqual([10])) },
  { id: 'negative-short', source: 'doh.md row 10', level: 'SHOULD', says: 'short enough that a new task appears soon', send: bothWays(query('nothing.mesos')), holds: each((reply) => expect(Number(/\d+/.exec(reply.header('cache-control') ?? '')?.[0])).toBeLessThanOrEqual(30)) },

  { id: 'apex-soa', source: 'RFC 1035 §3.3.13', level: 'MUST', says: 'SOA at the apex is an answer', send: bothWays(query('mesos', TYPE.SOA)), holds: answers({ rcode: 'NOERROR', authoritative: true, answers: [SOA_OF_MESOS], authority: [], ttl: 60 }) },
  { id: 'apex-ns', source: 'RFC 1035 §3.3.11', level: 'MUST', says: 'NS at the apex is an answer', send: bothWays(query('mesos', TYPE.NS)), holds: answers({ rcode: 'NOERROR', authoritative: true, answers: [NS_OF_MESOS], authority: [], ttl: 60 }) },
  { id: 'apex-any', source: 'RFC 1035 §3.2.3', level: 'SHOULD', says: 'ANY at the apex has both', send: bothWays(query('mesos', TYPE.ANY)), holds: answers({ rcode: 'NOERROR', authoritative: true, answers: [SOA_OF_MESOS, NS_OF_MESOS], authority: [] }) },
  { id: 'any', source: 'RFC 8482 §4.4', level: 'SHOULD', says: 'ANY has all that the name has', send: bothWays(query('web.mesos', TYPE.ANY)), holds: answers({ rcode: 'NOERROR', authoritative: true, answers: [...WEB, ...WEB6] }) },
  { id: 'any-srv', source: 'RFC 8482 §4.4', level: 'SHOULD', says: 'ANY of a service too', send: bothWays(query('_out._tcp.mesos', TYPE.ANY)), holds: answers({ answers: ['SRV _out._tcp.mesos 0 1 443 elsewhere.example'] }) },
  { id: 'any-nodata', source: 'RFC 2308 §2', level: 'MUST', says: 'ANY of a name between names is NODATA, of none NXDOMAIN', send: bothWays(query('marathon.mesos', TYPE.ANY)), holds: nodata },
  { id: 'any-nxdomain', source: 'RFC 2308 §2', level: 'MUST', says: 'ANY of what is not there is NXDOMAIN', send: bothWays(query('nothing.mesos', TYPE.ANY)), holds: nxdomain },

  { id: 'order', source: 'RFC 1794 §1, doh.md', level: 'SHOULD', says: 'twenty addresses come in many orders, each first as often', send: all(62, () => byGet(query('many.mesos'))), holds: orders(20) },
  { id: 'order-two', source: 'RFC 1794 §1', level: 'SHOULD', says: 'of two addresses either comes first', send: all(60, () => byGet(query('web.mesos'))), holds: orders(2) },
  { id: 'order-srv', source: 'RFC 2782', level: 'SHOULD', says: 'services too', send: all(42, () => byGet(query('_many._tcp.mesos', TYPE.SRV))), holds: orders(20) },

  { id: 'zones-below', source: 'RFC 1034 §4.3.2', level: 'MUST', says: 'the longest zone that matches answers, whatever the one above says', send: bothWays(query('web.dc1.mesos'), query('WEB.DC1.MESOS')), holds: answers({ answers: ['A web.dc1.mesos 10.1.0.1'], authoritative: true }) },
  { id: 'zones-below-apex', source: 'RFC 1034 §4.3.2', level: 'MUST', says: 'also at its apex and for what it has not', send: bothWays(query('dc1.mesos'), query('nothing.dc1.mesos')), holds: each((reply) => expect(expectAnswer(reply, { answers: [] }).authority.map(({ name }) => name)).toEqual(['dc1.mesos'])) },
  { id: 'zones-other', source: 'RFC 1034 §4.3.2', level: 'MUST', says: 'zones of several labels are zones', send: bothWays(query('lab.example')), holds: answers({ answers: ['A lab.example 10.2.0.2'], authoritative: true }) },
  { id: 'zones-labels', source: 'RFC 1034 §3.1', level: 'MUST', says: 'whole labels match: xdc1.mesos is of mesos', send: bothWays(query('xdc1.mesos'), query('web.xdc1.mesos')), holds: nxdomain },
  { id: 'outside', source: 'RFC 1035 §4.1.1', level: 'MUST', says: 'names of nobody here are REFUSED', send: bothWays(query('www.example.com'), query('xmesos'), query('mesos.example'), query('notlab.example'), query('example'), query('web.mesos.com'), query('localhost')), holds: outside },
  { id: 'outside-types', source: 'RFC 1035 §4.1.1', level: 'MUST', says: 'of whatever type', send: bothWays(...[TYPE.ANY, TYPE.SOA, TYPE.NS, TYPE.AXFR, TYPE.HTTPS, 65_280].map((type) => query('www.example.com', type))), holds: outside },
];
