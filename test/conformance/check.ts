import type { Answer } from 'dns-packet';
import { expect } from 'vitest';
import { judge } from '../zone/ask.ts';
import type { Reply } from './row.ts';
import { DNS_MESSAGE, OPTION } from './send.ts';

/** What replies have to be. Messages are read by dns-packet and, where it is too kind, octet by octet. */

export type Judged = ReturnType<typeof judge> & { readonly octets: Buffer; readonly ttl: string };

/** RCODE names as in IANA's registry. */
const RCODES = {
  NOERROR: 0,
  FORMERR: 1,
  SERVFAIL: 2,
  NXDOMAIN: 3,
  NOTIMP: 4,
  REFUSED: 5,
  BADVERS: 16,
} as const;
export type Rcode = keyof typeof RCODES;

/** Every reply by itself. */
export function each(check: (reply: Reply) => void): (replies: readonly Reply[]) => void {
  return (replies) => {
    expect(replies.length).toBeGreaterThan(0);
    for (const reply of replies) check(reply);
  };
}

/** An error of HTTP: its status, and a sentence that says what is wrong. */
export function refused(status: number, reason: RegExp): (replies: readonly Reply[]) => void {
  return each((reply) => {
    const text = Buffer.from(reply.octets).toString();
    expect([reply.status, text]).toEqual([status, expect.stringMatching(reason)]);
    expect(text).toMatch(/^[A-Z][^\n]{10,200}\.\n$/);
    expect(reply.header('content-type')).toBe('text/plain; charset=utf-8');
    expect(reply.header('cache-control')).toBe('no-store');
    expect(reply.header('access-control-allow-origin')).toBe('*');
  });
}

/** What a reply's message has to have; what is left out is not looked at. */
export type Wanted = {
  readonly rcode?: Rcode;
  readonly authoritative?: boolean;
  /** `TYPE data`, in any order. */
  readonly answers?: readonly string[];
  readonly authority?: readonly string[];
  readonly additional?: readonly string[];
  /** All of the answers. */
  readonly ttl?: number;
  /** `Cache-Control`. */
  readonly kept?: string;
  /** Is there an OPT record? */
  readonly edns?: boolean;
  /** Codes of extended errors, in order. */
  readonly errors?: readonly number[];
};

export function answers(wanted: Wanted): (replies: readonly Reply[]) => void {
  return each((reply) => expectAnswer(reply, wanted));
}

/** NODATA: NOERROR, nothing but the zone's SOA (RFC 2308 §2.2). */
export function nodata(replies: readonly Reply[]): void {
  answers({
    rcode: 'NOERROR',
    authoritative: true,
    answers: [],
    authority: [SOA_OF_MESOS],
    kept: 'max-age=10',
  })(replies);
}

/** NXDOMAIN, and nothing but the zone's SOA (RFC 2308 §2.1). */
export function nxdomain(replies: readonly Reply[]): void {
  const wanted = { authoritative: true, answers: [], authority: [SOA_OF_MESOS], kept: 'max-age=10' };
  answers({ rcode: 'NXDOMAIN', ...wanted })(replies);
}

/** What stays of a message that can't be read: a header with the same id, and FORMERR. */
export const formErr = each((reply) => {
  const { octets } = readDns(reply);
  const sent = Buffer.from(reply.sent.message ?? []);
  expect(octets.readUInt16BE(0)).toBe(sent.readUInt16BE(0));
  expect(octets.readUInt16BE(2) & 0xfa0f).toBe(0x8000 | (sent.readUInt16BE(2) & 0x7800) | 1);
  expect([octets.readUInt16BE(6), octets.readUInt16BE(8)]).toEqual([0, 0]);
  expect(reply.header('cache-control')).toBe('no-store');
});

export const SOA_OF_MESOS = 'SOA mesos ns1.mesos root.ns1.mesos 60 600 86400 10';

/** Reads the reply and holds it against its query: id, opcode, question octet by octet, flags nobody may set. */
export function expectAnswer(reply: Reply, wanted: Wanted): Judged {
  const judged = readDns(reply);
  const { octets, packet, question } = judged;
  const sent = Buffer.from(reply.sent.message ?? []);
  expect(judged.id).toBe(sent.readUInt16BE(0));
  // QR; the query's opcode and RD; never TC nor Z; AD only for what was validated, which nothing here is.
  expect(judged.flags & 0xfb60).toBe(0x8000 | (sent.readUInt16BE(2) & 0x7900));
  expect(octets.readUInt16BE(4)).toBe(1);
  expect(octets.subarray(12, 12 + question.length)).toEqual(sent.subarray(12, 12 + question.length));
  const rcode = (((judged.opt?.ttl ?? 0) >>> 24) << 4) | (judged.flags & 0xf);
  if (wanted.rcode) expect(rcode).toBe(RCODES[wanted.rcode]);
  if (wanted.authoritative !== undefined) expect(packet.flag_aa).toBe(wanted.authoritative);
  if (wanted.answers) expect(texts(packet.answers)).toEqual([...wanted.answers].toSorted());
  if (wanted.authority) expect(texts(packet.authorities)).toEqual([...wanted.authority].toSorted());
  if (wanted.additional) expect(texts(packet.additionals)).toEqual([...wanted.additional].toSorted());
  if (wanted.ttl !== undefined) for (const { ttl } of judged.answers) expect(ttl).toBe(wanted.ttl);
  if (wanted.kept !== undefined) expect(reply.header('cache-control')).toBe(wanted.kept);
  if (wanted.edns !== undefined) expect(judged.opt !== undefined).toBe(wanted.edns);
  if (wanted.errors) expect(extendedErrors(judged).map(({ code }) => code)).toEqual(wanted.errors);
  return judged;
}

export function readDns(reply: Reply): Judged {
  expect(reply.status, Buffer.from(reply.octets).toString('latin1')).toBe(200);
  expect(reply.header('content-type')).toBe(DNS_MESSAGE);
  const octets = Buffer.from(reply.octets);
  return { ...judge(octets), octets, ttl: reply.header('cache-control') ?? '' };
}

/** The options of the reply's OPT record, which there has to be. */
export function optionsOf({ opt }: Judged): { readonly code: number; readonly data: Buffer }[] {
  const rdata = Buffer.from(opt?.rdata ?? expect.fail('no OPT record'));
  const options = [];
  for (let at = 0; at < rdata.length;) {
    const end = at + 4 + rdata.readUInt16BE(at + 2);
    expect(end).toBeLessThanOrEqual(rdata.length);
    options.push({ code: rdata.readUInt16BE(at), data: rdata.subarray(at + 4, end) });
    at = end;
  }
  return options;
}

export function extendedErrors(judged: Judged): { readonly code: number; readonly text: string }[] {
  return optionsOf(judged)
    .filter(({ code }) => code === OPTION.EDE)
    .map(({ data }) => ({ code: data.readUInt16BE(0), text: data.toString('utf8', 2) }));
}

/** Records as `TYPE data`, sorted, OPT left out; those of the authority and additional section with owner. */
function texts(records: readonly Answer[] = []): string[] {
  return (
    records
      .filter(({ type }) => type !== 'OPT')
      // Names have no case; a pointer into the question gives them that of the question.
      .map((record) => text(record).replace(/ .*/, (names) => names.toLowerCase()))
      .toSorted()
  );
}

function text(record: Answer): string {
  switch (record.type) {
    case 'A':
    case 'AAAA':
    case 'NS':
    case 'CNAME':
      return `${record.type} ${record.name} ${record.data}`;
    case 'SRV': {
      const { priority, weight, port, target } = record.data;
      return `SRV ${record.name} ${priority} ${weight} ${port} ${target}`;
    }
    case 'SOA': {
      const { mname, rname, refresh, retry, expire, minimum } = record.data;
      return `SOA ${record.name} ${mname} ${rname} ${refresh} ${retry} ${expire} ${minimum}`;
    }
    default:
      return record.type;
  }
}
