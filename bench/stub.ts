import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { encode } from 'dns-packet';
import { count, median, spread, table } from './figures.ts';
import { cpuMs, memoryOf } from './process-figures.ts';
import { firstLine, type Stage } from './stage.ts';

/** Queries under way at a time, as dnsperf does by default. */
const WINDOW = 100;
const SECONDS = 2;
const ROUNDS = 5;
/** Of what is not answered the place in the window is free again after so long. */
const LOST_MS = 1_000;
const MIB = 1 << 20;
/** `deploy/mesos-doh-stub.service`. */
const AS_IN_THE_UNIT = '--max-semi-space-size=1 --max-old-space-size=64';

type Target = { readonly port: number; readonly pid: number };
type Case = { readonly name: string; readonly target: Target; readonly queries: readonly Buffer[] };
type Sample = { readonly perSecond: number; readonly cpuMicroseconds: number; readonly lost: number };

/** The stub before a DoH server that only answers, beside an echo of datagrams in Node, turn by turn. */
export async function benchStub(stage: Stage): Promise<void> {
  const { print, directory } = stage;
  const env = { ...process.env, NODE_OPTIONS: AS_IN_THE_UNIT };
  const child = (...args: readonly string[]) =>
    stage.start(process.execPath, [fileURLToPath(new URL('stub-child.ts', import.meta.url)), ...args], {
      env,
    });
  const doh = await firstLine(child('doh'));
  const caFile = join(directory, 'ca.pem');
  await writeFile(caFile, String(doh['ca']));
  const startOne = async (...args: readonly string[]): Promise<Target> => {
    const process = child(...args);
    return { port: Number((await firstLine(process))['port']), pid: process.pid ?? 0 };
  };
  const url = `https://127.0.0.1:${Number(doh['port'])}/dns-query`;
  const [echo, stub, uncached] = [
    await startOne('echo'),
    await startOne('stub', url, caFile, '4096'),
    await startOne('stub', url, caFile, '0'),
  ];
  const question = (name: string): Buffer =>
    encode({ type: 'query', id: 0, flags: 0x100, questions: [{ name, type: 'A' }] });
  const few = ['search', 'web', 'db'].map((name) => question(`${name}.marathon.mesos`));
  const many = Array.from({ length: 5_000 }, (_, i) => question(`n${i}.marathon.mesos`));
  const cases: readonly Case[] = [
    { name: 'echo', target: echo, queries: few },
    { name: 'stub, cached', target: stub, queries: few },
    { name: 'stub, all to the DoH server', target: uncached, queries: many },
  ];
  const atFirst = await Promise.all([stub, uncached].map(({ pid }) => memoryOf(pid)));
  const samples = new Map<string, Sample[]>(cases.map(({ name }) => [name, []]));
  for (const each of cases) await load(each, 500, stage.signal);
  for (let round = 0; round < ROUNDS; round++)
    for (const each of round % 2 === 0 ? cases : cases.toReversed())
      samples.get(each.name)?.push(await load(each, SECONDS * 1_000, stage.signal));
  const base = samples.get('echo') ?? [];
  print(
    `stub: ${WINDOW} queries under way over UDP, ${ROUNDS} rounds of ${SECONDS} s, medians (least..most)`,
  );
  const rows = Array.from(samples, ([name, list]) => [
    name,
    count(median(list.map(({ perSecond }) => perSecond))),
    spread(
      list.map(({ perSecond }, i) => perSecond / (base[i]?.perSecond ?? 1)),
      2,
    ),
    spread(list.map(({ cpuMicroseconds }) => cpuMicroseconds)),
    String(list.reduce((sum, { lost }) => sum + lost, 0)),
  ]);
  for (const line of table([['', 'queries/s', 'of the echo', 'CPU us a query', 'lost'], ...rows]))
    print(line);
  for (const [i, { pid }] of [stub, uncached].entries()) {
    const { octets, peakOctets } = await memoryOf(pid);
    const mib = [atFirst[i]?.octets ?? 0, octets, peakOctets].map((each) => (each / MIB).toFixed(0));
    print(
      `${i === 0 ? 'cached' : 'uncached'}: RSS ${mib[0]} MiB at first, ${mib[1]} at the end, ${mib[2]} at most`,
    );
  }
}

/** Asks for `ms` with a full window, ids in turn. */
async function load({ target, queries }: Case, ms: number, signal: AbortSignal): Promise<Sample> {
  const socket = createSocket({ type: 'udp4', recvBufferSize: MIB });
  socket.connect(target.port, '127.0.0.1');
  await once(socket, 'connect', { signal });
  const cpu = await cpuMs(target.pid);
  const sentAt = new Map<number, number>();
  let [id, answered, lost] = [0, 0, 0];
  const ask = (): void => {
    const query = Buffer.from(queries[id % queries.length] ?? '');
    id++;
    query.writeUInt16BE(id & 0xffff, 0);
    sentAt.set(id & 0xffff, performance.now());
    socket.send(query);
  };
  const startedAt = performance.now();
  let isOver = false;
  socket.on('message', (reply) => {
    if (!sentAt.delete(reply.readUInt16BE(0))) return;
    answered++;
    if (!isOver) ask();
  });
  for (let i = 0; i < WINDOW; i++) ask();
  while (performance.now() - startedAt < ms && !signal.aborted) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    lost += replaceLost(sentAt, ask);
  }
  isOver = true;
  const seconds = (performance.now() - startedAt) / 1_000;
  const used = (await cpuMs(target.pid)) - cpu;
  await closed(socket);
  return { perSecond: answered / seconds, cpuMicroseconds: (used * 1_000) / Math.max(1, answered), lost };
}

function replaceLost(sentAt: Map<number, number>, ask: () => void): number {
  const late = Array.from(sentAt).filter(([, at]) => performance.now() - at > LOST_MS);
  for (const [id] of late) {
    sentAt.delete(id);
    ask();
  }
  return late.length;
}

async function closed(socket: Socket): Promise<void> {
  // What is under way comes to nobody else.
  await new Promise((resolve) => setTimeout(resolve, 100));
  socket.close();
}
