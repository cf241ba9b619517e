import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FormatError } from '../../zone/format-error.ts';
import { toHex } from '../../zone/hash.ts';
import {
  isAtOrBelow,
  isNameWithin,
  lowerOctet,
  nameFromWire,
  nameToWire,
  type OwnerName,
  parentBelow,
  parseName,
  suffixOffset,
} from '../../zone/name.ts';
import { anyLabels, anyText, hex, labelsOf, refuses, wireOf } from './arbitrary.ts';

const LABEL_63 = 'x'.repeat(63);
/** 3 × 64 + 62 = 254 octets of labels, and the root. */
const NAME_255 = `${LABEL_63}.${LABEL_63}.${LABEL_63}.${'y'.repeat(61)}`;

describe('parseName', () => {
  it.each([
    ['', ''],
    ['.', ''],
    ['mesos', 'mesos'],
    ['mesos.', 'mesos'],
    ['Web.MARATHON.Mesos.', 'web.marathon.mesos'],
    ['_web._tcp.marathon.mesos', '_web._tcp.marathon.mesos'],
    ['-', '-'],
    ['*.mesos', '*.mesos'],
    ['a\\.b.mesos', 'a\\.b.mesos'],
    ['a\\046b.mesos', 'a\\.b.mesos'],
    ['\\065.\\Bc', 'a.bc'],
    ['a\\.', 'a\\.'],
    ['a\\..', 'a\\.'],
    ['\\\\.mesos', '\\\\.mesos'],
    ['\\092.mesos', '\\\\.mesos'],
    ['a b', 'a\\032b'],
    ['a\tb', 'a\\009b'],
    ['\\000', '\\000'],
    ['\\127\\255', '\\127\\255'],
    ['é', '\\195\\169'],
    ['É', '\\195\\137'],
    ['€.mesos', '\\226\\130\\172.mesos'],
    ['😀', '\\240\\159\\152\\128'],
    ['a"b(c)d;e@f', 'a\\"b\\(c\\)d\\;e\\@f'],
    ["!#$%&'*+,-/:<=>?[]^_`{|}~", "!#$%&'*+,-/:<=>?[]^_`{|}~"],
  ])('reads %j as %j', (text, name) => {
    expect(parseName(text)).toBe(name);
    expect(nameFromWire(nameToWire(parseName(text)))).toBe(name);
  });

  it.each(['..', '.a', 'a..', 'a..b', '...', '\\', 'a\\', 'a.\\', '\\256', '\\999', '\\€', '.\\.'])(
    'refuses %j',
    (text) => {
      expect(() => parseName(text)).toThrow(FormatError);
    },
  );

  it.each([
    ['plain', 'x'.repeat(63), 'x'.repeat(64)],
    ['capitals', 'X'.repeat(63), 'X'.repeat(64)],
    ['escapes', '\\120'.repeat(63), '\\120'.repeat(64)],
    ['two octets a character', `${'é'.repeat(31)}x`, 'é'.repeat(32)],
    ['not the last label', `${'x'.repeat(63)}.a`, `${'x'.repeat(64)}.a`],
  ])('takes labels of 63 octets and none of 64: %s', (_, longest, tooLong) => {
    expect(nameToWire(parseName(longest))[0]).toBe(63);
    expect(() => parseName(tooLong)).toThrow(/64 octets \(at most 63\)/);
  });

  it.each([
    ['plain', NAME_255, `${NAME_255}y`],
    ['capitals', NAME_255.toUpperCase(), `${NAME_255}y`.toUpperCase()],
    ['with the final dot', `${NAME_255}.`, `${NAME_255}y.`],
    ['escapes', NAME_255.replaceAll('y', '\\121'), `${NAME_255}y`.replaceAll('y', '\\121')],
    ['127 labels', Array(127).fill('a').join('.'), Array(128).fill('a').join('.')],
  ])('takes names of 255 octets and none of more: %s', (_, longest, tooLong) => {
    expect(nameToWire(parseName(longest))).toHaveLength(255);
    expect(refuses(() => parseName(tooLong))).toBe(true);
  });

  it('is the identity on what it gave, and on any text throws nothing but FormatError', () => {
    const text = fc.oneof(
      anyText(80),
      fc
        .array(fc.constantFrom('a', 'B', '.', '\\', '0', '2', '5', '9', '@', ' ', '\ud800', 'é'))
        .map((parts) => parts.join('')),
    );
    fc.assert(
      fc.property(text, (text) => {
        refuses(() => {
          const name = parseName(text);
          expect(parseName(name)).toBe(name);
          expect(parseName(`${name}.`)).toBe(name);
          expect(nameToWire(name).length).toBeLessThanOrEqual(255);
        });
      }),
      { numRuns: 1000 },
    );
  });

  it.each(['a', '\\', '.', 'a.', 'A.', '\\065', 'é', '\\.'])('refuses %j × 100,000 without delay', (part) => {
    expect(refuses(() => parseName(part.repeat(100_000)))).toBe(true);
  });
});

describe('wire form', () => {
  it('is the identity through presentation form, but for case', () => {
    fc.assert(
      fc.property(anyLabels, (labels) => {
        const wire = wireOf(labels);
        const name = nameFromWire(wire);
        const lower = wireOf(labels.map((label) => label.map(lowerOctet)));
        expect(toHex(nameToWire(name))).toBe(toHex(lower));
        expect(parseName(name)).toBe(name);
        // Printable ASCII without blanks: what anything that prints a name may rely on.
        expect(name).toMatch(/^[!-~]*$/);
      }),
      { numRuns: 500 },
    );
  });

  it('reads up to the root label and no further', () => {
    expect(nameFromWire(hex('0161 00 ff ff'))).toBe('a');
  });

  it.each([
    ['nothing', ''],
    ['no root label', '0161'],
    ['a label that is cut off', '0361 62'],
    ['a pointer', 'c000'],
    ['label type 01', '4100'],
    ['label type 10', '8100'],
    ['a label of 64 octets', `40${'61'.repeat(64)}00`],
    ['256 octets', `${`3f${'61'.repeat(63)}`.repeat(3)}3e${'61'.repeat(62)}00`],
    ['no end', '0161'.repeat(100_000)],
  ])('refuses %s', (_, octets) => {
    expect(() => nameFromWire(hex(octets))).toThrow(FormatError);
  });

  it('reads 255 octets', () => {
    expect(nameFromWire(hex(`${`3f${'61'.repeat(63)}`.repeat(3)}3d${'61'.repeat(61)}00`))).toHaveLength(253);
  });

  it('folds ASCII capitals and nothing else', () => {
    for (let octet = 0; octet < 256; octet++) {
      const folded = octet >= 65 && octet <= 90 ? octet + 32 : octet;
      expect(lowerOctet(octet)).toBe(folded);
      expect(nameToWire(nameFromWire(Uint8Array.of(1, octet, 0)))).toEqual(Uint8Array.of(1, folded, 0));
    }
  });

  it('throws nothing but FormatError on any octets', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.uint8Array({ maxLength: 20 }), (wire, origin) => {
        refuses(() => nameFromWire(wire));
        expect(suffixOffset(wire, origin)).toBeLessThanOrEqual(wire.length);
      }),
      { numRuns: 500 },
    );
  });
});

/** Labels of few octets, those among them that mean something in names: length octets, dots, backslashes. */
const trickyLabels = fc.array(
  fc
    .array(fc.constantFrom(0, 1, 2, 0x2e, 0x5c, 0x61, 0x30), { minLength: 1, maxLength: 3 })
    .map((octets) => Uint8Array.from(octets)),
  { maxLength: 4 },
);
/** A name, and an origin that is often its end, be it at a label's start or not. */
const nameAndOrigin = fc.oneof(
  fc.tuple(trickyLabels, trickyLabels),
  fc
    .tuple(trickyLabels, trickyLabels)
    .map(([above, origin]): [Uint8Array[], Uint8Array[]] => [[...above, ...origin], origin]),
  fc.tuple(trickyLabels, trickyLabels).map(([above, origin]): [Uint8Array[], Uint8Array[]] => {
    // The origin's octets at the end of a label: looks like it, is not.
    const lookalike = Uint8Array.from([
      ...above.flatMap((label) => [...label]),
      ...wireOf(origin).subarray(0, -1),
    ]);
    return [lookalike.length > 0 ? [lookalike.subarray(0, 63)] : [], origin];
  }),
);

/** How many labels stand above the origin, or -1: label by label, as RFC 1034 §3.1 says it. */
function labelsAbove(name: readonly Uint8Array[], origin: readonly Uint8Array[]): number {
  const above = name.length - origin.length;
  if (above < 0) return -1;
  return origin.every((label, i) => toHex(label) === toHex(name[above + i] ?? new Uint8Array())) ? above : -1;
}

describe('below an origin', () => {
  it.each([
    ['mesos', 'mesos', true],
    ['a.mesos', 'mesos', true],
    ['xmesos', 'mesos', false],
    ['x.xmesos', 'mesos', false],
    ['mesos', 'a.mesos', false],
    ['mesos.x', 'mesos', false],
    ['a\\.mesos', 'mesos', false],
    ['a\\\\.mesos', 'mesos', true],
    ['a\\\\\\.mesos', 'mesos', false],
    ['a\\\\\\\\.mesos', 'mesos', true],
    ['\\005mesos', 'mesos', false],
    ['x\\005mesos', 'mesos', false],
    ['\\005mesos.mesos', 'mesos', true],
    ['a.b', '', true],
    ['', '', true],
    ['', 'mesos', false],
  ])('%j at or below %j: %j', (name, origin, expected) => {
    expect(isNameWithin(parseName(name), parseName(origin))).toBe(expected);
    expect(isAtOrBelow(nameToWire(parseName(name)), nameToWire(parseName(origin)))).toBe(expected);
  });

  it('is the same question in presentation form, in wire form and label by label', () => {
    const seen = { within: 0, not: 0 };
    fc.assert(
      fc.property(nameAndOrigin, ([nameLabels, originLabels]) => {
        const [wire, originWire] = [wireOf(nameLabels), wireOf(originLabels)];
        const above = labelsAbove(nameLabels, originLabels);
        const offset = above < 0 ? -1 : wireOf(nameLabels.slice(0, above)).length - 1;
        expect(suffixOffset(wire, originWire)).toBe(offset);
        expect(isAtOrBelow(wire, originWire)).toBe(above >= 0);
        expect(isNameWithin(nameFromWire(wire), nameFromWire(originWire))).toBe(above >= 0);
        seen[above < 0 ? 'not' : 'within']++;
      }),
      { numRuns: 1000 },
    );
    expect(seen.within).toBeGreaterThan(100);
    expect(seen.not).toBeGreaterThan(100);
  });

  it('finds the names between a name and its origin, nearest first', () => {
    fc.assert(
      fc.property(trickyLabels, trickyLabels, (above, originLabels) => {
        const origin = nameFromWire(wireOf(originLabels));
        const name = nameFromWire(wireOf([...above, ...originLabels]));
        const between = above
          .slice(1)
          .map((_, i) => nameFromWire(wireOf([...above.slice(i + 1), ...originLabels])));
        expect(ancestorsOf(name, origin)).toEqual(between);
      }),
      { numRuns: 500 },
    );
  });

  it.each([
    ['a.b.c.mesos', 'mesos', ['b.c.mesos', 'c.mesos']],
    ['a\\.b.c.mesos', 'mesos', ['c.mesos']],
    ['mesos', 'mesos', []],
    ['a.mesos', 'mesos', []],
    ['a.b', '', ['b']],
  ])('between %j and %j are %j', (name, origin, between) => {
    expect(ancestorsOf(parseName(name), parseName(origin))).toEqual(between);
  });
});

function ancestorsOf(name: OwnerName, origin: OwnerName): OwnerName[] {
  const parent = parentBelow(name, origin);
  return parent === undefined ? [] : [parent, ...ancestorsOf(parent, origin)];
}

describe('labelsOf, which other tests rely on', () => {
  it('is what wireOf was given', () => {
    fc.assert(
      fc.property(anyLabels, (labels) => {
        expect(labelsOf(wireOf(labels)).map((label) => toHex(label))).toEqual(
          labels.map((label) => toHex(label)),
        );
      }),
    );
  });
});
