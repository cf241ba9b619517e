import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  agentTail,
  type LabelRules,
  taskHash,
  toFrameworkPart,
  toLabel,
} from '../../../sync-agent/records/label.ts';

const RULES: readonly LabelRules[] = ['rfc1123', 'rfc952'];
const MAX = { rfc1123: 63, rfc952: 24 } as const;

describe('the label form of a text', () => {
  it.each([
    ['web', 'web', 'web'],
    ['Web', 'web', 'web'],
    ['a.b.c', 'a-b-c', 'a-b-c'],
    ['_x_', 'x', 'x'],
    ['--a--', 'a', 'a'],
    ['a/b', 'ab', 'ab'],
    ['a\\b', 'ab', 'ab'],
    ['AB', 'ab', 'ab'],
    ['a b:"c"', 'abc', 'abc'],
    ['/test/integration/cassandra', 'testintegrationcassandra', 'testintegrationcassandra'],
    ['Storm!!!', 'storm', 'storm'],
    ['0start', '0start', 'start'],
    ['-0-1-start2', '0-1-start2', 'start2'],
    ['6tcp', '6tcp', 'tcp'],
    ['8http', '8http', 'http'],
    ['123', '123', ''],
    ['1-2-3', '1-2-3', ''],
    ['', '', ''],
    ['-', '', ''],
    ['._-', '', ''],
    ['日本', '', ''],
    ['Ünïcode', 'ncode', 'ncode'],
    ['\u212aelvin', 'elvin', 'elvin'],
    ['ſtraße', 'trae', 'trae'],
    ['a\u0000b\nc', 'abc', 'abc'],
    ['🦊fox', 'fox', 'fox'],
    ['udp,tcp', 'udptcp', 'udptcp'],
    ['!!', '', ''],
    ['a--b', 'a--b', 'a--b'],
  ])('%j is %j, and %j by RFC 952', (text, rfc1123, rfc952) => {
    expect(toLabel(text, 'rfc1123')).toBe(rfc1123);
    expect(toLabel(text, 'rfc952')).toBe(rfc952);
  });

  it.each([
    ['fits', 'a'.repeat(24), 'a'.repeat(24)],
    ['is cut', 'a'.repeat(25), 'a'.repeat(24)],
    ['fits without its dashes at the end', `${'a'.repeat(24)}---`, 'a'.repeat(24)],
    ['fills up from behind the dashes at the cut', 'abcdefghijklmnopqrstuvw-yz', 'abcdefghijklmnopqrstuvwy'],
    ['fills up with several', `${'a'.repeat(20)}----bcdefg`, `${'a'.repeat(20)}bcde`],
    ['fills up from behind dashes on both sides', `${'a'.repeat(20)}--------bcdefg`, `${'a'.repeat(20)}bcde`],
    ['fills up with what there is', `${'a'.repeat(20)}------b`, `${'a'.repeat(20)}b`],
    ['has nothing to fill up with', `${'a'.repeat(20)}------`, 'a'.repeat(20)],
    ['may end in a dash', 'qav7hdaq-----r6----t3sj--x', 'qav7hdaq-----r6----t3sjx'],
    ['may end in the dash that fills it', `${'a'.repeat(20)}----b----c`, `${'a'.repeat(20)}b---`],
  ])('that %s', (_, text, label) => {
    expect(toLabel(text, 'rfc952')).toBe(label);
    // The same rule with 63 characters.
    const longer = 'x'.repeat(MAX.rfc1123 - MAX.rfc952);
    expect(toLabel(longer + text, 'rfc1123')).toBe(longer + label);
  });

  describe.each(RULES)('by %s', (rules) => {
    const max = MAX[rules];

    it('is a label, and what the rules say step by step', () => {
      fc.assert(
        fc.property(texts(), (text) => {
          const label = toLabel(text, rules);
          expect(label).toBe(byTheBook(text, rules));
          expect(label).toMatch(/^[a-z0-9-]*$/);
          expect(label.length).toBeLessThanOrEqual(max);
          expect(label).not.toMatch(rules === 'rfc952' ? /^[-0-9]/ : /^-/);
        }),
        { numRuns: 2000 },
      );
    });

    it('is left as it is by a second time, but for dashes that a cut left at its end', () => {
      fc.assert(
        fc.property(texts(), (text) => {
          const label = toLabel(text, rules);
          expect(toLabel(label, rules)).toBe(label.replace(/-+$/, ''));
          if (text.length <= max) expect(label).not.toMatch(/-$/);
        }),
        { numRuns: 500 },
      );
    });

    it('does not look at case', () => {
      fc.assert(
        fc.property(fc.string({ maxLength: 80 }), (text) => {
          expect(toLabel(upper(text), rules)).toBe(toLabel(text, rules));
        }),
      );
    });
  });
});

describe("a framework's part", () => {
  it.each([
    ['marathon', 'marathon'],
    ['Marathon.prod.EU', 'marathon.prod.eu'],
    ['.dots..inside.', 'dots.inside'],
    ['chronos with a space AND MIXED CASE-2.0.1', 'chronoswithaspaceandmixedcase-2.0.1'],
    ['a_b.c_d', 'a-b.c-d'],
    ['-x-.-y-', 'x.y'],
    ['日本.x', 'x'],
    ['日本', ''],
    ['...', ''],
    ['', ''],
  ])('of %j is %j', (name, part) => {
    expect(toFrameworkPart(name, 'rfc1123')).toBe(part);
  });

  it('has each label cut by itself, and no limit on the whole', () => {
    const name = Array.from({ length: 10 }, () => 'a'.repeat(70)).join('.');
    expect(toFrameworkPart(name, 'rfc1123')).toBe(Array.from({ length: 10 }, () => 'a'.repeat(63)).join('.'));
    expect(toFrameworkPart(name, 'rfc952')).toBe(Array.from({ length: 10 }, () => 'a'.repeat(24)).join('.'));
    expect(toFrameworkPart('1.2.a', 'rfc952')).toBe('a');
  });
});

describe("the hash of a task's id", () => {
  it('of no id is known', () => {
    expect(taskHash('')).toBe('5eh48');
  });

  it('is the first 25 bits of its SHA-1, five at a time', () => {
    const alphabet = 'ybndrfg8ejkmcpqxot1uwisza345h769';
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (id) => {
        const bits = BigInt(`0x${createHash('sha1').update(Buffer.from(id, 'utf8')).digest('hex')}`)
          .toString(2)
          .padStart(160, '0');
        const wanted = [0, 5, 10, 15, 20]
          .map((at) => alphabet[Number.parseInt(bits.slice(at, at + 5), 2)])
          .join('');
        expect(taskHash(id)).toBe(wanted);
      }),
    );
  });

  it('of broken UTF-16 is that of U+FFFD', () => {
    expect(taskHash('a\ud800b')).toBe(taskHash('a\ufffdb'));
  });
});

describe("the tail of an agent's id", () => {
  it.each([
    ['20160624-S12', 's12'],
    ['fe8dbbea-4bb5-41c9-9e03-0c0bc8f3d0de-S0', 's0'],
    ['with.dots_and-Tail.X_y', 'tail.x_y'],
    ['NODASH', 'nodash'],
    ['ends-', ''],
    ['-', ''],
    ['', ''],
  ])('%j is %j', (id, tail) => {
    expect(agentTail(id)).toBe(tail);
  });
});

/** Texts that are mostly label characters and dashes, around the lengths where labels are cut. */
function texts(): fc.Arbitrary<string> {
  const unit = fc.constantFrom('a', 'b', 'Z', '7', '-', '-', '-', '.', '_', '/', ' ', 'é', '日', '\u212a');
  const long = fc.constantFrom(19, 22, 24, 58, 62, 63).map((length) => 'x'.repeat(length));
  const dashes = fc.integer({ min: 0, max: 45 }).map((length) => '-'.repeat(length));
  const mixed = fc.string({ unit, maxLength: 12 });
  return fc.oneof(
    fc.tuple(mixed, long, dashes, mixed, dashes, mixed).map((parts) => parts.join('')),
    fc.string({ unit, maxLength: 140 }),
    fc.string({ unit: 'binary', maxLength: 30 }),
  );
}

/** ASCII capitals alone: other letters may become ASCII ones. */
function upper(text: string): string {
  return text.replaceAll(/[a-z]/g, (letter) => letter.toUpperCase());
}

/** naming.md 4.1, step by step. */
function byTheBook(text: string, rules: LabelRules): string {
  let mapped = '';
  for (const char of text) {
    if (char >= 'A' && char <= 'Z') mapped += String.fromCharCode(char.charCodeAt(0) + 32);
    else if ((char >= 'a' && char <= 'z') || (char >= '0' && char <= '9')) mapped += char;
    else if (char === '-' || char === '.' || char === '_') mapped += '-';
  }
  const front = rules === 'rfc952' ? '-0123456789' : '-';
  while (mapped !== '' && front.includes(mapped.charAt(0))) mapped = mapped.slice(1);
  const max = MAX[rules];
  if (mapped.length <= max) return stripRight(mapped);
  const head = stripRight(mapped.slice(0, max));
  if (head.length === max) return head;
  let tail = mapped.slice(max);
  while (tail.startsWith('-')) tail = tail.slice(1);
  return head + tail.slice(0, max - head.length);
}

function stripRight(text: string): string {
  return text.endsWith('-') ? stripRight(text.slice(0, -1)) : text;
}
