import { describe, expect, it } from 'vitest';
import { type Election, ElectionError } from '../../sync-agent/election/election.ts';
import type { FakeAgent } from '../sync-agent/election/agents.ts';

/** Agents that share a sink (and whatever else the election under test asks), and their time. */
export type ElectionWorld = {
  /** Starts an agent; it does not stand yet. The same id again: the same agent after a restart. */
  readonly start: (writerId: string) => Promise<FakeAgent>;
  /** It is gone without a word, and so is what it answered. */
  readonly die: (agent: FakeAgent) => Promise<void>;
  /**
   * Lets time pass; living agents publish as they would, and stand again when they were deposed. Where time is
   * real it stops as soon as `until` holds.
   */
  readonly passMs: (ms: number, until?: () => boolean) => Promise<void>;
};

export type ElectionContractOptions = {
  readonly createWorld: () => Promise<ElectionWorld>;
  /** Another writes at most so long after the writer gave up or died. */
  readonly boundMs: number;
  /** What "at once" takes: 0 where time is a test's own. */
  readonly atOnceMs?: number;
  /** A time in which agents that contradict each other have settled. */
  readonly settleMs: number;
  /** How long a writer is watched to stay. Default: twice the bound. */
  readonly stayMs?: number;
};

/** What every `Election` keeps to. Worlds see to their own end, with `onTestFinished`. */
export function electionContract(
  name: string,
  { createWorld, boundMs, atOnceMs = 0, settleMs, stayMs = boundMs * 2 }: ElectionContractOptions,
): void {
  const never = new AbortController().signal;

  describe(`${name} keeps the election contract`, () => {
    it('has a name for people', async () => {
      const { start } = await createWorld();
      expect((await start('aa')).election.name).not.toBe('');
    });

    it('gives the first its term at once where nobody has written', async () => {
      const { start, passMs } = await createWorld();
      const agent = await start('aa');
      const term = await soon(agent.stand(), passMs);
      expect(term?.signal.aborted).toBe(false);
      expect(term?.leftMs()).toBeGreaterThan(0);
      expect(term?.why).not.toBe('');
      expect(agent.standby).toEqual([]);
    });

    it.each([
      ['aa', 'bb'],
      ['bb', 'aa'],
    ])('has one writer of two (%s first), who stays while it lives', async (one, two) => {
      const { start, passMs } = await createWorld();
      const first = await start(one);
      await first.stand();
      const second = await start(two);
      second.standBy();
      await passMs(settleMs);
      const holders = [first, second].filter((agent) => agent.term());
      expect(holders).toHaveLength(1);
      await passMs(stayMs);
      expect([first, second].filter((agent) => agent.term())).toEqual(holders);
      const waiting = [first, second].find((agent) => !holders.includes(agent));
      expect(waiting?.standby.length).toBeGreaterThan(0);
      expect(waiting?.standby.length).toBeLessThan(5);
      expect(new Set(waiting?.standby).size).toBe(waiting?.standby.length);
    });

    it.each(['resigns', 'dies'] as const)('gives the office on when the writer %s', async (how) => {
      const { start, die, passMs } = await createWorld();
      const agents = [await start('aa'), await start('bb')];
      await agents[0]?.stand();
      agents[1]?.standBy();
      await passMs(settleMs);
      const writer = agents.find((agent) => agent.term());
      const standby = agents.find((agent) => !agent.term());
      expect(writer && standby).toBeDefined();
      if (!writer || !standby) return;
      const before = writer.term();
      if (how === 'dies') await die(writer);
      else await before?.resign();
      await passMs(boundMs, () => standby.term() !== undefined);
      expect(standby.term()?.signal.aborted).toBe(false);
      expect(before?.signal.aborted === false && before.leftMs() > 0 && before.leftMs() < Infinity).toBe(
        false,
      );
    });

    it('lets the same agent go on at once after a restart, if nobody took its place', async () => {
      const { start, die, passMs } = await createWorld();
      const agent = await start('aa');
      await agent.stand();
      await die(agent);
      const again = await start('aa');
      expect((await soon(again.stand(), passMs))?.signal.aborted).toBe(false);
    });

    it('ends a term by resigning, and gives the next at once where nobody else stands', async () => {
      const { start, passMs } = await createWorld();
      const agent = await start('aa');
      const first = await agent.stand();
      await Promise.all([first.resign(), first.resign()]);
      await first.resign();
      expect(first.signal.aborted).toBe(true);
      expect(first.leftMs()).toBeLessThanOrEqual(0);
      const second = await soon(agent.stand(), passMs);
      expect(second?.signal.aborted).toBe(false);
      expect(second?.epoch ?? Infinity).toBeGreaterThan(first.epoch ?? 0);
    });

    it('ends an open term when its agent stands again', async () => {
      const { start, passMs } = await createWorld();
      const agent = await start('aa');
      const first = await agent.stand();
      const second = await soon(agent.stand(), passMs);
      expect(first.signal.aborted).toBe(true);
      expect(second?.signal.aborted).toBe(false);
    });

    it("stops waiting with the signal's reason, and may wait again", async () => {
      const { waiting, writer, passMs } = await oneWaits();
      const stop = new AbortController();
      const standing = waiting.election.stand(waiting.candidate, stop.signal);
      const outcome = standing.catch((error: unknown) => error);
      await passMs(atOnceMs, () => waiting.standby.length > 0);
      const reason = new Error('enough');
      stop.abort(reason);
      expect(await outcome).toBe(reason);
      await expect(waiting.election.stand(waiting.candidate, AbortSignal.abort(reason))).rejects.toBe(reason);
      waiting.standBy();
      await writer.term()?.resign();
      await passMs(boundMs, () => waiting.term() !== undefined);
      expect(waiting.term()).toBeDefined();
    });

    it('ends a waiting stand when it is closed', async () => {
      const { waiting, passMs } = await oneWaits();
      const outcome = waiting.election.stand(waiting.candidate, never).catch((error: unknown) => error);
      await passMs(atOnceMs, () => waiting.standby.length > 0);
      await waiting.election.close();
      expect(await outcome).toBeInstanceOf(ElectionError);
      await closedForGood(waiting.election, waiting);
    });

    it('ends an open term when it is closed, and lets another have it', async () => {
      const { waiting, writer, passMs } = await oneWaits();
      waiting.standBy();
      await passMs(atOnceMs, () => waiting.standby.length > 0);
      const term = writer.term();
      await writer.election.close();
      expect(term?.signal.aborted).toBe(true);
      await closedForGood(writer.election, writer);
      await passMs(boundMs, () => waiting.term() !== undefined);
      expect(waiting.term()).toBeDefined();
    });
  });

  /** Two agents of which one holds a term and the other may not write, and does not stand right now. */
  async function oneWaits(): Promise<{
    waiting: FakeAgent;
    writer: FakeAgent;
    passMs: ElectionWorld['passMs'];
  }> {
    const { start, passMs } = await createWorld();
    const waiting = await start('bb');
    // An election that lets everybody write the first time is past that.
    await (await waiting.stand()).resign();
    const writer = await start('aa');
    writer.standBy();
    await passMs(Math.max(boundMs, settleMs), () => writer.term() !== undefined);
    expect(writer.term()).toBeDefined();
    return { waiting, writer, passMs };
  }

  async function closedForGood(election: Election, agent: FakeAgent): Promise<void> {
    await expect(election.stand(agent.candidate, never)).rejects.toBeInstanceOf(ElectionError);
    await election.close();
  }

  /** What a promise comes to at once; undefined if it still waits. */
  async function soon<T>(promise: Promise<T>, passMs: ElectionWorld['passMs']): Promise<T | undefined> {
    let value: T | undefined;
    const stored = promise.then((given) => {
      value = given;
    });
    await passMs(atOnceMs, () => value !== undefined);
    if (value !== undefined) await stored;
    else stored.catch(() => undefined);
    return value;
  }
}
