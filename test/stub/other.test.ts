import { createSocket, type RemoteInfo } from 'node:dgram';
import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { readQuery } from '../../zone/query.ts';
import { askPlain } from '../../stub/other.ts';
import { answerTo } from '../fakes/doh-server.ts';
import { question, read } from './stub-stage.ts';

/** What came in, to be answered when a test says so. */
type Came = { readonly query: Buffer; readonly from: RemoteInfo };

const came: Came[] = [];
let socket: ReturnType<typeof createSocket>;
beforeEach(async () => {
  socket = createSocket('udp4');
  socket.on('message', (query, from) => came.push({ query, from }));
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
});
afterEach(() => {
  vi.useRealTimers();
  socket.close();
  came.splice(0);
});

function ask(): Promise<string> {
  const query = readQuery(question('www.example'));
  if (query?.kind !== 'query') expect.fail('no query');
  return askPlain({ address: '127.0.0.1', port: socket.address().port }, query).then(
    ({ octets }) => read(Buffer.from(octets)).addresses.join(),
    (error: unknown) => String(error),
  );
}

function answer({ query, from }: Came, data: string): void {
  const reply = answerTo(query, { answers: [{ type: 'A', name: 'www.example', ttl: 60, data }] });
  reply.writeUInt16BE(query.readUInt16BE(0), 0);
  socket.send(reply, from.port, from.address);
}

/** Turns of the loop, for what is on its way; a bounded number. */
async function until(count: number): Promise<readonly Came[]> {
  for (let turn = 0; turn < 1_000 && came.length < count; turn++)
    await new Promise((resolve) => setImmediate(resolve));
  expect(came).toHaveLength(count);
  return came;
}

describe('the other server', () => {
  it.for([
    [0, 0],
    [0, 2_400],
    [1, 2_400],
  ] as const)('is heard on socket %i, %i ms after the second try', async ([which, ms]) => {
    const reply = ask();
    await until(1);
    await vi.advanceTimersByTimeAsync(1_000);
    const two = await until(2);
    expect(two[0]?.from.port).not.toBe(two[1]?.from.port);
    await vi.advanceTimersByTimeAsync(ms);
    answer(two[which] ?? expect.fail('not asked'), `10.0.0.${which}`);
    expect(await reply).toBe(`10.0.0.${which}`);
  });

  it('is asked once where it answers', async () => {
    const reply = ask();
    const [first] = await until(1);
    answer(first ?? expect.fail('not asked'), '10.0.0.1');
    expect(await reply).toBe('10.0.0.1');
    await vi.advanceTimersByTimeAsync(5_000);
    await until(1);
  });

  it('is given up after 3.5 s', async () => {
    const reply = ask();
    await until(1);
    await vi.advanceTimersByTimeAsync(3_500);
    expect(await reply).toMatch(/did not answer in time/);
    expect(came.length).toBeLessThanOrEqual(2);
  });
});
