import { createSocket } from 'node:dgram';
import fc from 'fast-check';
import { decode, encode } from 'dns-packet';
import { expect, it, onTestFinished } from 'vitest';
import { jsonText } from '../../../sync-agent/client/json-text.ts';
import { runCli } from '../../system/run-cli.ts';

/** Controls but for the line's end, format characters, and the separators that some take for one. */
const STEERS = /[^\P{C}\n]|[\u2028\u2029]/u;

it.each([
  ['\u009b2J\u007f', '"\\u009b2J\\u007f"'],
  ['\u202egnp\u2066', '"\\u202egnp\\u2066"'],
  ['\u2028\u2029', '"\\u2028\\u2029"'],
  ['\u{e0001}', '"\\udb40\\udc01"'],
  ['a\nb', '"a\\nb"'],
  ['ä 東 😀', '"ä 東 😀"'],
])('%j is written as %s', (value, text) => {
  expect(jsonText(value)).toBe(text);
});

it('reads as the same value, in names too', () => {
  const unit = fc.constantFrom(
    'a',
    '"',
    '\\',
    '\n',
    '\u001b',
    '\u009b',
    '\u202e',
    '\u2069',
    '\u200f',
    '\u{e0001}',
    '😀',
  );
  const string = fc.string({ unit, maxLength: 12 });
  fc.assert(
    fc.property(fc.array(fc.dictionary(string, string, { maxKeys: 3 }), { maxLength: 3 }), (value) => {
      const text = jsonText(value);
      expect(text).not.toMatch(STEERS);
      expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(value)));
    }),
  );
});

it('is what lookup --json prints of a server’s words', { timeout: 60_000 }, async () => {
  const data = 'a\u009b31m\u202egnp\u2069';
  const socket = createSocket('udp4');
  onTestFinished(() => void socket.close());
  socket.on('message', (query, { port, address }) => {
    const { id, questions } = decode(query);
    const answers = [{ type: 'CNAME' as const, name: 'a.mesos', ttl: 30, data }];
    socket.send(
      encode({ type: 'response', id: id ?? 0, flags: 0x0400, questions: questions ?? [], answers }),
      port,
      address,
    );
  });
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  const stub = `127.0.0.1:${socket.address().port}`;
  const { code, stdout, stderr } = await runCli(['lookup', 'a.mesos', '--json', '--stub', stub]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).not.toMatch(STEERS);
  expect(stdout).toContain('\\u202e');
});
