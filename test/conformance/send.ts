import type { Sent } from './row.ts';

/** Requests and the messages in them, octet by octet. */

export const DNS_MESSAGE = 'application/dns-message';
const ID = 0xcafe;
export const RD = 0x0100;
export const TYPE = {
  ...{ A: 1, NS: 2, CNAME: 5, SOA: 6, PTR: 12, MX: 15, TXT: 16, AAAA: 28, SRV: 33, OPT: 41, DS: 43 },
  ...{ DNSKEY: 48, SVCB: 64, HTTPS: 65, TSIG: 250, IXFR: 251, AXFR: 252, MAILB: 253, ANY: 255, CAA: 257 },
} as const;
export const OPTION = { NSID: 3, ECS: 8, COOKIE: 10, PADDING: 12, EDE: 15 } as const;

/** A name in wire form, its letters as written; labels may be given as octets. */
export function name(text: string | readonly (string | Uint8Array)[]): Uint8Array {
  const labels = typeof text === 'string' ? text.split('.').filter((label) => label !== '') : text;
  const octets = labels.map((label) => (typeof label === 'string' ? Buffer.from(label, 'latin1') : label));
  return Buffer.concat([...octets.flatMap((label) => [Buffer.of(label.length), label]), Buffer.of(0)]);
}

export function question(
  owner: string | Uint8Array,
  type: number = TYPE.A,
  { class: cls = 1 }: { readonly class?: number } = {},
): Uint8Array {
  const wire = typeof owner === 'string' ? name(owner) : owner;
  return Buffer.concat([wire, u16(type), u16(cls)]);
}

export type OptParts = {
  readonly version?: number;
  readonly flags?: number;
  readonly payload?: number;
  readonly options?: readonly (readonly [code: number, data: Uint8Array])[];
  /** In place of the options. */
  readonly rdata?: Uint8Array;
  readonly owner?: Uint8Array;
  readonly extendedRcode?: number;
};

/** An OPT record (RFC 6891 §6.1.2). */
export function opt({ version = 0, flags = 0, payload = 1232, ...more }: OptParts = {}): Uint8Array {
  const { options = [], owner = Buffer.of(0), extendedRcode = 0 } = more;
  const rdata =
    more.rdata ??
    Buffer.concat(options.flatMap(([code, data]) => [u16(code), u16(data.length), Buffer.from(data)]));
  const fixed = [u16(TYPE.OPT), u16(payload), Buffer.of(extendedRcode, version), u16(flags)];
  return Buffer.concat([owner, ...fixed, u16(rdata.length), rdata]);
}

/** An ordinary record, owner, type, class IN and a TTL of 1. */
export function record(owner: Uint8Array, type: number, rdata: Uint8Array): Uint8Array {
  return Buffer.concat([owner, u16(type), u16(1), u16(0), u16(1), u16(rdata.length), rdata]);
}

export type Parts = {
  readonly id?: number;
  /** The header's third and fourth octet; RD alone if not given. */
  readonly flags?: number;
  readonly questions?: readonly Uint8Array[];
  readonly answers?: readonly Uint8Array[];
  readonly authority?: readonly Uint8Array[];
  readonly additional?: readonly Uint8Array[];
  /** In place of how many there are. */
  readonly counts?: readonly [number, number, number, number];
  readonly behind?: Uint8Array;
};

export function message(parts: Parts): Uint8Array {
  const { id = ID, flags = RD, questions = [], answers = [], authority = [], additional = [] } = parts;
  const counts = parts.counts ?? [questions.length, answers.length, authority.length, additional.length];
  const header = [id, flags, ...counts].map((word) => u16(word));
  const records = [...questions, ...answers, ...authority, ...additional];
  return Buffer.concat([...header, ...records, parts.behind ?? Buffer.of()]);
}

/** The usual query: one question, RD set, an OPT record if its parts are given. */
export function query(
  owner: string | Uint8Array,
  type: number = TYPE.A,
  { edns, class: cls = 1, ...parts }: Parts & { readonly edns?: OptParts; readonly class?: number } = {},
): Uint8Array {
  const additional = edns ? [opt(edns)] : [];
  return message({ questions: [question(owner, type, { class: cls })], additional, ...parts });
}

export function base64url(octets: Uint8Array): string {
  return Buffer.from(octets).toString('base64url');
}

export function byGet(
  octets: Uint8Array,
  more: { readonly method?: string; readonly accept?: string } = {},
): Sent {
  const { method = 'GET', accept = DNS_MESSAGE } = more;
  const path = `/dns-query?dns=${base64url(octets)}`;
  return { method, path, headers: accept === '' ? {} : { accept }, message: octets };
}

export function byPost(
  octets: Uint8Array,
  { type = DNS_MESSAGE, headers = {} }: { readonly type?: string; readonly headers?: Sent['headers'] } = {},
): Sent {
  const contentType = type === '' ? {} : { 'content-type': type };
  return {
    method: 'POST',
    path: '/dns-query',
    headers: { accept: DNS_MESSAGE, ...contentType, ...headers },
    body: octets,
    message: octets,
  };
}

/** Both ways: what is in the message has to be answered alike. */
export function bothWays(...messages: readonly Uint8Array[]): Sent[] {
  return messages.flatMap((octets) => [byGet(octets), byPost(octets)]);
}

/** The query for `web.mesos` made so long with padding. */
export function paddedTo(octets: number): Uint8Array {
  const bare = query('web.mesos', TYPE.A, { edns: { options: [[OPTION.PADDING, Buffer.of()]] } }).length;
  return query('web.mesos', TYPE.A, {
    edns: { options: [[OPTION.PADDING, new Uint8Array(octets - bare)]] },
  });
}

function u16(number: number): Uint8Array {
  return Buffer.of(number >> 8, number & 0xff);
}
