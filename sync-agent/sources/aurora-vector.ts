import { FormatError } from '../../zone/format-error.ts';
import type { ServerSetEndpoint, ServerSetMember, SrvNumbers } from '../cluster.ts';
import { asObject, kindOf, listField, textField } from './fields.ts';

/** One line of a `vector_*` node: what it chooses, and how much of the traffic that is to have. */
export type Descriptor = {
  readonly select: Selector;
  readonly weight: number;
  readonly priority: number;
};

export type Selector =
  | { readonly by: 'shard'; readonly shard: number }
  | { readonly by: 'member'; readonly name: string }
  | { readonly by: 'inet'; readonly host: string; readonly port: number };

/** SRV weights are whole numbers: a weight of 1, finagle's usual one, is so much. */
const WEIGHT_OF_ONE = 100;
const MOST = 0xffff;
/** What finagle takes where a vector says nothing (`serverset2/Vector.scala`). */
const USUAL = { weight: 1, priority: 1 };

/**
 * `{"vector": [{"select": "shard=1" | "member=…" | "inet=host:port", "weight": 0.5, "priority": 1}]}`. Throws
 * `FormatError`; a line that chooses by something else is passed over, as finagle does.
 */
export function readVector(octets: Uint8Array): readonly Descriptor[] {
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(octets));
  } catch {
    throw new FormatError('vector', 'is not valid JSON');
  }
  return listField(asObject(json, 'the vector'), 'vector').flatMap((line) => {
    const descriptor = asObject(line, 'a line of the vector');
    const select = readSelector(textField(descriptor, 'select'));
    if (!select) return [];
    const weight = numberOr(descriptor['weight'], USUAL.weight);
    const priority = numberOr(descriptor['priority'], USUAL.priority);
    if (weight < 0) throw new FormatError('weight', `is ${weight}, below 0`);
    if (!Number.isInteger(priority) || priority < 0 || priority > MOST)
      throw new FormatError('priority', `is ${priority}, and should be a whole number from 0 to ${MOST}`);
    return [{ select, weight, priority }];
  });
}

/**
 * A member whose endpoints have the numbers that vectors give them: weights multiply, of priorities the last one
 * (the greatest) counts. Without any vector the zone's own numbers stay.
 */
export function weighMember(
  member: ServerSetMember,
  vectors: readonly (readonly Descriptor[])[],
): ServerSetMember {
  if (vectors.length === 0) return member;
  const lines = vectors.flat();
  const weigh = <Endpoint extends ServerSetEndpoint>(endpoint: Endpoint): Endpoint => ({
    ...endpoint,
    srv: numbersOf(lines.filter(({ select }) => matches(select, member, endpoint))),
  });
  return {
    ...member,
    primary: weigh(member.primary),
    additional: member.additional.map((endpoint) => weigh(endpoint)),
  };
}

function numbersOf(lines: readonly Descriptor[]): SrvNumbers {
  const product = lines.reduce((weight, line) => weight * line.weight, USUAL.weight);
  const priority = lines.length === 0 ? USUAL.priority : Math.max(...lines.map((line) => line.priority));
  const scaled = Math.min(MOST, Math.round(WEIGHT_OF_ONE * product));
  // A weight of 0 means that hardly anybody is sent there: only what is to have nothing has it.
  return { priority, weight: product > 0 ? Math.max(1, scaled) : 0 };
}

function matches(
  select: Selector,
  { name, shard }: ServerSetMember,
  { host, port }: ServerSetEndpoint,
): boolean {
  switch (select.by) {
    case 'shard':
      return shard === select.shard;
    case 'member':
      return name === select.name;
    case 'inet':
      return host.toLowerCase() === select.host && port === select.port;
  }
}

function readSelector(text: string): Selector | undefined {
  const [, by, value = ''] = /^(shard|member|inet)=(.+)$/s.exec(text) ?? [];
  if (by === 'shard') return /^\d{1,10}$/.test(value) ? { by, shard: Number(value) } : undefined;
  if (by === 'member') return { by, name: value };
  const [, host, port] = /^\[?([^\]]+?)\]?:(\d{1,5})$/.exec(value) ?? [];
  if (by !== 'inet' || host === undefined) return undefined;
  return { by, host: host.toLowerCase(), port: Number(port) };
}

function numberOr(value: unknown, usual: number): number {
  if (value === undefined || value === null) return usual;
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  throw new FormatError('a number of the vector', `is ${kindOf(value)}`);
}
