import { FormatError } from '../../zone/format-error.ts';

/**
 * Members of a parsed JSON object, read as Go reads them: missing or null is the type's empty value, another
 * type is an error (`FormatError` naming the member).
 */
export type JsonObject = Readonly<Record<string, unknown>>;

/** The value itself as an object; null or missing as an empty one. */
export function asObject(value: unknown, what: string): JsonObject {
  if (value === undefined || value === null) return {};
  if (isObject(value)) return value;
  throw new FormatError(what, `is ${kindOf(value)} instead of an object`);
}

export function textField(object: JsonObject, key: string): string {
  const value = object[key];
  if (typeof value === 'string') return value;
  if (value === undefined || value === null) return '';
  throw new FormatError(key, `is ${kindOf(value)} instead of a text`);
}

export function numberField(object: JsonObject, key: string): number {
  const value = object[key];
  if (typeof value === 'number') return value;
  if (value === undefined || value === null) return 0;
  throw new FormatError(key, `is ${kindOf(value)} instead of a number`);
}

export function objectField(object: JsonObject, key: string): JsonObject {
  return asObject(object[key], key);
}

export function listField(object: JsonObject, key: string): readonly unknown[] {
  const value = object[key];
  if (Array.isArray(value)) return value;
  if (value === undefined || value === null) return [];
  throw new FormatError(key, `is ${kindOf(value)} instead of a list`);
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** What a value is, for people: lists and objects, however deep, by their kind alone. */
export function kindOf(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  return typeof value === 'object' ? 'an object' : `${typeof value} ${JSON.stringify(value)}`;
}
