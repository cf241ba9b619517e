import { describe, expect, it } from 'vitest';
import type { Election } from '../../../sync-agent/election/election.ts';
import { createPeersElection } from '../../../sync-agent/election/peers.ts';
import { type Http, HttpError, type HttpResponse } from '../../../sync-agent/http.ts';
import { electionContract } from '../../contracts/election.ts';
import type { FakeAgent } from './agents.ts';
import { createFakeWorld, type FakeWorld } from './world.ts';

const LIVENESS_SECONDS = 300;
const SILENT_MS = 3 * LIVENESS_SECONDS * 1000;
const NAMES = ['aa', 'bb', 'cc'];

type PeersWorld = FakeWorld & {
  /** What an agent says on /healthz in place of the truth. */
  readonly says: Map<string, unknown>;
  /** Pairs `from>to` that do not reach each other. */
  readonly cut: Set<string>;
  readonly asked: string[];
};

/** Agents at http://<writer id>:9153, each configured with all three. */
function createWorld(): PeersWorld {
  const says = new Map<string, unknown>();
  const cut = new Set<string>();
  const asked: string[] = [];
  const world = createFakeWorld((writerId, { clock, agents }): Election =>
    createPeersElection({
      peers: NAMES.map((name) => `http://${name}:9153`),
      http: httpFrom(writerId, { agents, says, cut, asked }),
      livenessSeconds: LIVENESS_SECONDS,
      ...clock,
    }),
  );
  return { ...world, says, cut, asked };
}

function httpFrom(
  from: string,
  { agents, says, cut, asked }: Pick<PeersWorld, 'agents' | 'says' | 'cut' | 'asked'>,
): Http {
  return {
    close: async () => undefined,
    request: async ({ url, signal }) => {
      signal.throwIfAborted();
      asked.push(url);
      const to = new URL(url).hostname;
      const agent = [...agents].find(({ writerId }) => writerId === to);
      if (!agent || cut.has(`${from}>${to}`) || says.get(to) === 'nothing')
        throw new HttpError(`GET ${url} failed: connection refused`, { transient: true });
      return answer(says.get(to) ?? healthOf(agent));
    },
  };
}

function healthOf(agent: FakeAgent): unknown {
  return { writerId: agent.writerId, role: agent.term() ? 'writer' : 'standby', epoch: 1, serial: 1 };
}

function answer(body: unknown): HttpResponse {
  const nothing = async (): Promise<never> => {
    throw new Error('not asked for in these tests');
  };
  return {
    status: 200,
    headers: {},
    json: async () => body,
    chunks: () => {
      throw new Error('not asked for in these tests');
    },
    bytes: nothing,
    text: nothing,
    discard: nothing,
    refusal: nothing,
    error: (words) => new HttpError(words),
  };
}

electionContract('peers', {
  createWorld: async () => createWorld(),
  boundMs: 30_000,
  settleMs: 60_000,
});

describe('peers', () => {
  it('takes over within 30 s of the last sign of life, not before 20', async () => {
    const { start, passMs, die } = createWorld();
    const writer = await start('aa');
    await writer.stand();
    const standby = await start('bb');
    standby.standBy();
    await passMs(58_000);
    expect(standby.standby).toEqual(['http://aa:9153 writes (aa)']);
    await die(writer);
    await passMs(16_000);
    expect(standby.term()).toBeUndefined();
    await passMs(14_000);
    expect(standby.term()?.why).toBe('writer aa gave no sign of life for 20 s');
  });

  it('counts from the last answer, not from when it saw what the writer had written before', async () => {
    const { start, passMs, die } = createWorld();
    const writer = await start('aa');
    await writer.stand();
    const standby = await start('bb');
    standby.standBy();
    await passMs(41_000);
    writer.publish();
    await die(writer);
    await passMs(21_000);
    expect(standby.term()).toBeDefined();
  });

  it('waits as long for a writer it has never heard, from its own start on', async () => {
    const { start, passMs, die } = createWorld();
    const writer = await start('aa');
    await writer.stand();
    await die(writer);
    const standby = await start('bb');
    standby.standBy();
    await passMs(19_000);
    expect(standby.term()).toBeUndefined();
    expect(standby.standby).toEqual([
      'writer aa does not answer: writer aa renewed its head less than 900 s ago',
    ]);
    await passMs(11_000);
    expect(standby.term()).toBeDefined();
  });

  it('lets the lowest of several standbys go first, and the next where that one hangs', async () => {
    const { start, passMs, die } = createWorld();
    const writer = await start('cc');
    await writer.stand();
    const [low, high] = [await start('aa'), await start('bb')];
    low.standBy();
    high.standBy();
    await passMs(60_000);
    await die(writer);
    await passMs(30_000);
    expect([low.term() !== undefined, high.term()]).toEqual([true, undefined]);
  });

  it('passes by a standby that goes first but hangs, within 45 s', async () => {
    const { start, passMs, die } = createWorld();
    const writer = await start('cc');
    await writer.stand();
    await start('aa');
    const high = await start('bb');
    high.standBy();
    await passMs(60_000);
    await die(writer);
    await passMs(30_000);
    expect(high.standby.at(-1)).toBe('http://aa:9153 goes first (aa)');
    expect(high.term()).toBeUndefined();
    await passMs(15_000);
    expect(high.term()).toBeDefined();
  });

  it('takes over at its next look when the writer says that it gave up', async () => {
    const { start, passMs } = createWorld();
    const writer = await start('aa');
    await writer.stand();
    const standby = await start('bb');
    standby.standBy();
    await passMs(60_000);
    await writer.term()?.resign();
    await passMs(5_000);
    expect(standby.term()?.why).toBe('writer aa gave the office up');
  });

  it('lets the one that wrote last go on first, although its id is higher', async () => {
    const { start, passMs, die, says } = createWorld();
    const writer = await start('bb');
    await writer.stand();
    await die(writer);
    const standby = await start('aa');
    const again = await start('bb');
    says.set('bb', { writerId: 'bb', role: 'starting' });
    standby.standBy();
    await passMs(10_000);
    expect(standby.term()).toBeUndefined();
    expect(standby.standby).toEqual(['http://bb:9153 goes first (bb)']);
    says.delete('bb');
    again.standBy();
    await passMs(30_000);
    expect([standby.term(), again.term() !== undefined]).toEqual([undefined, true]);
  });

  it('does not take over from a writer that does not answer but goes on writing', async () => {
    const { start, passMs, head, clock } = createWorld();
    const standby = await start('bb');
    const writes = (): void => {
      const at = clock.monotonicMs();
      head.root = { writerId: 'aa', epoch: 3, serial: 1, createdAtMs: at, writtenAtMs: at };
    };
    writes();
    standby.standBy();
    for (let round = 0; round < 60; round++) {
      await passMs(10_000);
      writes();
    }
    expect(standby.term()).toBeUndefined();
    await passMs(35_000);
    expect(standby.term()).toBeDefined();
  });

  it('of two that do not hear each other, the deposed one does not take the office back', async () => {
    const { start, passMs, die, cut, head } = createWorld();
    for (const pair of ['aa>bb', 'bb>aa']) cut.add(pair);
    const [one, two] = [await start('aa'), await start('bb')];
    await one.stand();
    two.standBy();
    await passMs(90_000);
    expect([one.term(), two.term() !== undefined]).toEqual([undefined, true]);
    const epoch = head.root?.epoch;
    await passMs(10 * SILENT_MS);
    expect([one.term(), two.term() !== undefined, head.root?.epoch]).toEqual([undefined, true, epoch]);
    expect(one.standby.at(-1)).toMatch(/^writer bb does not answer, but took the office from here/);
    await die(two);
    await passMs(SILENT_MS - 61_000);
    expect(one.term()).toBeUndefined();
    await passMs(61_000 + 10_000);
    expect(one.term()).toBeDefined();
  });

  it('takes over from a writer that answers but has not renewed for 3 × livenessSeconds of watching', async () => {
    const { start, passMs, says } = createWorld();
    const writer = await start('aa');
    const standby = await start('bb');
    await writer.stand();
    await writer.term()?.resign();
    says.set('aa', { writerId: 'aa', role: 'writer', epoch: 1, serial: 1 });
    await passMs(2 * SILENT_MS);
    standby.standBy();
    await passMs(SILENT_MS - 10_000);
    expect(standby.term()).toBeUndefined();
    await passMs(50_000);
    expect(standby.term()?.why).toMatch(
      /^http:\/\/aa:9153 writes \(aa\), it says, but the head has not changed/,
    );
  });

  it('reads the sink seldom while the writer answers', async () => {
    const { start, passMs, head } = createWorld();
    await (await start('aa')).stand();
    (await start('bb')).standBy();
    const reads = head.reads;
    await passMs(600_000);
    expect(head.reads - reads).toBeLessThanOrEqual(21);
  });

  it('waits while it hears no writer and can not read the sink', async () => {
    const { start, passMs, head } = createWorld();
    head.failure = new Error('kv is down');
    const agent = await start('aa');
    agent.standBy();
    await passMs(3_600_000);
    expect(agent.standby).toEqual(['who wrote last can not be read: kv is down']);
    head.failure = undefined;
    await passMs(5_000);
    expect(agent.term()).toBeDefined();
  });

  it.each([
    ['no JSON object', 'writer'],
    ['a role nobody knows', { writerId: 'aa', role: 'boss' }],
    ['nothing', 'nothing'],
    ['its own answer', { writerId: 'bb', role: 'writer' }],
  ])('takes %s for no answer', async (_, said) => {
    const { start, passMs, says } = createWorld();
    await start('aa');
    says.set('aa', said);
    const agent = await start('bb');
    agent.standBy();
    await passMs(0);
    expect(agent.term()?.why).toBe('nobody has written yet, and no peer says that it writes');
  });

  it('asks below the path of a peer, every 5 s', async () => {
    const { asked, start, passMs } = createWorld();
    await (await start('aa')).stand();
    asked.length = 0;
    (await start('bb')).standBy();
    await passMs(10_000);
    expect(asked.length).toBe(9);
    expect(new Set(asked)).toEqual(new Set(NAMES.map((name) => `http://${name}:9153/healthz`)));
  });
});
