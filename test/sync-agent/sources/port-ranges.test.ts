import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parsePortRanges } from '../../../sync-agent/sources/port-ranges.ts';
import { FormatError } from '../../../zone/format-error.ts';

describe('port ranges', () => {
  const readable: readonly [
    text: string,
    ranges: readonly (readonly [number, number])[],
    bad: readonly string[],
  ][] = [
    ['', [], []],
    ['[]', [], []],
    ['[ ]', [], []],
    ['[31000-31000]', [[31000, 31000]], []],
    [
      '[31000-31001, 31005-31005]',
      [
        [31000, 31001],
        [31005, 31005],
      ],
      [],
    ],
    [
      '[31000-31001,31005-31005]',
      [
        [31000, 31001],
        [31005, 31005],
      ],
      [],
    ],
    ['[31000-31000,]', [[31000, 31000]], []],
    ['[, ,31000-31000]', [[31000, 31000]], []],
    ['[31001-31000]', [], []],
    ['[31001-31000, 1-2]', [[1, 2]], []],
    ['[1-2-3]', [[1, 2]], []],
    ['[1-2-x]', [[1, 2]], []],
    ['ports:[1-2] and [3-4]', [[1, 2]], []],
    ['] [1-2]', [[1, 2]], []],
    ['[[1-2]]', [], ['[1-2']],
    ['[0-0]', [[0, 0]], []],
    ['[70000-70000]', [[70000, 70000]], []],
    ['[31000]', [], ['31000']],
    ['[31000, 1-2]', [[1, 2]], ['31000']],
    ['[a-b, 1-2]', [[1, 2]], ['a-b']],
    ['[1-x]', [], ['1-x']],
    ['[-5]', [], ['-5']],
    ['[5-]', [], ['5-']],
    ['[-]', [], ['-']],
    ['[1 - 2]', [], ['1 - 2']],
    ['[1.5-2]', [], ['1.5-2']],
    ['[0x10-0x20]', [], ['0x10-0x20']],
    ['[1e3-2e3]', [], ['1e3-2e3']],
    ['[1-99999999999999999999]', [], ['1-99999999999999999999']],
    ['[٣-٤]', [], ['٣-٤']],
  ];
  it.each(readable)('%j', (text, ranges, bad) => {
    const told: string[] = [];
    expect(parsePortRanges(text, (item) => told.push(item))).toEqual(
      ranges.map(([begin, end]) => ({ begin, end })),
    );
    expect(told).toEqual(bad);
  });

  it.each([' ', 'x', '31000-31000', '31000', '[', '[1-2', ']', '](1-2)', '1-2]'])('%j is refused', (text) => {
    expect(() => parsePortRanges(text, () => undefined)).toThrow(FormatError);
    expect(() => parsePortRanges(text, () => undefined)).toThrow(
      `ports ${JSON.stringify(text)}: is not a list of ranges in [ ]`,
    );
  });

  it('as Mesos writes them are read back', () => {
    const range = fc.tuple(fc.nat(65535), fc.nat(100)).map(([begin, more]) => ({ begin, end: begin + more }));
    fc.assert(
      fc.property(fc.array(range, { minLength: 1 }), (ranges) => {
        const text = `[${ranges.map(({ begin, end }) => `${begin}-${end}`).join(', ')}]`;
        expect(parsePortRanges(text, () => expect.unreachable())).toEqual(ranges);
      }),
    );
  });

  it('of any text end as ranges in order or as FormatError', () => {
    const text = fc.string({
      unit: fc.constantFrom('[', ']', '-', ',', ' ', '0', '1', '9', '+', 'x', '\n', 'é'),
    });
    fc.assert(
      fc.property(text, (soup) => {
        try {
          for (const { begin, end } of parsePortRanges(soup, () => undefined)) {
            expect(begin).toBeGreaterThanOrEqual(0);
            expect(end).toBeGreaterThanOrEqual(begin);
          }
        } catch (error) {
          expect(error).toBeInstanceOf(FormatError);
        }
      }),
    );
  });
});
