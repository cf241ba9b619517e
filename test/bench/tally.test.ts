import { expect, it } from 'vitest';
import { between, createTallySink, octetsOf } from '../../bench/tally.ts';

const never = new AbortController().signal;

it('counts pairs and octets by what they are, and blocks as base64', async () => {
  const { sink, total } = createTallySink();
  const pair = (key: string, length: number): { key: string; value: Uint8Array } => ({
    key: `z/mesos/main/${key}`,
    value: new Uint8Array(length),
  });
  const hash = '0'.repeat(32);
  await sink.put([pair('head', 100)], never);
  const before = total();
  await sink.put([pair(`r/2-${hash}`, 30), pair(`s/2-0-${hash}`, 300), pair(`s/2-1-${hash}`, 300)], never);
  await sink.put([pair('head', 110)], never);
  const tally = between(before, total());
  expect(tally).toEqual({
    pairs: 4,
    heads: 1,
    headOctets: 110,
    runs: 1,
    runOctets: 30,
    shards: 2,
    shardOctets: 600,
  });
  expect(octetsOf(tally)).toEqual({ values: 740, sent: 110 + (630 * 4) / 3 });
});
