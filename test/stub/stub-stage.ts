import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect } from 'node:net';
import { decode, encode } from 'dns-packet';
import { afterAll, expect } from 'vitest';
import { createFrameReader, frame } from '../../stub/frame.ts';
import { startStub, type Stub } from '../../stub/server.ts';
import { parseSettings } from '../../stub/settings.ts';

/** A stub in this process with the lines it logs. */
export type StagedStub = {
  readonly port: number;
  readonly stub: Stub;
  readonly lines: { readonly level: string; readonly message: string; readonly facts: unknown }[];
};

const staged: Stub[] = [];

/** To be called once a file: tests that run beside each other have no end of their own to hook into. */
export function closeStubsAfterAll(): void {
  afterAll(async () => {
    await Promise.all(staged.splice(0).map((stub) => stub.close()));
  });
}

export async function stageStub(
  url: string,
  {
    ca,
    token,
    args = [],
  }: { readonly ca?: string; readonly token?: string; readonly args?: readonly string[] },
): Promise<StagedStub> {
  const asked = parseSettings(['--url', url, '--listen', '127.0.0.1:0', ...args], {});
  if (asked.kind !== 'run') expect.fail('nothing to run');
  const lines: StagedStub['lines'] = [];
  const log = (level: string, message: string, facts?: unknown): void =>
    void lines.push({ level, message, facts });
  const stub = await startStub({ settings: asked.settings, token, ca, inherited: [], log });
  staged.push(stub);
  return { port: stub.listeners[0]?.port ?? 0, stub, lines };
}

export type Asking = {
  readonly id?: number;
  readonly type?: 'A' | 'AAAA' | 'TXT' | 'SRV';
  /** UDP payload size of an OPT record. */
  readonly edns?: number;
  readonly waitMs?: number;
};

export function question(name: string, { id = 0x1234, type = 'A', edns }: Asking = {}): Buffer {
  const additionals =
    edns === undefined
      ? []
      : [{ type: 'OPT' as const, name: '.' as const, udpPayloadSize: edns, options: [] }];
  // dns-packet's types want all of an OPT record's fields.
  return encode({
    type: 'query',
    id,
    flags: 0x100,
    questions: [{ name, type }],
    additionals: additionals as never,
  });
}

/** Sends a datagram and gives the reply's octets; undefined where none comes in time. */
export async function sendUdp(
  port: number,
  octets: Uint8Array,
  { waitMs = 5_000 }: { readonly waitMs?: number } = {},
): Promise<Buffer | undefined> {
  const socket = createSocket('udp4');
  try {
    socket.connect(port, '127.0.0.1');
    await once(socket, 'connect');
    const reply = once(socket, 'message', { signal: AbortSignal.timeout(waitMs) });
    socket.send(octets);
    const [message] = await reply;
    return Buffer.isBuffer(message) ? message : undefined;
  } catch (error) {
    if (error instanceof Error && error.name === 'AbortError') return undefined;
    throw error;
  } finally {
    socket.close();
  }
}

export async function askUdp(port: number, name: string, asking: Asking = {}): Promise<Read> {
  const reply = await sendUdp(port, question(name, asking), { waitMs: asking.waitMs ?? 5_000 });
  return read(reply ?? expect.fail(`no reply for ${name}`));
}

/** Sends messages on one TCP connection, in chunks of `chunkOctets`, and gives as many replies, as they come. */
export async function askTcp(
  port: number,
  messages: readonly Uint8Array[],
  { chunkOctets = 65_536 }: { readonly chunkOctets?: number } = {},
): Promise<Read[]> {
  const socket = connect(port, '127.0.0.1').setNoDelay(true);
  const frames = createFrameReader();
  const replies: Read[] = [];
  const done = new Promise<void>((resolve, reject) => {
    socket.on('error', reject);
    socket.on('close', () => resolve());
    socket.on('data', (chunk) => {
      for (const reply of frames.push(chunk)) replies.push(read(Buffer.from(reply)));
      if (replies.length >= messages.length) socket.destroy();
    });
  });
  const octets = Buffer.concat(messages.map((message) => frame(message)));
  for (let at = 0; at < octets.length; at += chunkOctets) {
    if (!socket.write(octets.subarray(at, at + chunkOctets))) await once(socket, 'drain');
    if (chunkOctets < 100) await new Promise((resolve) => setImmediate(resolve));
  }
  await done;
  return replies;
}

export type Read = {
  readonly id: number;
  readonly rcode: string;
  readonly isTruncated: boolean;
  readonly name: string;
  readonly addresses: readonly string[];
  readonly ttl: number | undefined;
  readonly ede: readonly number[];
  readonly edeText: string;
  readonly octets: Buffer;
};

export function read(octets: Buffer): Read {
  const packet = decode(octets);
  const { answers = [], additionals = [], questions = [] } = packet;
  const [first] = answers;
  const errors = additionals.flatMap((record) =>
    record.type === 'OPT' ? record.options.filter(({ code }) => Number(code) === 15) : [],
  );
  const data = errors.map((option) =>
    'data' in option && Buffer.isBuffer(option.data) ? option.data : Buffer.alloc(2),
  );
  return {
    id: packet.id ?? -1,
    rcode: 'rcode' in packet ? String(packet.rcode) : '',
    isTruncated: packet.flag_tc,
    name: questions[0]?.name ?? '',
    addresses: answers.map((answer) => ('data' in answer ? String(answer.data) : '')),
    ttl: first && 'ttl' in first ? first.ttl : undefined,
    ede: data.map((each) => each.readUInt16BE(0)),
    edeText: data.map((each) => each.subarray(2).toString()).join('; '),
    octets,
  };
}
