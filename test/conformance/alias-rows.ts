import { expect } from 'vitest';
import { answers, each, expectAnswer, nodata, nxdomain, SOA_OF_MESOS } from './check.ts';
import type { Row } from './row.ts';
import { bothWays, OPTION, query, TYPE } from './send.ts';

/** CNAMEs followed, and names that are not there answered by wildcards. */

const V4 = 'A v4.mesos 10.0.0.3';
const ALIAS = 'CNAME alias.mesos v4.mesos';
const SOA_OF_WILD = 'SOA wild.example ns1.wild.example root.ns1.wild.example 60 600 86400 10';
const SOA_OF_LAB = 'SOA lab.example ns1.lab.example root.ns1.lab.example 60 600 86400 10';
const wild = (name: string): Row['holds'] =>
  answers({ rcode: 'NOERROR', authoritative: true, answers: [`A ${name} 10.4.0.1`], authority: [], ttl: 30 });
const noWild = answers({
  rcode: 'NXDOMAIN',
  authoritative: true,
  answers: [],
  authority: [SOA_OF_WILD],
  kept: 'max-age=10',
});
const nodataWild = answers({
  rcode: 'NOERROR',
  authoritative: true,
  answers: [],
  authority: [SOA_OF_WILD],
  kept: 'max-age=10',
});

// prettier-ignore
export const ALIAS_ROWS: readonly Row[] = [
  { id: 'cname', source: 'RFC 1034 §3.6.2', level: 'MUST', says: 'a CNAME is answered with what it leads to', send: bothWays(query('alias.mesos'), query('ALIAS.mesos', TYPE.A, { edns: {} })), holds: answers({ rcode: 'NOERROR', authoritative: true, answers: [ALIAS, V4], authority: [], kept: 'max-age=20' }) },
  { id: 'cname-chain', source: 'RFC 1034 §3.6.2', level: 'SHOULD', says: 'so is a chain of them, in order', send: bothWays(query('alias2.mesos')), holds: each((reply) => { const { answers: records } = expectAnswer(reply, { answers: ['CNAME alias2.mesos alias.mesos', ALIAS, V4], authoritative: true }); expect(records.map(({ name }) => name)).toEqual(['alias2.mesos', 'alias.mesos', 'v4.mesos']); }) },
  { id: 'cname-ttl', source: 'RFC 2181 §5.2', level: 'MUST', says: 'each keeps its own TTL', send: bothWays(query('alias2.mesos')), holds: each((reply) => expect(expectAnswer(reply, {}).answers.map(({ ttl }) => ttl)).toEqual([30, 20, 30])) },
  { id: 'cname-itself', source: 'RFC 1034 §3.6.2', level: 'MUST', says: 'CNAME asked for is the record itself, followed no further', send: bothWays(query('alias2.mesos', TYPE.CNAME)), holds: answers({ rcode: 'NOERROR', answers: ['CNAME alias2.mesos alias.mesos'], authority: [] }) },
  { id: 'cname-any', source: 'RFC 1034 §3.7.1, RFC 8482 §4.4', level: 'MUST', says: 'so is ANY', send: bothWays(query('alias.mesos', TYPE.ANY)), holds: answers({ rcode: 'NOERROR', answers: [ALIAS] }) },
  { id: 'cname-nodata', source: 'RFC 2308 §2.2', level: 'MUST', says: 'to a name without the type: the CNAME, and NODATA with the SOA', send: bothWays(query('alias.mesos', TYPE.AAAA), query('alias.mesos', TYPE.HTTPS)), holds: answers({ rcode: 'NOERROR', authoritative: true, answers: [ALIAS], authority: [SOA_OF_MESOS], kept: 'max-age=10' }) },
  { id: 'cname-nxdomain', source: 'RFC 2308 §2.1, RFC 6604 §3', level: 'MUST', says: 'to a name that is not there: the CNAME, and NXDOMAIN with the SOA', send: bothWays(query('alias-gone.mesos')), holds: answers({ rcode: 'NXDOMAIN', authoritative: true, answers: ['CNAME alias-gone.mesos nothing.mesos'], authority: [SOA_OF_MESOS], kept: 'max-age=10' }) },
  { id: 'cname-zones', source: 'RFC 1034 §4.3.2', level: 'SHOULD', says: 'to another zone of ours', send: bothWays(query('alias-lab.mesos')), holds: answers({ rcode: 'NOERROR', answers: ['CNAME alias-lab.mesos web.lab.example', 'A web.lab.example 10.2.0.1'] }) },
  { id: 'cname-zones-soa', source: 'RFC 2308 §2.1', level: 'MUST', says: 'what is not there has the SOA of where it would be', send: bothWays(query('alias-lab-gone.mesos')), holds: answers({ rcode: 'NXDOMAIN', answers: ['CNAME alias-lab-gone.mesos nothing.lab.example'], authority: [SOA_OF_LAB] }) },
  { id: 'cname-srv', source: 'RFC 2782', level: 'SHOULD', says: 'to a service, with its targets’ addresses', send: bothWays(query('alias-srv.mesos', TYPE.SRV)), holds: each((reply) => { const { answers: records, additional } = expectAnswer(reply, { rcode: 'NOERROR' }); expect([records.length, additional.length]).toEqual([4, 4]); }) },
  { id: 'cname-outside', source: 'RFC 1034 §4.3.2', level: 'MUST', says: 'out of our zones, where nothing is forwarded: alone', send: bothWays(query('alias-out.mesos')), holds: answers({ rcode: 'NOERROR', authoritative: true, answers: ['CNAME alias-out.mesos www.example.com'], authority: [], kept: 'max-age=30' }) },
  { id: 'cname-loop', source: 'RFC 1034 §3.6.2', level: 'MUST', says: 'a loop is an error', send: bothWays(query('loop1.mesos', TYPE.A, { edns: {} }), query('loop2.mesos', TYPE.A, { edns: {} })), holds: answers({ rcode: 'SERVFAIL', answers: [], errors: [0], kept: 'no-store' }) },
  { id: 'cname-loop-itself', source: 'RFC 1034 §3.6.2', level: 'MUST', says: 'whose CNAMEs can be asked for', send: bothWays(query('loop1.mesos', TYPE.CNAME)), holds: answers({ rcode: 'NOERROR', answers: ['CNAME loop1.mesos loop2.mesos'] }) },
  { id: 'cname-padding', source: 'RFC 8467 §4.1', level: 'SHOULD', says: 'padded like other replies', send: bothWays(query('alias.mesos', TYPE.A, { edns: { options: [[OPTION.PADDING, new Uint8Array(20)]] } })), holds: each((reply) => expect(expectAnswer(reply, { answers: [ALIAS, V4] }).octets.length % 468).toBe(0)) },
  { id: 'cname-others', source: 'RFC 2308 §2', level: 'MUST', says: 'other names are as they were', send: bothWays(query('v4.mesos', TYPE.CNAME)), holds: nodata },
  { id: 'cname-below', source: 'RFC 8020 §2', level: 'MUST', says: 'and below an alias is nothing', send: bothWays(query('x.alias.mesos')), holds: nxdomain },

  { id: 'wildcard', source: 'RFC 4592 §2.2.1', level: 'MUST', says: 'answers for a name that is not there, under that name', send: bothWays(query('host3.wild.example')), holds: wild('host3.wild.example') },
  { id: 'wildcard-deep', source: 'RFC 4592 §2.2.1', level: 'MUST', says: 'and for one far below', send: bothWays(query('foo.bar.wild.example')), holds: wild('foo.bar.wild.example') },
  { id: 'wildcard-nodata', source: 'RFC 4592 §2.2.1', level: 'MUST', says: 'NODATA for a type that it has not', send: bothWays(query('host3.wild.example', TYPE.AAAA)), holds: nodataWild },
  { id: 'wildcard-exists', source: 'RFC 4592 §2.2.1', level: 'MUST', says: 'not for a name that is there, nor for one between names, nor for the apex', send: bothWays(query('host1.wild.example', TYPE.AAAA), query('_tcp.host1.wild.example'), query('alias.wild.example'), query('wild.example')), holds: nodataWild },
  { id: 'wildcard-blocked', source: 'RFC 4592 §2.2.1', level: 'MUST', says: 'nor below any of these, nor below an asterisk', send: bothWays(query('_telnet._tcp.host1.wild.example', TYPE.SRV), query('x.host1.wild.example'), query('ghost.*.wild.example')), holds: noWild },
  { id: 'wildcard-itself', source: 'RFC 4592 §2.3', level: 'MUST', says: 'its own name is a name', send: bothWays(query('*.wild.example')), holds: wild('*.wild.example') },
  { id: 'wildcard-sub', source: 'RFC 4592 §2.2.2', level: 'MUST', says: 'so is one below an asterisk', send: bothWays(query('sub.*.wild.example')), holds: answers({ rcode: 'NOERROR', answers: ['A sub.*.wild.example 10.4.0.2'] }) },
  { id: 'wildcard-cname', source: 'RFC 4592 §3.3.1', level: 'MUST', says: 'its CNAME is followed, under the name asked for', send: bothWays(query('x.alias.wild.example')), holds: answers({ rcode: 'NOERROR', answers: ['CNAME x.alias.wild.example host1.wild.example', 'A host1.wild.example 10.4.0.3'] }) },
  { id: 'wildcard-cname-nxdomain', source: 'RFC 6604 §3', level: 'MUST', says: 'into nothing too', send: bothWays(query('x.lost.wild.example')), holds: answers({ rcode: 'NXDOMAIN', answers: ['CNAME x.lost.wild.example gone.mesos'], authority: [SOA_OF_MESOS] }) },
  { id: 'wildcard-any', source: 'RFC 4592 §2.2.1', level: 'SHOULD', says: 'ANY has all that it has', send: bothWays(query('host3.wild.example', TYPE.ANY)), holds: answers({ rcode: 'NOERROR', answers: ['A host3.wild.example 10.4.0.1'] }) },
];
