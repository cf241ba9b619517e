import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import type { Election } from '../../../sync-agent/election/election.ts';
import { createZooKeeperElection } from '../../../sync-agent/election/zookeeper.ts';
import { sleepFor } from '../../../sync-agent/retry.ts';
import { openZooKeeper, type ZooKeeper } from '../../../sync-agent/zookeeper.ts';
import { parseZooKeeperUrl } from '../../../sync-agent/zookeeper-url.ts';
import { type ElectionWorld, electionContract } from '../../contracts/election.ts';
import {
  type CuttableWay,
  type RunningZooKeeper,
  startZooKeeper,
  wayTo,
  zooKeeperMissing,
} from '../../fakes/zookeeper.ts';
import { createFakeAgent, createFakeHead, type FakeAgent, type FakeHead } from './agents.ts';

const SESSION_TIMEOUT_MS = 1_500;
/** The session's timeout, a tick of the server, and a busy machine. */
const BOUND_MS = SESSION_TIMEOUT_MS + 250 + 5_000;
const monotonicMs = (): number => performance.now();
const never = new AbortController().signal;
const missing = zooKeeperMissing();

describe.skipIf(missing)(`with a real ZooKeeper${missing ? ` (skipped: ${missing})` : ''}`, () => {
  let server: RunningZooKeeper;
  let paths = 0;
  beforeAll(async () => {
    server = await startZooKeeper();
  }, 40_000);
  afterAll(() => server?.stop());

  electionContract('zookeeper', {
    createWorld: async () => createWorld(),
    boundMs: BOUND_MS,
    atOnceMs: 5_000,
    settleMs: 500,
    stayMs: 1.2 * SESSION_TIMEOUT_MS,
  });

  it('gives each later writer a higher epoch, the transaction that made its node', async () => {
    const { start, path } = createWorld();
    const [one, two] = [await start('aa'), await start('bb')];
    const first = await one.stand();
    expect(Number.isSafeInteger(first.epoch)).toBe(true);
    const session = await openSession();
    const [seat] = await session.children(path, never);
    expect(seat).toMatch(/^aa-\d{10}$/);
    const node = await session.stat(`${path}/${seat}`, never);
    expect(first.epoch).toBe(Number(node?.czxid));
    const next = two.stand();
    await until(() => two.standby.length > 0);
    await first.resign();
    expect((await next).epoch).toBeGreaterThan(first.epoch ?? Infinity);
  });

  it('says who writes, and on which host', async () => {
    const { start, path } = createWorld();
    await (await start('aa')).stand();
    const standby = await start('bb');
    standby.standBy();
    await until(() => standby.standby.length > 0);
    expect(standby.standby).toEqual([
      `writer aa on host-aa is first in line at zk://${serverOf(standby)}${path}`,
    ]);
    const session = await openSession();
    const seats = await session.children(path, never);
    const about = await session.read(`${path}/${seats.find((seat) => seat.startsWith('aa-'))}`, never);
    expect(JSON.parse(new TextDecoder().decode(about))).toEqual({
      writerId: 'aa',
      host: 'host-aa',
      pid: process.pid,
    });
  });

  it('ends the term of a writer that is cut off before another is elected', async () => {
    const { start, ways } = createWorld();
    const [one, two] = [await start('aa'), await start('bb')];
    const term = await one.stand();
    const next = two.stand();
    await until(() => two.standby.length > 0);
    let endedAtMs = Infinity;
    term.signal.addEventListener('abort', () => (endedAtMs = monotonicMs()));
    ways.get('aa')?.cut();
    const leftMs = term.leftMs();
    expect(leftMs).toBeGreaterThan(SESSION_TIMEOUT_MS / 2);
    expect(leftMs).toBeLessThan(SESSION_TIMEOUT_MS);
    await next;
    expect(endedAtMs).toBeLessThan(monotonicMs());
    expect(term.leftMs()).toBe(0);
  });

  it('goes on after a restart without waiting for its last session to expire', async () => {
    const { start, die } = createWorld({ sessionTimeoutMs: 5_000 });
    const agent = await start('aa');
    const first = await agent.stand();
    await die(agent);
    const startedMs = monotonicMs();
    const again = await (await start('aa')).stand();
    expect(monotonicMs() - startedMs).toBeLessThan(3_000);
    expect(again.epoch).toBeGreaterThan(first.epoch ?? Infinity);
  });

  it('stands again with a new session after the cut is mended', async () => {
    const { start, ways } = createWorld();
    const agent = await start('aa');
    const first = await agent.stand();
    ways.get('aa')?.cut();
    await until(() => first.signal.aborted);
    const again = agent.stand();
    await until(() => agent.standby.length > 0);
    expect(agent.standby[0]).toMatch(/no server can be reached|no answer in time/);
    ways.get('aa')?.mend();
    expect((await again).epoch).toBeGreaterThan(first.epoch ?? Infinity);
  });

  it('keeps its term through a short loss of connection', async () => {
    const { start, ways } = createWorld();
    const agent = await start('aa');
    const term = await agent.stand();
    ways.get('aa')?.mend();
    await delay(SESSION_TIMEOUT_MS);
    expect(term.signal.aborted).toBe(false);
    expect(term.leftMs()).toBeGreaterThan(SESSION_TIMEOUT_MS / 3);
  });

  it('ends a term when its node is removed', async () => {
    const { start, path } = createWorld();
    const agent = await start('aa');
    const term = await agent.stand();
    await delay(50);
    const session = await openSession();
    const [seat] = await session.children(path, never);
    await session.remove(`${path}/${seat}`, never);
    await until(() => term.signal.aborted);
    expect(String(term.signal.reason)).toContain(`${path}/${seat} was removed`);
  });

  it('stands in line behind its predecessor, not behind the writer alone', async () => {
    const { start, die } = createWorld();
    const agents = [await start('aa'), await start('bb'), await start('cc')];
    for (const agent of agents) {
      agent.standBy();
      await until(() => agent.term() !== undefined || agent.standby.length > 0);
    }
    const [one, two, three] = agents;
    if (!one || !two || !three) return;
    await die(two);
    await delay(SESSION_TIMEOUT_MS + 1_000);
    expect([one.term() !== undefined, three.term()]).toEqual([true, undefined]);
    await one.election.close();
    await until(() => three.term() !== undefined);
  });

  it('says when ZooKeeper gives too short sessions, and does not stand', async () => {
    const { start } = createWorld({ sessionTimeoutMs: 20_000 });
    const agent = await start('aa');
    agent.standBy();
    await until(() => agent.standby.length > 0);
    expect(agent.standby[0]).toMatch(/ gives sessions of 5 s, and 20 s are needed: raise maxSessionTimeout /);
    expect(agent.term()).toBeUndefined();
  });

  it('passes over children that are no agents', async () => {
    const { start, path } = createWorld();
    const session = await openSession();
    await session.makePath(`${path}/log_replicas`, never);
    await session.createEphemeralSequential(`${path}/json.info_`, new Uint8Array(), never);
    expect((await (await start('aa')).stand()).signal.aborted).toBe(false);
  });

  it('makes its nodes so that only their owner may change them, where it has credentials', async () => {
    const { start, path } = createWorld({ credentials: 'doh:a secret@:word' });
    const term = await (await start('aa')).stand();
    const stranger = await openSession();
    const [seat] = await stranger.children(path, never);
    await expect(stranger.remove(`${path}/${seat}`, never)).rejects.toThrow(
      /not allowed without credentials$/,
    );
    const other = createWorld({ credentials: 'doh:another', path });
    const agent = await other.start('bb');
    agent.standBy();
    await until(() => agent.standby.length > 0);
    expect(agent.standby[0]).toMatch(/create .*: not allowed with these credentials$/);
    expect(agent.standby[0]).not.toContain('another');
    expect(agent.election.name).not.toContain('another');
    expect(term.signal.aborted).toBe(false);
  });

  type ZooKeeperWorld = ElectionWorld & {
    readonly path: string;
    readonly ways: Map<string, CuttableWay>;
    readonly head: FakeHead;
  };

  /** Agents each on their own way to the server; to die is to be cut off without a word. */
  function createWorld({
    credentials,
    path = `/mesos-doh/test-${++paths}`,
    sessionTimeoutMs = SESSION_TIMEOUT_MS,
  }: { credentials?: string; path?: string; sessionTimeoutMs?: number } = {}): ZooKeeperWorld {
    const head = createFakeHead();
    const ways = new Map<string, CuttableWay>();
    const closers: (() => Promise<void> | void)[] = [];
    onTestFinished(async () => {
      await Promise.all(closers.map((close) => close()));
    });
    return {
      path,
      ways,
      head,
      start: async (writerId) => {
        const way = await wayTo(server.servers);
        ways.set(writerId, way);
        const user = credentials === undefined ? '' : `${credentials}@`;
        const election: Election = createZooKeeperElection({
          zk: parseZooKeeperUrl(`zk://${user}${way.address}${path}`),
          host: `host-${writerId}`,
          monotonicMs,
          sleep: (ms, signal) => sleepFor(Math.min(ms, 100), signal),
          sessionTimeoutMs,
        });
        closers.push(async () => {
          const closing = election.close();
          way.close();
          await closing;
        });
        return createFakeAgent(writerId, { election, head, nowMs: monotonicMs });
      },
      die: async ({ writerId }) => ways.get(writerId)?.cut(),
      passMs: async (ms, holds = () => false) => {
        const endMs = monotonicMs() + ms;
        while (!holds() && monotonicMs() < endMs) await delay(10);
      },
    };
  }

  async function openSession(): Promise<ZooKeeper> {
    const options = { sessionTimeoutMs: 5_000, monotonicMs };
    const session = await openZooKeeper(parseZooKeeperUrl(`zk://${server.servers}`), options, never);
    onTestFinished(() => session.close());
    return session;
  }

  function serverOf({ election }: FakeAgent): string | undefined {
    return /zk:\/\/([^/]+)/.exec(election.name)?.[1];
  }
});

describe.skipIf(missing)(`with an ensemble of three${missing ? ` (skipped: ${missing})` : ''}`, () => {
  it('keeps writer and line when one server dies', async () => {
    const servers = await startZooKeeper({ servers: 3 });
    onTestFinished(() => servers.stop());
    const head = createFakeHead();
    const agents = ['aa', 'bb'].map((writerId) => {
      const election = createZooKeeperElection({
        zk: parseZooKeeperUrl(`zk://${servers.servers}/mesos-doh`),
        host: writerId,
        monotonicMs,
        sleep: (ms, signal) => sleepFor(Math.min(ms, 100), signal),
        sessionTimeoutMs: 3_000,
      });
      onTestFinished(() => election.close());
      return createFakeAgent(writerId, { election, head, nowMs: monotonicMs });
    });
    const [writer, standby] = agents;
    if (!writer || !standby) return;
    const term = await writer.stand();
    standby.standBy();
    await until(() => standby.standby.length > 0);
    await servers.kill(0);
    await delay(3_600);
    expect([term.signal.aborted, standby.term()]).toEqual([false, undefined]);
    expect(term.leftMs()).toBeGreaterThan(0);
    await writer.election.close();
    await until(() => standby.term() !== undefined);
    expect(standby.term()?.epoch).toBeGreaterThan(term.epoch ?? Infinity);
  }, 60_000);
});

async function until(holds: () => boolean): Promise<void> {
  const endMs = monotonicMs() + 10_000;
  while (!holds()) {
    if (monotonicMs() > endMs) expect.unreachable('it never came true');
    await delay(10);
  }
}
