import { createSocket } from 'node:dgram';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import { expect, it, onTestFinished } from 'vitest';
import { askPlain } from '../../../sync-agent/client/plain-dns.ts';
import { deadPort } from '../sources/state-server.ts';

const QUERY = Uint8Array.of(1, 2, 3, 4);
const ask = (port: number, over: 'udp' | 'tcp', timeoutMs = 2_000): ReturnType<typeof askPlain> =>
  askPlain({ address: '127.0.0.1', port }, QUERY, { over, timeoutMs, signal: new AbortController().signal });

/** A UDP server that answers the query after `skipped`, each time with all of `replies`. */
async function startUdp(replies: readonly Uint8Array[], skipped = 0): Promise<number> {
  const socket = createSocket('udp4');
  let left = skipped;
  socket.on('message', (_, { port }) => {
    if (left-- > 0) return;
    for (const reply of replies) socket.send(reply, port, '127.0.0.1');
  });
  onTestFinished(() => void socket.close());
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  return socket.address().port;
}

async function startTcp(chunks: readonly Uint8Array[]): Promise<number> {
  const server = createServer((socket) => {
    socket
      .on('error', () => {})
      .once('data', async () => {
        socket.setNoDelay(true);
        for (const chunk of chunks) {
          socket.write(chunk);
          // Apart, or they come as one.
          await setTimeout(5);
        }
        socket.end();
      });
  });
  onTestFinished(() => void server.close());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

it('takes the UDP reply with its ID, and no other', async () => {
  const port = await startUdp([Uint8Array.of(9, 9, 9), Uint8Array.of(1, 2, 7)]);
  expect(await ask(port, 'udp')).toEqual({ kind: 'reply', octets: Uint8Array.of(1, 2, 7) });
});

it('asks again over UDP', async () => {
  const port = await startUdp([Uint8Array.of(1, 2, 7)], 1);
  expect(await ask(port, 'udp', 200)).toMatchObject({ kind: 'reply' });
});

it('puts a TCP reply together, and says when it breaks off', async () => {
  const port = await startTcp([Uint8Array.of(0), Uint8Array.of(3, 5), Uint8Array.of(6, 7, 99)]);
  expect(await ask(port, 'tcp')).toEqual({ kind: 'reply', octets: Uint8Array.of(5, 6, 7) });
  expect(await ask(await startTcp([Uint8Array.of(0, 9, 1)]), 'tcp')).toEqual({
    kind: 'failed',
    code: 'ECONNRESET',
  });
});

it('says that nobody listens, or answers', async () => {
  const port = await deadPort();
  expect(await ask(port, 'udp')).toEqual({ kind: 'failed', code: 'ECONNREFUSED' });
  expect(await ask(port, 'tcp')).toEqual({ kind: 'failed', code: 'ECONNREFUSED' });
  expect(await ask(await startUdp([]), 'udp', 40)).toEqual({ kind: 'failed', code: 'ETIMEDOUT' });
});

it('stops with its signal', async () => {
  const controller = new AbortController();
  const limits = { over: 'udp', timeoutMs: 5_000, signal: controller.signal } as const;
  const asked = askPlain({ address: '127.0.0.1', port: await startUdp([]) }, QUERY, limits);
  controller.abort(new Error('enough'));
  await expect(asked).rejects.toThrow('enough');
});
