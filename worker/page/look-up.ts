import { parseAddress, reverseName } from '../../zone/address.ts';
import { FormatError } from '../../zone/format-error.ts';
import { type Message, type MessageRecord, readMessage } from '../../zone/message.ts';
import { parseName } from '../../zone/name.ts';
import { readQuery } from '../../zone/query.ts';
import { encodeQuestion } from '../../zone/question.ts';
import { rdataText } from '../../zone/rdata-text.ts';
import { TYPE, typeCode, typeName } from '../../zone/record.ts';
import { RCODE } from '../../zone/wire.ts';
import type { PageRequest } from '../page-request.ts';
import { resolve, type ResolveOptions } from '../resolve.ts';
import { snapshotAgeSeconds } from '../snapshot/held.ts';

/** Types the page offers. */
export const TYPES = ['A', 'AAAA', 'SRV', 'TXT', 'SOA', 'NS', 'PTR', 'HTTPS', 'ANY'] as const;

/** A look-up as a person reads it. */
export type LookUp = {
  /** As it was typed. */
  readonly name: string;
  readonly type: (typeof TYPES)[number];
  /** `NXDOMAIN`; NODATA for a name without the type. Undefined: what was typed is no name, and `problem` says why. */
  readonly outcome: string | undefined;
  readonly problem?: string;
  readonly values: readonly Value[];
  /** RFC 8914. */
  readonly extendedErrors: readonly { readonly code: number; readonly text: string }[];
  /** The zone's snapshot it was answered from; undefined where it was not from a zone of ours. */
  readonly from:
    { readonly origin: string; readonly serial: number; readonly ageSeconds: number } | undefined;
};

export type Value = {
  readonly owner: string;
  readonly type: string;
  readonly ttlSeconds: number;
  /** In presentation form, its names with their final dot. */
  readonly text: string;
  /** Of an SRV value's target or of an address itself; as far as the reply has them. */
  readonly addresses: readonly string[];
};

/** Asks as a DoH client of the same view would, and reads the reply. */
export async function lookUpForPage(
  { name: text, type: typed }: { name: string; type: string },
  options: ResolveOptions,
  { log, waitUntil }: Pick<PageRequest, 'log' | 'waitUntil'>,
): Promise<LookUp> {
  const type = TYPES.find((known) => typeCode(known) === typeCode(typed)) ?? 'A';
  const name = hostIn(text);
  const nothing = { name, type, values: [], extendedErrors: [], from: undefined };
  try {
    const address = type === 'PTR' ? parseAddress(name) : undefined;
    const asked = address ? reverseName(address) : name;
    const query = readQuery(encodeQuestion({ name: parseName(asked), type: TYPE[type], edns: true }));
    if (query?.kind !== 'query') throw new FormatError('question', 'can not be asked');
    const { octets, held } = await resolve(query, options, waitUntil);
    log?.(octets);
    const reply = readMessage(octets);
    const rcode = rcodeName(reply.rcode);
    return {
      ...nothing,
      outcome: rcode === 'NOERROR' && reply.answers.length === 0 ? 'NODATA' : rcode,
      values: reply.answers.map((answer) => valueOf(octets, answer, reply)),
      extendedErrors: reply.extendedErrors,
      from: held && {
        origin: held.zone.zone.origin,
        serial: held.root.serial,
        ageSeconds: snapshotAgeSeconds(held, options.now()),
      },
    };
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    return { ...nothing, outcome: undefined, problem: error.message };
  }
}

/** What was typed without blanks around it, or the host of a URL that was pasted: no name of ours goes astray. */
function hostIn(text: string): string {
  const typed = text.trim();
  return (
    /^[a-z]+:\/\/(?:[^/?#@]*@)?(\[[^\]]*\]|[^/?#:]*)/i.exec(typed)?.[1]?.replace(/^\[|\]$/g, '') ?? typed
  );
}

function rcodeName(rcode: number): string {
  return Object.entries(RCODE).find(([, code]) => code === rcode)?.[0] ?? `RCODE ${rcode}`;
}

function valueOf(octets: Uint8Array, record: MessageRecord, { answers, additional }: Message): Value {
  const { name, ttl, type } = record;
  const text = rdataText(octets, record);
  const target = text.split(' ')[3]?.slice(0, -1);
  const addresses = [...answers, ...additional]
    .filter((other) => type === TYPE.SRV && isAddress(other) && other.name === target)
    .map((other) => rdataText(octets, other));
  return {
    owner: name,
    type: typeName(type),
    ttlSeconds: ttl,
    text,
    addresses: isAddress(record) && parseAddress(text) ? [text] : addresses,
  };
}

function isAddress({ type }: MessageRecord): boolean {
  return type === TYPE.A || type === TYPE.AAAA;
}
