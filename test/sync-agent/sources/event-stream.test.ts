import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createEventStreamReader, type ServerSentEvent } from '../../../sync-agent/sources/event-stream.ts';

/** What is read from octets that come in pieces of the given lengths, over and over. */
function read(
  stream: string | Uint8Array,
  lengths: readonly number[] = [1e9],
  maxCharacters = 1e6,
): ServerSentEvent[] {
  const events: ServerSentEvent[] = [];
  const reader = createEventStreamReader({ onEvent: (event) => void events.push(event), maxCharacters });
  const octets = typeof stream === 'string' ? new TextEncoder().encode(stream) : stream;
  for (let at = 0, turn = 0; at < octets.length; turn++) {
    const length = Math.max(1, lengths[turn % lengths.length] ?? 1);
    reader.write(octets.subarray(at, at + length));
    at += length;
  }
  return events;
}

/** The same without the cut mark: type and data. */
function pairs(stream: string, lengths?: readonly number[]): string[][] {
  return read(stream, lengths).map(({ type, data }) => [type, data]);
}

describe('reading an event stream', () => {
  // The first four are the examples of WHATWG HTML §9.2.6.
  it.each<[string, string, string[][]]>([
    ['several lines of data', 'data: YHOO\ndata: +2\ndata: 10\n\n', [['message', 'YHOO\n+2\n10']]],
    [
      'comments, ids, one space taken away and no more',
      ': test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\n',
      [
        ['message', 'first event'],
        ['message', 'second event'],
        ['message', ' third event'],
      ],
    ],
    [
      'two empty lines of data, and an event that never ended',
      'data\n\ndata\ndata\n\ndata:',
      [['message', '\n']],
    ],
    [
      'with and without the space',
      'data:test\n\ndata: test\n\n',
      [
        ['message', 'test'],
        ['message', 'test'],
      ],
    ],
    [
      'types, which last for one event',
      'event: a\ndata: 1\n\ndata: 2\n\n',
      [
        ['a', '1'],
        ['message', '2'],
      ],
    ],
    ['a type without data is no event', 'event: a\n\ndata: 2\n\n', [['message', '2']]],
    [
      'every kind of line end',
      'event: a\rdata: 1\r\n\r\nevent: b\ndata: 2\r\rdata: 3\n\r\n',
      [
        ['a', '1'],
        ['b', '2'],
        ['message', '3'],
      ],
    ],
    [
      'one byte order mark, at the start',
      '\uFEFFdata: 1\n\n\uFEFFdata: 2\n\ndata: 3\n\n',
      [
        ['message', '1'],
        ['message', '3'],
      ],
    ],
    ['fields nobody knows', 'retry: 10\ndat: x\nDATA: x\ndata: 1\n\n', [['message', '1']]],
    ['colons in a value', 'data: {"a":"b"}\n\n', [['message', '{"a":"b"}']]],
    ['nothing', '\n\n:\n\n', []],
  ])('%s', (_, stream, expected) => {
    expect(pairs(stream)).toEqual(expected);
    expect(pairs(stream, [1])).toEqual(expected);
  });

  it('gives the same whatever the pieces, within characters and line ends too', () => {
    const line = fc.stringMatching(/^(data|event|id|x|)(:| ?)[ a-zé€😀:]{0,8}$/u);
    const end = fc.constantFrom('\n', '\r', '\r\n', '\n\n', '\r\n\r\n');
    const streams = fc.array(fc.tuple(line, end), { maxLength: 20 }).map((parts) => parts.flat().join(''));
    fc.assert(
      fc.property(
        streams,
        fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 5 }),
        (stream, cuts) => {
          expect(pairs(stream, cuts)).toEqual(pairs(stream));
        },
      ),
      { numRuns: 300 },
    );
  });

  it('takes any octets', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (octets) => {
        expect(read(octets, [3])).toEqual(read(octets));
      }),
    );
  });

  it('keeps no more than the limit of a line, and of many lines', () => {
    const [long, many, fine] = read(
      `data: ${'x'.repeat(500)}\n\n${'data: 12345\n'.repeat(50)}\ndata: 1\n\n`,
      [7],
      100,
    );
    expect(long).toEqual({ type: 'message', data: 'x'.repeat(94), isCut: true });
    expect(many?.data.length).toBe(100);
    expect(many?.isCut).toBe(true);
    expect(fine).toEqual({ type: 'message', data: '1', isCut: false });
  });
});
