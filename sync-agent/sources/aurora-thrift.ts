import { FormatError } from '../../zone/format-error.ts';
import { kindOf } from './fields.ts';

/**
 * Thrift's JSON protocol (TJSONProtocol), as much as one call of Aurora's scheduler takes: a message is
 * `[1, name, type, sequence, struct]`, a struct `{"<field id>": {"<type>": value}}`, a list `["<type>", size, …]`, a
 * map `["<key type>", "<value type>", size, {…}]`.
 */
export type Struct = Readonly<Record<string, unknown>>;

const VERSION = 1;
const CALL = 1;
const REPLY = 2;
const EXCEPTION = 3;

/** A call's octets. */
export function writeCall(method: string, args: Struct): string {
  return JSON.stringify([VERSION, method, CALL, 0, args]);
}

/** What a call returned. Throws `FormatError` for what is no such answer, or an exception of Thrift's. */
export function readReply(method: string, json: unknown): Struct {
  if (!Array.isArray(json) || json[0] !== VERSION)
    throw new FormatError('answer', 'is no Thrift message in JSON');
  const [, name, type, , body] = json as readonly unknown[];
  if (type === EXCEPTION) {
    const message = textOf(structOf(body, 'exception'), 1, 'message');
    throw new FormatError('answer', `is an exception: ${message ?? 'without a message'}`);
  }
  if (type !== REPLY || name !== method) throw new FormatError('answer', `is none to ${method}`);
  return field(structOf(body, 'answer'), 0, { type: 'rec', what: 'result', read: structOf }) ?? {};
}

export function textOf(struct: Struct, id: number, what: string): string | undefined {
  return field(struct, id, { type: 'str', what, read: checked('string') });
}

export function numberOf(struct: Struct, id: number, what: string): number | undefined {
  return field(struct, id, { type: 'i32', what, read: checked('number') });
}

export function recordOf(struct: Struct, id: number, what: string): Struct | undefined {
  return field(struct, id, { type: 'rec', what, read: structOf });
}

/** A list or set of structs. */
export function recordsOf(struct: Struct, id: number, what: string): readonly unknown[] {
  const list = field(struct, id, { type: 'lst', what, read: listOf }) ?? [];
  const [type, size, ...items] = list;
  if (list.length > 0 && (type !== 'rec' || size !== items.length))
    throw new FormatError(what, 'is no list of structs');
  return items;
}

/** A map of texts to 32-bit numbers. */
export function numbersOf(struct: Struct, id: number, what: string): Readonly<Record<string, number>> {
  const [, , , entries = {}] = field(struct, id, { type: 'map', what, read: listOf }) ?? [];
  const numbers = new Map<string, number>();
  for (const [key, value] of Object.entries(structOf(entries, what))) {
    if (typeof value !== 'number') throw new FormatError(what, `has ${kindOf(value)} for ${key}`);
    numbers.set(key, value);
  }
  return Object.fromEntries(numbers);
}

export function structOf(value: unknown, what: string): Struct {
  if (isObject(value)) return value;
  throw new FormatError(what, `is ${kindOf(value)} instead of a struct`);
}

/** Undefined where the struct has no such field. */
function field<T>(
  struct: Struct,
  id: number,
  { type, what, read }: { type: string; what: string; read: (value: unknown, what: string) => T },
): T | undefined {
  const tagged = struct[String(id)];
  if (tagged === undefined) return undefined;
  const value = structOf(tagged, what)[type];
  if (value === undefined) throw new FormatError(what, `is of another type than ${type}`);
  return read(value, what);
}

function listOf(value: unknown, what: string): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw new FormatError(what, `is ${kindOf(value)} instead of a list`);
}

function checked(type: 'string'): (value: unknown, what: string) => string;
function checked(type: 'number'): (value: unknown, what: string) => number;
function checked(type: string): (value: unknown, what: string) => unknown {
  return (value, what) => {
    if (typeof value === type) return value;
    throw new FormatError(what, `is ${kindOf(value)} instead of a ${type}`);
  };
}

function isObject(value: unknown): value is Struct {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
