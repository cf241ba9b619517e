import { FLAG, type Message, type MessageRecord } from '../../zone/message.ts';
import { rdataText } from '../../zone/rdata-text.ts';
import { typeName } from '../../zone/record.ts';
import { RCODE } from '../../zone/wire.ts';
import type { Question } from '../client/reply.ts';

/** A reply and how it came. */
export type LookedUp = {
  readonly question: Question;
  readonly message: Message;
  readonly octets: Uint8Array;
  readonly snapshot?: { readonly serial: number; readonly ageSeconds: number };
  /** `https://doh.example.com/dns-query`, `127.0.0.1:5354 over UDP`. */
  readonly from: string;
  readonly elapsedMs: number;
};

const AA = 0x0400;

/** The reply as dig shows it: status and flags, sections, and where it is from. */
export function renderReply(found: LookedUp): string {
  const { message, octets, question, snapshot, elapsedMs } = found;
  const { flags, rcode } = message;
  const set = { aa: AA, tc: FLAG.TC, rd: FLAG.RD, ra: FLAG.RA, ad: FLAG.AD };
  const shown = Object.entries(set).flatMap(([name, bit]) => ((flags & bit) === 0 ? [] : [name]));
  const { name, type } = question;
  const lines = [`;; ${name} ${typeName(type)}: ${rcodeText(rcode)}; flags: ${shown.join(' ')}`];
  for (const [title, records] of [
    ['ANSWER', message.answers],
    ['AUTHORITY', message.authority],
    ['ADDITIONAL', message.additional],
  ] as const)
    if (records.length > 0)
      lines.push('', `;; ${title}`, ...records.map((record) => recordLine(octets, record)));
  for (const { code, text } of message.extendedErrors) lines.push('', `;; extended error ${code}: ${text}`);
  const age = snapshot && `, snapshot ${snapshot.serial}, age=${snapshot.ageSeconds} s`;
  lines.push('', `;; from ${found.from} in ${Math.round(elapsedMs)} ms${age ?? ''}`, '');
  return lines.map((line) => line.replaceAll(/[^\P{C}\t]+/gu, ' ')).join('\n');
}

/** The answers' values alone, a line each, as `dig +short`. */
export function renderShort({ message, octets }: LookedUp): string {
  return message.answers.map((record) => `${rdataText(octets, record)}\n`).join('');
}

function recordLine(octets: Uint8Array, record: MessageRecord): string {
  const { name, ttl, type } = record;
  return [`${name}.`, ttl, 'IN', typeName(type), rdataText(octets, record)].join('\t');
}

function rcodeText(rcode: number): string {
  for (const [name, code] of Object.entries(RCODE)) if (code === rcode) return name;
  return `RCODE${rcode}`;
}
