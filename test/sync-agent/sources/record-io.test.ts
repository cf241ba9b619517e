import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createRecordReader } from '../../../sync-agent/sources/record-io.ts';
import { FormatError } from '../../../zone/format-error.ts';
import { feed, framed } from './streams.ts';

/** Records of a stream as texts; what it throws is thrown, with `records` so far. */
function reader(maxOctets = 1_000) {
  const records: string[] = [];
  const lengths: number[] = [];
  const { write, end } = createRecordReader({
    open: (length) => {
      const parts: Uint8Array[] = [];
      lengths.push(length);
      return {
        write: (octets) => void parts.push(octets),
        end: () => void records.push(Buffer.concat(parts).toString()),
      };
    },
    maxOctets,
  });
  return { records, lengths, write, end };
}

describe('records', () => {
  it('come out as they went in, split anywhere: within a length, within a character, or not at all', () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 30 }), { maxLength: 6 }),
        fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 5 }),
        (texts, pieces) => {
          const { records, lengths, write, end } = reader();
          feed({ write }, framed(...texts), pieces);
          end();
          expect(records).toEqual(texts);
          expect(lengths).toEqual(texts.map((text) => Buffer.byteLength(text)));
        },
      ),
    );
  });

  it('are over with their last octet, before anything else comes', () => {
    const { records, write } = reader();
    write(Buffer.from('3\nabc'));
    expect(records).toEqual(['abc']);
  });

  it('are counted in octets, not in characters', () => {
    const { records, write } = reader();
    write(Buffer.from('4\nßö2\nab'));
    expect(records).toEqual(['ßö', 'ab']);
  });

  it.each(['\n\n2\nab\n\n1\nc\n', '0\n2\nab0\n1\nc', '002\nab01\nc'])(
    'stand among empty lines and empty records: %j',
    (stream) => {
      const { records, write, end } = reader();
      feed({ write }, Buffer.from(stream), [1]);
      end();
      expect(records).toEqual(['ab', 'c']);
    },
  );

  it('begin to be told before they are whole', () => {
    const { lengths, records, write } = reader(1_000_000);
    write(Buffer.from('999999\nab'));
    expect([lengths, records]).toEqual([[999_999], []]);
  });
});

describe('what is no RecordIO', () => {
  it.each([
    ['JSON without a length', '2\nab{"type":', 'has the octet 0x7b where a length should be', 4],
    ['a negative length', '-2\nab', 'has the octet 0x2d where a length should be', 0],
    ['a length that ends as on Windows', '2\r\nab', 'has the octet 0xd where a length should be', 1],
    ['an absurd length', '2\nab1001\nx', 'announces a record of more than 1000 octets', 7],
    ['a length without end', '9'.repeat(400), 'announces a record of more than 1000 octets', 3],
  ])('is told where it is: %s', (_, stream, reason, offset) => {
    const { write } = reader();
    const error = thrown(() => feed({ write }, Buffer.from(stream), [3]));
    expect(error).toBeInstanceOf(FormatError);
    expect(error).toMatchObject({ offset, message: `RecordIO: ${reason} at offset ${offset}` });
  });

  it.each([
    ['3\nab', 'is cut off, 1 octets before the end of a record'],
    ['3\n', 'is cut off, 3 octets before the end of a record'],
    ['3', 'is cut off in a length'],
  ])('is a stream that ends within %j', (stream, reason) => {
    const { write, end } = reader();
    write(Buffer.from(stream));
    expect(thrown(end)).toMatchObject({ message: expect.stringContaining(reason) });
  });
});

function thrown(run: () => void): unknown {
  try {
    run();
  } catch (error) {
    return error;
  }
  return expect.unreachable();
}
