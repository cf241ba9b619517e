import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createJsonCutter, type CutRule, type JsonPath } from '../../../sync-agent/sources/json-cutter.ts';
import { FormatError } from '../../../zone/format-error.ts';

type Cut = { readonly skeleton: unknown; readonly elements: readonly (readonly [JsonPath, unknown])[] };

const NO_RULE: CutRule = () => undefined;
const EACH_A: CutRule = (path) => (path.length === 1 && path[0] === 'a' ? 'each' : undefined);
const SKIP_A: CutRule = (path) => (path.length === 1 && path[0] === 'a' ? 'skip' : undefined);

describe('what is cut', () => {
  it('is what JSON.parse gives, with the cut parts taken out: any document, any rules, any pieces', () => {
    const rules = fc.func(fc.constantFrom(undefined, undefined, 'each' as const, 'skip' as const));
    const document = fc.jsonValue({ maxDepth: 5, stringUnit: 'binary' });
    fc.assert(
      fc.property(
        document,
        rules,
        fc.infiniteStream(fc.nat(1000)),
        pieceSizes(),
        (value, rule, dice, sizes) => {
          const text = write(value, () => dice.next().value ?? 0);
          expect(JSON.stringify(JSON.parse(text))).toBe(JSON.stringify(value));
          const ruleAt: CutRule = (path) => rule(path);
          const got = cut(text, { ruleAt, sizes });
          const wanted = cutWhole(JSON.parse(text), ruleAt);
          expect(JSON.stringify(got.skeleton)).toBe(JSON.stringify(wanted.skeleton));
          expect(got.elements.map((element) => JSON.stringify(element)).toSorted()).toEqual(
            wanted.elements.map((element) => JSON.stringify(element)).toSorted(),
          );
        },
      ),
      { numRuns: 400 },
    );
  });

  it('is handed over in the order of the document, each with its path', () => {
    const text = '{"b":[0,{"a":[1,[],{}]}],"c":[]}';
    const ruleAt: CutRule = (path) => (path.at(-1) === 'a' || path[0] === 'c' ? 'each' : undefined);
    expect(cut(text, { ruleAt })).toEqual({
      skeleton: { b: [0, { a: [] }], c: [] },
      elements: [
        [['b', 1, 'a', 0], 1],
        [['b', 1, 'a', 1], []],
        [['b', 1, 'a', 2], {}],
      ],
    });
  });

  it('asks for a rule only where a value of the skeleton stands', () => {
    const asked: JsonPath[] = [];
    cut('{"a":[[1],{"x":2}],"b":{"c":3}}', {
      ruleAt: (path) => {
        asked.push([...path]);
        return path[0] === 'a' ? 'each' : undefined;
      },
    });
    expect(asked).toEqual([[], ['a'], ['b'], ['b', 'c']]);
  });

  const cases: readonly [string, string, CutRule, Cut][] = [
    ['scalars', '{"a":[1,-2.5e3,"x",true,false,null]}', EACH_A, elements(1, -2500, 'x', true, false, null)],
    ['empties', '{"a":[{},[],"",[[]],{"":{}}]}', EACH_A, elements({}, [], '', [[]], { '': {} })],
    ['an empty array', '{"a":[ ]}', EACH_A, elements()],
    ['what is no array', '{"a":{"a":[1]}}', EACH_A, { skeleton: { a: { a: [1] } }, elements: [] }],
    ['whitespace', '\r\n\t {\n"a"\t:\r[ \n1\t, 2 \r]\n} \n', EACH_A, elements(1, 2)],
    ['brackets in strings', '{"a":["]","}{[",{"]":"}"}]}', EACH_A, elements(']', '}{[', { ']': '}' })],
    [
      'escapes',
      String.raw`{"a":["\"","\\","\\\"","\/","\ud83e\udd8a","\ud800"]}`,
      EACH_A,
      elements('"', '\\', '\\"', '/', '🦊', '\ud800'),
    ],
    ['an escaped key', String.raw`{"\u0061":[1]}`, EACH_A, elements(1)],
    ['octets of all lengths', '{"a":["é","日本","🦊"]}', EACH_A, elements('é', '日本', '🦊')],
    [
      'a passed-over object',
      String.raw`{"a":{"x":["}\"",{}]},"b":1}`,
      SKIP_A,
      { skeleton: { a: null, b: 1 }, elements: [] },
    ],
    [
      'a passed-over string',
      String.raw`{"a":"]}\\","b":1}`,
      SKIP_A,
      { skeleton: { a: null, b: 1 }, elements: [] },
    ],
    ['a passed-over number', '{"a":1,"b":1}', SKIP_A, { skeleton: { a: null, b: 1 }, elements: [] }],
    [
      'a root that is a list',
      '[1,[2]]',
      (path) => (path.length === 0 ? 'each' : undefined),
      {
        skeleton: [],
        elements: [
          [[0], 1],
          [[1], [2]],
        ],
      },
    ],
    ['a root that is passed over', '{"a":[1]}', () => 'skip', { skeleton: null, elements: [] }],
    ['a root that is a number', '17', EACH_A, { skeleton: 17, elements: [] }],
    ['a root that is a string', '"x"', EACH_A, { skeleton: 'x', elements: [] }],
    [
      'a key of the prototype',
      '{"__proto__":{"x":1},"constructor":2}',
      NO_RULE,
      { skeleton: JSON.parse('{"__proto__":{"x":1},"constructor":2}'), elements: [] },
    ],
  ];
  it.each(cases)('%s, whole and in pieces of every size', (_, text, ruleAt, wanted) => {
    const { length } = Buffer.from(text);
    for (let size = 1; size <= length; size++)
      expect(cut(text, { ruleAt, sizes: [size] })).toStrictEqual(wanted);
  });

  it('may be nested as deep as it likes inside an element', () => {
    const deep = '['.repeat(100_000) + ']'.repeat(100_000);
    const { skeleton, elements: given } = cut(`{"a":[${deep}]}`, { ruleAt: EACH_A });
    expect(skeleton).toEqual({ a: [] });
    let depth = 0;
    for (let inner = given[0]?.[1]; Array.isArray(inner); inner = inner[0]) depth++;
    expect(depth).toBe(100_000);
  });
});

describe('a broken document', () => {
  const broken: readonly [text: string, offset: number][] = [
    ['', 0],
    [' \n', 2],
    ['// a comment\n{"a":[]}', 0],
    ['{"a":[] // a comment\n}', 8],
    ["'true'", 0],
    ["{'a':1}", 1],
    ['{"a":1}}', 7],
    ['{"a":1} x', 8],
    ['{} {}', 3],
    ['1 2', 2],
    ['[1],', 3],
    [']', 0],
    [',', 0],
    [':', 0],
    ['{"a":[1}', 7],
    ['{"a":1]', 6],
    ['{"a":[{]}]}', 6],
    ['{"a":[1,]}', 8],
    ['{"a":[,1]}', 6],
    ['{"a":[1,,2]}', 8],
    ['{"a":[1 2]}', 8],
    ['{"a":["x""y"]}', 9],
    ['{"a":[{}{}]}', 8],
    ['{"a":[1:2]}', 7],
    ['{"b":[1,]}', 8],
    ['{"b":[1 2]}', 8],
    ['{"b":1 2}', 7],
    ['{"b":tr ue}', 5],
    ['{"b":- 1}', 5],
    ['{"b"1}', 4],
    ['{"b"}', 4],
    ['{"b":}', 5],
    ['{"b"::1}', 5],
    ['{"b":1,}', 7],
    ['{,"b":1}', 1],
    ['{"b":1,"c"}', 10],
    ['{b:1}', 1],
    ['{1:1}', 1],
    ['{"b":01}', 5],
    ['{"b":+1}', 5],
    ['{"b":.5}', 5],
    ['{"b":NaN}', 5],
    ['{"b":undefined}', 5],
    ['{"b":"\t"}', 5],
    [String.raw`{"b":"\x41"}`, 5],
    [String.raw`{"\x":1}`, 1],
    ['\u000b{"b":1}', 0],
    ['\ufeff{"b":1}', 0],
    ['{"b":1}\0', 7],
    ['<html></html>', 0],
    ['True', 0],
  ];
  it.each(broken)('%j is refused at offset %i, whole and octet by octet', (text, offset) => {
    for (const sizes of [[1], [1000]]) {
      const error = refusal(text, { ruleAt: EACH_A, sizes });
      expect(error.message).toMatch(/^JSON document: /);
      expect(error.offset).toBe(offset);
    }
  });

  it.each([
    ['an object', String.raw`{"a":[{"x":"\"y\\"},2],"b":{"c":[null,{}]},"s":{"t":"]"}}`],
    ['a list', '["a",[1,{"b":2}],3]'],
  ])('cut off anywhere (%s) is refused where it ends', (_, text) => {
    const octets = Buffer.from(text);
    const ruleAt: CutRule = (path) => (path[0] === 's' ? 'skip' : EACH_A(path));
    for (let length = 0; length < octets.length; length++) {
      const error = refusal(octets.subarray(0, length), { ruleAt, sizes: [3] });
      expect(error.offset).toBeLessThanOrEqual(length);
    }
    expect(() => cut(text, { ruleAt })).not.toThrow();
  });

  it('is refused where JSON.parse refuses it, and only there: a document with one octet changed', () => {
    const document = fc
      .jsonValue({ maxDepth: 3 })
      .map((value) => Buffer.from(JSON.stringify({ a: [value], b: value })));
    const octet = fc.oneof(fc.nat(255), fc.constantFrom(...Buffer.from('[]{},:"\\ 0-.e\n')));
    fc.assert(
      fc.property(
        document,
        fc.nat(),
        octet,
        fc.constantFrom('put', 'drop', 'replace'),
        (octets, place, other, change) => {
          const at = place % octets.length;
          const dropped = change === 'put' ? 0 : 1;
          const put = change === 'drop' ? [] : [other];
          judge(Buffer.from([...octets.subarray(0, at), ...put, ...octets.subarray(at + dropped)]));
        },
      ),
      { numRuns: 1000 },
    );
  });

  it('is refused where JSON.parse refuses it, and only there: a soup of tokens', () => {
    const token = fc.constantFrom(
      '[',
      ']',
      '{',
      '}',
      ',',
      ':',
      '"a"',
      '"b"',
      '1',
      '-',
      'true',
      'null',
      ' ',
      '\n',
      '"',
      '\\',
      '/',
    );
    const soup = fc.array(token, { maxLength: 9 });
    fc.assert(
      fc.property(soup, (tokens) => judge(Buffer.from(tokens.join('')))),
      { numRuns: 5000 },
    );
  });

  it.each([
    ['[', ']'],
    ['{"x":', '}'],
    ['[{"x":[', ']}]'],
  ])('%j 100,000 times ends soon, closed or not', (open, close) => {
    const opened = open.repeat(100_000);
    for (const text of [opened, `${opened}1${close.repeat(100_000)}`]) {
      expect(refusal(text, { ruleAt: NO_RULE, sizes: [65_536] }).message).toMatch(
        /is nested more than 512 deep at offset/,
      );
    }
  });

  it('is refused in time that grows with its length alone', () => {
    const long = `{"a":[${'"x",'.repeat(200_000)}`;
    expect(refusal(long, { ruleAt: EACH_A, sizes: [65_536] }).message).toMatch(/cut off/);
  });
});

/** Cutting refuses exactly what JSON.parse refuses, and what it takes is the same. */
function judge(octets: Uint8Array): void {
  let wanted: unknown;
  try {
    wanted = JSON.parse(Buffer.from(octets).toString('utf8'));
  } catch {
    for (const ruleAt of [NO_RULE, EACH_A]) {
      const { offset } = refusal(octets, { ruleAt, sizes: [1, 2] });
      expect(offset).toBeGreaterThanOrEqual(0);
      expect(offset).toBeLessThanOrEqual(octets.length);
    }
    return;
  }
  expect(JSON.stringify(cut(octets, { ruleAt: NO_RULE, sizes: [1, 2] }).skeleton)).toBe(
    JSON.stringify(wanted),
  );
  expect(() => cut(octets, { ruleAt: EACH_A, sizes: [1, 2] })).not.toThrow();
}

type How = { readonly ruleAt: CutRule; readonly sizes?: readonly number[] };

function cut(document: string | Uint8Array, { ruleAt, sizes = [4096] }: How): Cut {
  const given: [JsonPath, unknown][] = [];
  const cutter = createJsonCutter(ruleAt, (path, element) => void given.push([[...path], element]));
  const octets = Buffer.from(document);
  for (let at = 0, i = 0; at < octets.length; i++) {
    const size = sizes[i % sizes.length] ?? 1;
    cutter.write(octets.subarray(at, at + size));
    at += size;
  }
  return { skeleton: cutter.end(), elements: given };
}

function refusal(document: string | Uint8Array, how: How): FormatError {
  try {
    cut(document, how);
  } catch (error) {
    if (error instanceof FormatError) return error;
    throw error;
  }
  throw new Error(`${Buffer.from(document).toString().slice(0, 80)} was taken`);
}

function elements(...values: readonly unknown[]): Cut {
  return { skeleton: { a: [] }, elements: values.map((value, i) => [['a', i], value]) };
}

/** The same cut on a parsed value. */
function cutWhole(root: unknown, ruleAt: CutRule): Cut {
  const given: [JsonPath, unknown][] = [];
  const rest = (value: unknown, path: JsonPath): unknown => {
    const rule = ruleAt(path);
    if (rule === 'skip') return null;
    if (Array.isArray(value)) {
      if (rule !== 'each') return value.map((inner, i) => rest(inner, [...path, i]));
      value.forEach((element, i) => given.push([[...path, i], element]));
      return [];
    }
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(
      Object.entries(value).map(([key, inner]) => [key, rest(inner, [...path, key])]),
    );
  };
  return { skeleton: rest(root, []), elements: given };
}

/** JSON of a value with whitespace and escapes strewn in by `dice`. */
function write(value: unknown, dice: () => number): string {
  const space = (): string => [' ', '\n', '\t', '\r', '', '', '', ''][dice() % 8] ?? '';
  const escaped = (char: string): string =>
    Array.from(
      { length: char.length },
      (_, i) => `\\u${char.charCodeAt(i).toString(16).padStart(4, '0')}`,
    ).join('');
  const text = (plain: string): string =>
    `"${Array.from(plain, (char) => (dice() % 8 === 0 ? escaped(char) : JSON.stringify(char).slice(1, -1))).join('')}"`;
  const one = (inner: unknown): string => {
    if (typeof inner === 'string') return text(inner);
    if (Array.isArray(inner))
      return `[${inner.map((item) => space() + one(item) + space()).join(',')}${space()}]`;
    if (typeof inner !== 'object' || inner === null) return JSON.stringify(inner);
    const members = Object.entries(inner).map(
      ([key, item]) => `${space()}${text(key)}${space()}:${space()}${one(item)}${space()}`,
    );
    return `{${members.join(',')}${space()}}`;
  };
  return space() + one(value) + space();
}

function pieceSizes(): fc.Arbitrary<number[]> {
  return fc.array(fc.oneof(fc.constant(1), fc.integer({ min: 1, max: 40 })), { minLength: 1, maxLength: 5 });
}
