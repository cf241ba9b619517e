import { describe, expect, it } from 'vitest';
import {
  asObject,
  kindOf,
  listField,
  numberField,
  objectField,
  textField,
} from '../../../sync-agent/sources/fields.ts';
import { FormatError } from '../../../zone/format-error.ts';

const VALUES = {
  text: 'x',
  number: 7,
  boolean: false,
  list: [1],
  object: { a: 1 },
} as const;
type Kind = keyof typeof VALUES;

const READERS: readonly [Kind, (json: Record<string, unknown>, key: string) => unknown, empty: unknown][] = [
  ['text', textField, ''],
  ['number', numberField, 0],
  ['object', objectField, {}],
  ['list', listField, []],
];

describe.each(READERS)('a %s', (kind, read, empty) => {
  it('is read as it is', () => {
    expect(read({ k: VALUES[kind] }, 'k')).toBe(VALUES[kind]);
  });

  it.each([
    ['missing', {}],
    ['null', { k: null }],
    ['undefined', { k: undefined }],
  ])('that is %s is empty', (_, json) => {
    expect(read(json, 'k')).toEqual(empty);
  });

  const others = (Object.keys(VALUES) as Kind[]).filter((other) => other !== kind);
  it.each(others)('that is a %s is refused, member and kind named', (other) => {
    const json = { k: VALUES[other] };
    expect(() => read(json, 'k')).toThrow(FormatError);
    expect(() => read(json, 'k')).toThrow(
      new RegExp(`^k: is (a list|an object|(string|number|boolean) .+) instead of an? ${kind}$`),
    );
  });
});

describe('an object', () => {
  it('is named when it is none', () => {
    expect(() => asObject([], 'state')).toThrow('state: is a list instead of an object');
    expect(() => asObject('x', 'state')).toThrow('state: is string "x" instead of an object');
    expect(asObject(null, 'state')).toEqual({});
  });
});

it.each([
  [null, 'null'],
  [[1], 'a list'],
  [{ a: 1 }, 'an object'],
  ['x"', 'string "x\\""'],
  [1.5, 'number 1.5'],
  [false, 'boolean false'],
])('%j is %s', (value, kind) => {
  expect(kindOf(value)).toBe(kind);
});

describe('a member nested very deep', () => {
  it('is told by its kind, without a look inside', () => {
    const deep: unknown = JSON.parse('['.repeat(100_000) + ']'.repeat(100_000));
    expect(() => textField({ k: deep }, 'k')).toThrow('k: is a list instead of a text');
    expect(() => textField({ k: { deep } }, 'k')).toThrow('k: is an object instead of a text');
  });
});
