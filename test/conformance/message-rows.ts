import { expect } from 'vitest';
import {
  answers,
  each,
  expectAnswer,
  extendedErrors,
  formErr,
  type Judged,
  optionsOf,
  type Rcode,
} from './check.ts';
import type { Reply, Row } from './row.ts';
import { LONGEST_NAME, MANY } from './zones.ts';
import {
  bothWays,
  message,
  name,
  opt,
  OPTION,
  type OptParts,
  query,
  question,
  RD,
  record,
  TYPE,
} from './send.ts';

/** DNS messages: header, question, EDNS, what is refused, what is malformed. */

const V4 = ['A v4.mesos 10.0.0.3'];
const ok = answers({ rcode: 'NOERROR', authoritative: true, answers: V4 });
const withOpt = (edns: OptParts, type: number = TYPE.A): Uint8Array => query('v4.mesos', type, { edns });
const option = (code: number, ...data: number[]): OptParts => ({ options: [[code, Buffer.from(data)]] });
const padding = (octets: number): OptParts => ({ options: [[OPTION.PADDING, new Uint8Array(octets)]] });
const judgedEach = (check: (judged: Judged, reply: Reply) => void): Row['holds'] =>
  each((reply) => check(expectAnswer(reply, {}), reply));
/** One OPT record: root owner, version 0, flags as given, without options unless `options` says how many. */
const plainOpt = (flags: number, options = 0): Row['holds'] =>
  judgedEach((judged) => {
    expect(judged.opt?.name).toBe('.');
    expect((judged.opt?.ttl ?? 1) & 0x00ff_ffff).toBe(flags);
    expect(judged.opt?.class).toBeGreaterThanOrEqual(512);
    expect(optionsOf(judged)).toHaveLength(options);
  });
const both =
  (...checks: Row['holds'][]): Row['holds'] =>
  (replies) => {
    for (const check of checks) check(replies);
  };
const unanswered = (rcode: Rcode, errors?: readonly number[]): Row['holds'] =>
  answers({
    rcode,
    authoritative: false,
    answers: [],
    authority: [],
    additional: [],
    kept: 'no-store',
    ...(errors && { errors }),
  });
const opcode = (code: number): Uint8Array => query('v4.mesos', TYPE.SOA, { flags: (code << 11) | RD });
const inClass = (cls: number, owner = 'v4.mesos', type: number = TYPE.A): Uint8Array =>
  query(owner, type, { class: cls, edns: {} });
const Q = question('v4.mesos');
const padded = (multiple: number): Row['holds'] =>
  judgedEach((judged) => {
    expect(judged.octets.length % multiple).toBe(0);
    const found = optionsOf(judged).filter(({ code }) => code === OPTION.PADDING);
    expect(found).toHaveLength(1);
    expect([...(found[0]?.data ?? [1])].every((octet) => octet === 0)).toBe(true);
  });
const noTruncation = (count: number): Row['holds'] =>
  judgedEach((judged) => {
    expect(judged.packet.flag_tc).toBe(false);
    expect(judged.answers).toHaveLength(count);
  });
const LONG_LABELS = `${'x'.repeat(63)}.${'y'.repeat(63)}.mesos`;
const tooLong = Buffer.concat([name(LONGEST_NAME).subarray(0, 1), Buffer.alloc(63, 97), name(LONGEST_NAME)]);
const names = (...labels: (string | Uint8Array)[]): Uint8Array => name([...labels, 'mesos']);
const echoes = (rcode: Rcode): Row['holds'] => answers({ rcode });
/** A question whose first octet is `kind`, whole for who takes that for a length, and for who takes its low bits. */
const labelled = (kind: number): Uint8Array[] =>
  [kind, kind & 0x3f].map((length) =>
    message({
      counts: [1, 0, 0, 0],
      behind: Buffer.concat([Buffer.of(kind), Buffer.alloc(length, 97), Buffer.of(0, 0, 1, 0, 1)]),
    }),
  );
const header = (...counts: [number, number, number, number]): Uint8Array => message({ counts });

// prettier-ignore
export const MESSAGE_ROWS: readonly Row[] = [
  { id: 'id-echo', source: 'RFC 1035 §4.1.1, RFC 8484 §4.1', level: 'MUST', says: 'any id comes back, 0 too', send: bothWays(...[0, 1, 0x00ff, 0xff00, 0xcafe, 0xffff].map((id) => query('v4.mesos', TYPE.A, { id }))), holds: ok },
  { id: 'flag-rd', source: 'RFC 1035 §4.1.1', level: 'MUST', says: 'RD comes back as it came', send: bothWays(query('v4.mesos', 1, { flags: 0 }), query('v4.mesos', 1, { flags: RD })), holds: ok },
  { id: 'flag-cd', source: 'RFC 6840 §5.9, RFC 4035 §3.2.2', level: 'MUST', says: 'CD comes back as it came', send: bothWays(query('v4.mesos', 1, { flags: 0x0010 }), query('v4.mesos', 1, { flags: 0x0110 }), query('v4.mesos')), holds: judgedEach(({ flags }, { sent }) => expect(flags & 0x10).toBe((sent.message?.[3] ?? 0) & 0x10)) },
  { id: 'flag-ad', source: 'RFC 6840 §5.7', level: 'MUST', says: 'AD asks; it is not set for what nobody validated', send: bothWays(query('v4.mesos', 1, { flags: 0x0120 })), holds: both(ok, judgedEach(({ packet }) => expect(packet.flag_ad).toBe(false))) },
  { id: 'flag-z', source: 'RFC 1035 §4.1.1, RFC 8906 §3.1.3', level: 'MUST', says: 'Z is passed over and not set', send: bothWays(query('v4.mesos', 1, { flags: 0x0140 })), holds: both(ok, judgedEach(({ flags }) => expect(flags & 0x40).toBe(0))) },
  { id: 'flag-others', source: 'RFC 1035 §4.1.1', level: 'SHOULD', says: 'AA, TC and RA in a query mean nothing', send: bothWays(query('v4.mesos', 1, { flags: 0x0780 }), query('v4.mesos', 1, { flags: RD | 0x0f })), holds: ok },
  { id: 'flag-aa', source: 'RFC 1035 §4.1.1', level: 'MUST', says: 'AA is set for our names, also for what they do not have', send: bothWays(query('v4.mesos'), query('nothing.mesos'), query('mesos', TYPE.SOA), query('v4.mesos', TYPE.TXT)), holds: answers({ authoritative: true }) },
  { id: 'flag-aa-others', source: 'RFC 1035 §4.1.1', level: 'MUST', says: 'and for no others', send: bothWays(query('www.example.com'), query('mesos.example'), query('')), holds: answers({ authoritative: false }) },
  { id: 'flag-ra', source: 'RFC 1035 §4.1.1', level: 'SHOULD', says: 'RA is not set where nothing is forwarded', send: bothWays(query('v4.mesos'), query('www.example.com')), holds: judgedEach(({ packet }) => expect(packet.flag_ra).toBe(false)) },

  { id: 'case-look-up', source: 'RFC 4343 §3', level: 'MUST', says: 'names are found in any case', send: bothWays(query('V4.MESOS'), query('v4.MeSoS')), holds: ok },
  { id: 'case-echo', source: 'RFC 4343 §4.1', level: 'MUST', says: 'the question comes back octet by octet, capitals and all', send: bothWays(query('wEb.mEsOs'), query('NOthing.MESOS'), query('wWw.ExAmPlE.cOm')), holds: answers({}) },
  { id: 'case-owner', source: 'draft-vixie-dnsext-dns0x20', level: 'SHOULD', says: "answers' owners have the question's letters", send: bothWays(query('wEb.mEsOs')), holds: judgedEach(({ packet }) => expect(packet.answers?.map(({ name: owner }) => owner)).toEqual(['wEb.mEsOs', 'wEb.mEsOs'])) },
  { id: 'case-again', source: 'RFC 8484 §5.1, doh.md row 12', level: 'MUST', says: "one asker's case is never another's", send: bothWays(query('V4.mesos'), query('v4.mesos'), query('v4.Mesos')), holds: ok },
  { id: 'case-ascii', source: 'RFC 4343 §2.2', level: 'MUST', says: 'only A to Z have a lower case', send: bothWays(query(names(Buffer.of(0x56 ^ 0x80, 0x34))), query(names(Buffer.of(0x16, 0x34))), query(names('v4', '@')), query(names('[4'))), holds: echoes('NXDOMAIN') },

  { id: 'name-255', source: 'RFC 1035 §2.3.4', level: 'MUST', says: 'a name of 255 octets is found', send: bothWays(query(LONGEST_NAME)), holds: answers({ rcode: 'NOERROR', answers: [`A ${LONGEST_NAME} 10.0.0.8`] }) },
  { id: 'name-256', source: 'RFC 1035 §2.3.4', level: 'MUST', says: 'a name over 255 octets is FORMERR', send: bothWays(query(tooLong)), holds: formErr },
  { id: 'name-63', source: 'RFC 1035 §2.3.4', level: 'MUST', says: 'labels of 63 octets are labels', send: bothWays(query(LONG_LABELS)), holds: echoes('NXDOMAIN') },
  { id: 'name-64', source: 'RFC 6891 §5, RFC 1035 §4.1.4', level: 'MUST', says: 'label types 01 and 10 are FORMERR', send: bothWays(...[0x40, 0x41, 0x7f, 0x80, 0x81, 0xbf].flatMap(labelled)), holds: formErr },
  { id: 'name-many-labels', source: 'RFC 1035 §2.3.4', level: 'MUST', says: '127 labels are a name', send: bothWays(query('a.'.repeat(121) + 'mesos')), holds: echoes('NXDOMAIN') },
  { id: 'name-root', source: 'RFC 1035 §3.1', level: 'MUST', says: 'the root is a name', send: bothWays(query(''), query('', TYPE.NS), query('', TYPE.ANY)), holds: answers({ rcode: 'REFUSED', authoritative: false }) },
  { id: 'name-binary', source: 'RFC 2181 §11', level: 'MUST', says: 'labels may have any octets; they come back as they came', send: bothWays(query(names(Buffer.of(0))), query(names('a.b')), query(names(Buffer.of(0xff, 0xfe))), query(names(' ')), query(names('\\')), query(names(Buffer.from('ü'))), query(names('*')), query(names('a"b')), query(names(Buffer.from([0, 0, 1, 0, 1])))), holds: echoes('NXDOMAIN') },
  { id: 'name-dot', source: 'RFC 2181 §11', level: 'MUST', says: 'a dot in a label is not between labels', send: bothWays(query(name(['app.marathon', 'mesos'])), query(name(['v4.mesos']))), holds: judgedEach(({ packet }) => expect(packet.answers).toEqual([])) },
  { id: 'name-compressed', source: 'RFC 1035 §4.1.4', level: 'SHOULD', says: 'a question has nothing to point to: FORMERR', send: bothWays(...[[0xc0, 12], [0xc0, 0], [0xc0, 4], [0xff, 0xff], [1, 97, 0xc0, 12]].map((owner) => message({ counts: [1, 0, 0, 0], behind: Buffer.from([...owner, 0, 1, 0, 1]) }))), holds: formErr },

  { id: 'count-0', source: 'RFC 9619 §4', level: 'MUST', says: 'no question is FORMERR', send: bothWays(header(0, 0, 0, 0), message({ additional: [opt()] })), holds: formErr },
  { id: 'count-2', source: 'RFC 9619 §4', level: 'MUST', says: 'two questions are FORMERR', send: bothWays(message({ questions: [Q, Q] }), message({ questions: [Q, question('web.mesos')] }), message({ questions: [Q], counts: [65_535, 0, 0, 0] })), holds: formErr },
  { id: 'count-lies', source: 'RFC 1035 §4.1.1', level: 'MUST', says: 'records that are counted and not there are FORMERR', send: bothWays(message({ questions: [Q], counts: [1, 1, 0, 0] }), message({ questions: [Q], counts: [1, 0, 1, 0] }), message({ questions: [Q], counts: [1, 0, 0, 1] }), message({ questions: [Q], counts: [1, 65_535, 65_535, 65_535] })), holds: formErr },
  { id: 'header-only', source: 'RFC 1035 §4.1', level: 'MUST', says: 'a question that is not there is FORMERR', send: bothWays(header(1, 0, 0, 0)), holds: formErr },
  { id: 'cut', source: 'RFC 1035 §4.1', level: 'MUST', says: 'a query cut off anywhere behind its header is FORMERR', send: bothWays(...Array.from({ length: withOpt({}).length - 12 }, (_, i) => withOpt({}).subarray(0, 12 + i))), holds: formErr },
  { id: 'garbage', source: 'RFC 8906 §3.2.3', level: 'SHOULD', says: 'octets behind the last record are FORMERR', send: bothWays(message({ questions: [Q], behind: Buffer.of(0) }), message({ questions: [Q], behind: Buffer.alloc(500, 255) }), message({ questions: [Q], additional: [opt()], behind: Buffer.of(1) })), holds: formErr },
  { id: 'records-extra', source: 'RFC 1035 §4.1, RFC 1995 §3', level: 'SHOULD', says: 'whole records that a query has no use for do no harm', send: bothWays(message({ questions: [Q], authority: [record(name('mesos'), TYPE.SOA, Buffer.concat([name('a'), name('b'), Buffer.alloc(20)]))] }), message({ questions: [Q], additional: [record(name('x'), TYPE.A, Buffer.of(1, 2, 3, 4))] }), message({ questions: [Q], answers: [record(Buffer.of(0xc0, 12), TYPE.A, Buffer.of(1, 2, 3, 4))] })), holds: ok },
  { id: 'records-tsig', source: 'RFC 8945 §5.2', level: 'SHOULD', says: 'a signature nobody can check is not copied', send: bothWays(message({ questions: [Q], additional: [record(name('key'), TYPE.TSIG, Buffer.alloc(30))] })), holds: judgedEach(({ additional }) => expect(additional).toEqual([])) },
  { id: 'rdlength', source: 'RFC 1035 §4.1.3', level: 'MUST', says: 'an RDLENGTH beyond the message is FORMERR', send: bothWays(message({ questions: [Q], additional: [record(name('x'), TYPE.A, Buffer.of(1, 2, 3, 4)).subarray(0, -1)] })), holds: formErr },
  { id: 'pointer-loop', source: 'RFC 1035 §4.1.4', level: 'MUST', says: 'pointers in records behind the question are not followed', send: bothWays(message({ questions: [Q], additional: [record(Buffer.of(0xc0, 26), TYPE.A, Buffer.of(1, 2, 3, 4))] })), holds: judgedEach(() => undefined) },

  { id: 'opcode-notimp', source: 'RFC 1035 §4.1.1, RFC 8906 §3.1.4', level: 'MUST', says: 'other opcodes are NOTIMP, under their own opcode', send: bothWays(...[1, 2, 3, 6, 7, 14, 15].map((code) => opcode(code))), holds: unanswered('NOTIMP') },
  { id: 'opcode-notify', source: 'RFC 1996 §3.6', level: 'SHOULD', says: 'NOTIFY is NOTIMP', send: bothWays(opcode(4)), holds: unanswered('NOTIMP') },
  { id: 'opcode-update', source: 'RFC 2136 §3.1', level: 'MUST', says: 'UPDATE is NOTIMP', send: bothWays(opcode(5), message({ flags: 0x2800, questions: [question('mesos', TYPE.SOA)], authority: [record(name('x.mesos'), TYPE.A, Buffer.of(1, 2, 3, 4))] })), holds: unanswered('NOTIMP') },
  { id: 'opcode-header', source: 'RFC 8906 §8.1.4, RFC 9619 §4', level: 'SHOULD', says: 'an unknown opcode is NOTIMP also without question', send: bothWays(...[15, 6, 2].map((code) => message({ flags: code << 11 }))), holds: each((reply) => { const octets = Buffer.from(reply.octets); expect([reply.status, octets.readUInt16BE(0)]).toEqual([200, 0xcafe]); expect(octets.readUInt16BE(2)).toBe(0x8004 | Buffer.from(reply.sent.message ?? []).readUInt16BE(2)); }) },
  { id: 'opcode-edns', source: 'RFC 6891 §6.1.1, RFC 8914 §4.22', level: 'SHOULD', says: 'NOTIMP has an OPT record where the query had one, and says why', send: bothWays(query('v4.mesos', TYPE.SOA, { flags: 2 << 11, edns: {} })), holds: unanswered('NOTIMP', [21]) },

  { id: 'class-ch', source: 'RFC 1035 §3.2.4', level: 'MUST', says: 'class CH is REFUSED', send: bothWays(inClass(3)), holds: unanswered('REFUSED', [21]) },
  { id: 'class-others', source: 'RFC 1035 §3.2.4, RFC 2136 §2.4', level: 'SHOULD', says: 'HS, NONE, ANY, 0 and the unknown are REFUSED', send: bothWays(...[0, 2, 4, 254, 255, 65_535].map((cls) => inClass(cls))), holds: unanswered('REFUSED', [21]) },
  { id: 'class-version', source: 'RFC 4892 §3', level: 'SHOULD', says: 'no version, host or server id is told', send: bothWays(...['version.bind', 'hostname.bind', 'id.server', 'version.server'].map((owner) => inClass(3, owner, TYPE.TXT))), holds: unanswered('REFUSED') },

  { id: 'type-unknown', source: 'RFC 3597 §3, RFC 8906 §3.1.2', level: 'MUST', says: 'types nobody gave out are NODATA', send: bothWays(...[1000, 65_280, 65_535].map((type) => query('v4.mesos', type))), holds: answers({ rcode: 'NOERROR', answers: [] }) },
  { id: 'type-reserved', source: 'RFC 6895 §3.1', level: 'SHOULD', says: 'types that are no data have no answer, and do no harm', send: bothWays(...[0, TYPE.OPT, 128, TYPE.TSIG, 249, TYPE.MAILB, 254].map((type) => query('v4.mesos', type))), holds: judgedEach(({ answers: found }) => expect(found).toEqual([])) },
  { id: 'type-axfr', source: 'RFC 5936 §2.2.1', level: 'MUST', says: 'AXFR is REFUSED', send: bothWays(query('mesos', TYPE.AXFR, { edns: {} }), query('v4.mesos', TYPE.AXFR, { edns: {} }), query('nothing.mesos', TYPE.AXFR, { edns: {} })), holds: unanswered('REFUSED', [21]) },
  { id: 'type-ixfr', source: 'RFC 1995 §4', level: 'MUST', says: 'IXFR is REFUSED', send: bothWays(query('mesos', TYPE.IXFR, { edns: {} }), message({ questions: [question('mesos', TYPE.IXFR)], authority: [record(name('mesos'), TYPE.SOA, Buffer.concat([name('a'), name('b'), Buffer.alloc(20)]))], additional: [opt()] })), holds: unanswered('REFUSED', [21]) },
  { id: 'type-axfr-outside', source: 'RFC 5936 §2.2.1', level: 'MUST', says: "and for others' zones too", send: bothWays(query('example.com', TYPE.AXFR), query('', TYPE.IXFR)), holds: unanswered('REFUSED') },

  { id: 'edns-echo', source: 'RFC 6891 §6.1.1', level: 'MUST', says: 'an OPT record in the query is answered with one', send: bothWays(withOpt({}), query('nothing.mesos', 1, { edns: {} }), query('mesos', TYPE.SOA, { edns: {} })), holds: plainOpt(0) },
  { id: 'edns-none', source: 'RFC 6891 §7', level: 'MUST', says: 'none without', send: bothWays(query('v4.mesos'), query('nothing.mesos'), query('www.example.com'), query('v4.mesos', TYPE.A, { class: 3 })), holds: answers({ edns: false }) },
  { id: 'edns-badvers', source: 'RFC 6891 §6.1.3', level: 'MUST', says: 'other versions are BADVERS, in version 0, without an answer', send: bothWays(...[1, 2, 100, 255].map((version) => withOpt({ version }))), holds: both(unanswered('BADVERS'), judgedEach(({ opt: found }) => expect((found?.ttl ?? 0xff_ffff) & 0xff_0000).toBe(0))) },
  { id: 'edns-badvers-options', source: 'RFC 8906 §3.2.2', level: 'MUST', says: 'BADVERS whatever else is in it', send: bothWays(withOpt({ version: 1, flags: 0x8000, ...option(100, 1, 2) }), withOpt({ version: 1, flags: 0x0040 }), query('nothing.mesos', TYPE.SOA, { edns: { version: 1 } })), holds: unanswered('BADVERS') },
  { id: 'edns-do', source: 'RFC 3225 §3', level: 'MUST', says: 'DO is copied', send: bothWays(withOpt({ flags: 0x8000 })), holds: both(ok, plainOpt(0x8000)) },
  { id: 'edns-flags', source: 'RFC 6891 §6.1.4, RFC 8906 §3.2.4', level: 'MUST', says: 'unknown flags are passed over and not copied', send: bothWays(withOpt({ flags: 0x0040 }), withOpt({ flags: 0x7fff })), holds: both(ok, plainOpt(0)) },
  { id: 'edns-flags-do', source: 'RFC 6891 §6.1.4', level: 'MUST', says: 'also beside DO', send: bothWays(withOpt({ flags: 0xffff })), holds: both(ok, plainOpt(0x8000)) },
  { id: 'edns-option', source: 'RFC 6891 §6.1.2, RFC 8906 §3.2.3', level: 'MUST', says: 'unknown options are passed over and not copied', send: bothWays(withOpt(option(100)), withOpt(option(65_001, 1, 2, 3)), withOpt(option(0)), withOpt({ options: [[100, Buffer.of()], [65_535, Buffer.alloc(300)]] })), holds: both(ok, plainOpt(0)) },
  { id: 'edns-payload', source: 'RFC 6891 §6.2.3', level: 'MUST', says: 'a payload below 512 counts as 512', send: bothWays(withOpt({ payload: 0 }), withOpt({ payload: 1 }), withOpt({ payload: 511 })), holds: both(ok, plainOpt(0)) },
  { id: 'edns-payload-ignored', source: 'RFC 8484 §6', level: 'SHOULD', says: 'the payload size means nothing over HTTPS', send: bothWays(query('many.mesos', TYPE.A, { edns: { payload: 512 } }), query('many.mesos', TYPE.A, { edns: { payload: 65_535 } })), holds: noTruncation(MANY) },
  { id: 'edns-two', source: 'RFC 6891 §6.1.1', level: 'MUST', says: 'two OPT records are FORMERR', send: bothWays(message({ questions: [Q], additional: [opt(), opt()] }), message({ questions: [Q], additional: [opt(), opt({ version: 1 })] })), holds: formErr },
  { id: 'edns-owner', source: 'RFC 6891 §6.1.2', level: 'MUST', says: 'an OPT record that is not of the root is FORMERR', send: bothWays(message({ questions: [Q], additional: [opt({ owner: name('a') })] })), holds: formErr },
  { id: 'edns-place', source: 'RFC 6891 §6.1.1', level: 'SHOULD', says: 'an OPT record in another section is FORMERR', send: bothWays(message({ questions: [Q], answers: [opt()] }), message({ questions: [Q], authority: [opt()] })), holds: formErr },
  { id: 'edns-behind', source: 'RFC 6891 §6.1.1', level: 'MUST', says: 'OPT may stand anywhere in the additional section', send: bothWays(message({ questions: [Q], additional: [record(name('x'), TYPE.A, Buffer.of(1, 2, 3, 4)), opt()] }), message({ questions: [Q], additional: [opt(), record(name('x'), TYPE.A, Buffer.of(1, 2, 3, 4))] })), holds: both(ok, plainOpt(0)) },
  { id: 'edns-cut', source: 'RFC 6891 §6.1.2', level: 'MUST', says: 'options that do not fit are FORMERR', send: bothWays(...[[0], [0, 10], [0, 10, 0], [0, 10, 0, 1], [0, 10, 0, 8, 1, 2, 3], [0, 10, 255, 255]].map((rdata) => withOpt({ rdata: Buffer.from(rdata) }))), holds: formErr },
  { id: 'edns-rcode', source: 'RFC 6891 §6.1.3', level: 'SHOULD', says: 'the extended RCODE of a query means nothing', send: bothWays(withOpt({ extendedRcode: 255 })), holds: both(ok, plainOpt(0)) },
  { id: 'edns-cookie', source: 'RFC 7873 §5.2.1', level: 'MUST', says: 'a cookie is passed over by who has none', send: bothWays(withOpt(option(OPTION.COOKIE, 1, 2, 3, 4, 5, 6, 7, 8)), withOpt(option(OPTION.COOKIE, ...Array.from({ length: 40 }, (_, i) => i)))), holds: both(ok, plainOpt(0)) },
  { id: 'edns-cookie-short', source: 'RFC 7873 §5.2.1, doh.md row 18', level: 'SHOULD', says: 'of whatever length, and is never copied', send: bothWays(withOpt(option(OPTION.COOKIE, 1)), withOpt(option(OPTION.COOKIE))), holds: both(ok, plainOpt(0)) },
  { id: 'edns-ecs', source: 'RFC 7871 §7.2.1', level: 'SHOULD', says: 'a client subnet changes nothing and is not told back', send: bothWays(withOpt(option(OPTION.ECS, 0, 1, 0, 0)), withOpt(option(OPTION.ECS, 0, 1, 24, 0, 192, 0, 2))), holds: both(ok, plainOpt(0)) },
  { id: 'edns-nsid', source: 'RFC 5001 §2.1', level: 'SHOULD', says: 'NSID is answered by who has one', send: bothWays(withOpt(option(OPTION.NSID))), holds: both(ok, plainOpt(0)) },
  { id: 'edns-opcode', source: 'RFC 6891 §6.1.1', level: 'MUST', says: 'NXDOMAIN and REFUSED have their OPT record too', send: bothWays(query('nothing.mesos', 1, { edns: {} }), query('www.example.com', 1, { edns: {} }), query('web.mesos', 1, { class: 3, edns: {} })), holds: answers({ edns: true, answers: [] }) },

  { id: 'padding-block', source: 'RFC 8467 §4.2', level: 'SHOULD', says: 'a padded query gets a reply of a multiple of 468 octets, padded with zeros', send: bothWays(withOpt(padding(0)), withOpt(padding(1)), withOpt(padding(77)), query('nothing.mesos', 1, { edns: padding(8) }), query('many.mesos', 1, { edns: padding(8) }), query('www.example.com', 1, { edns: padding(8) })), holds: padded(468) },
  { id: 'padding-sizes', source: 'RFC 8467 §4.2', level: 'SHOULD', says: 'whatever the length of the name', send: bothWays(...Array.from({ length: 60 }, (_, i) => query(`${'n'.repeat(i + 1)}.mesos`, 1, { edns: padding(4) }))), holds: padded(468) },
  { id: 'padding-unasked', source: 'RFC 7830 §4', level: 'MUST', says: 'no padding in replies to queries that had none', send: bothWays(withOpt({}), withOpt(option(OPTION.COOKIE, 1, 2, 3, 4, 5, 6, 7, 8))), holds: plainOpt(0) },
  { id: 'padding-others', source: 'RFC 7830 §4', level: 'SHOULD', says: 'padding that is not zeros is padding', send: bothWays(withOpt(option(OPTION.PADDING, 1, 2, 3))), holds: both(ok, padded(468)) },
  { id: 'padding-badvers', source: 'RFC 8467 §4.2', level: 'SHOULD', says: 'errors are padded as well', send: bothWays(withOpt({ version: 1, ...padding(4) }), query('v4.mesos', 1, { class: 3, edns: padding(4) })), holds: padded(468) },

  { id: 'ede-refused', source: 'RFC 8914 §4.19', level: 'SHOULD', says: 'REFUSED says why', send: bothWays(query('www.example.com', 1, { edns: {} })), holds: both(answers({ rcode: 'REFUSED', errors: [18] }), judgedEach((judged) => expect(extendedErrors(judged)[0]?.text).toMatch(/own zones/))) },
  { id: 'ede-none', source: 'RFC 8914 §2', level: 'SHOULD', says: 'answers that are right have none', send: bothWays(withOpt({}), query('nothing.mesos', 1, { edns: {} })), holds: answers({ errors: [] }) },
  { id: 'ede-without-edns', source: 'RFC 8914 §3', level: 'MUST', says: 'and none without an OPT record in the query', send: bothWays(query('www.example.com')), holds: answers({ rcode: 'REFUSED', edns: false, additional: [] }) },

  { id: 'tc-never', source: 'RFC 8484 §6', level: 'MUST', says: 'what fits a message is never cut: 32,000 octets of answers', send: bothWays(query('huge.mesos'), query('huge.mesos', 1, { edns: { payload: 512 } })), holds: noTruncation(2000) },
  { id: 'tc-srv', source: 'RFC 8484 §6', level: 'MUST', says: 'nor SRV with all addresses', send: bothWays(query('_many._tcp.mesos', TYPE.SRV, { edns: { payload: 512 } })), holds: noTruncation(MANY) },
  { id: 'compression', source: 'RFC 1035 §4.1.4', level: 'SHOULD', says: 'names that are said again are pointed to', send: bothWays(query('many.mesos')), holds: judgedEach(({ octets, question: asked }) => expect(octets.length).toBe(12 + asked.length + MANY * 16)) },
  { id: 'compression-soa', source: 'RFC 1035 §4.1.4', level: 'SHOULD', says: "the SOA's names too", send: bothWays(query('nothing.mesos')), holds: judgedEach(({ octets, question: asked }) => expect(octets.length).toBeLessThanOrEqual(12 + asked.length + 12 + 20 + 6 + 11)) },
  { id: 'compression-srv', source: 'RFC 2782, RFC 3597 §4', level: 'MUST', says: "an SRV's target is written out", send: bothWays(query('_web._tcp.marathon.mesos', TYPE.SRV)), holds: judgedEach((judged) => { for (const { rdata } of judged.answers) expect(rdata.subarray(6).every((octet) => octet < 0xc0)).toBe(true); }) },
];
