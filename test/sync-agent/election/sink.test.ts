import { describe, expect, it } from 'vitest';
import { createSinkElection } from '../../../sync-agent/election/sink.ts';
import { SinkError } from '../../../sync-agent/sinks/sink.ts';
import { electionContract } from '../../contracts/election.ts';
import { createFakeWorld, type FakeWorld } from './world.ts';

const LIVENESS_SECONDS = 300;
const SILENT_MS = 3 * LIVENESS_SECONDS * 1000;
const POLL_MS = 36_000;

function createWorld({ livenessSeconds = LIVENESS_SECONDS, random = 0.999 } = {}): FakeWorld {
  return createFakeWorld((_, { clock }) =>
    createSinkElection({ livenessSeconds, random: () => random, ...clock }),
  );
}

electionContract('sink', {
  createWorld: async () => createWorld(),
  boundMs: SILENT_MS + POLL_MS,
  settleMs: 120_000,
});

describe('sink', () => {
  it('takes over from a writer not before it was silent for 3 × livenessSeconds', async () => {
    const { start, passMs, die } = createWorld();
    const writer = await start('aa');
    await writer.stand();
    await die(writer);
    const standby = await start('bb');
    standby.standBy();
    await passMs(SILENT_MS - 1);
    expect(standby.term()).toBeUndefined();
    await passMs(POLL_MS + 1);
    expect(standby.term()?.why).toMatch(/^writer aa has not renewed its head for 9\d\d s$/);
    expect(standby.term()?.epoch).toBeUndefined();
    expect(standby.term()?.leftMs()).toBe(Infinity);
  });

  it('takes over at its first look where the head is old', async () => {
    const { start, passMs, die } = createWorld();
    const writer = await start('aa');
    await writer.stand();
    await die(writer);
    await passMs(SILENT_MS);
    const standby = await start('bb');
    standby.standBy();
    await passMs(0);
    expect(standby.term()).toBeDefined();
  });

  it('takes over from a writer whose clock was ahead just as soon', async () => {
    const { start, passMs, head, clock } = createWorld();
    const future = clock.monotonicMs() + 7 * 86_400_000;
    head.root = { writerId: 'aa', epoch: 3, serial: 9, createdAtMs: future, writtenAtMs: future };
    const standby = await start('bb');
    standby.standBy();
    await passMs(SILENT_MS - 1000);
    expect(standby.term()).toBeUndefined();
    await passMs(POLL_MS + 1000);
    expect(standby.term()).toBeDefined();
    expect(head.root).toMatchObject({ writerId: 'bb', epoch: 4 });
  });

  it('believes what it sees, not the clocks: a head that changes has a writer', async () => {
    const { start, passMs, head, clock } = createWorld();
    const renewed = (ageMs: number): void => {
      const at = clock.monotonicMs() - ageMs;
      head.root = { writerId: 'aa', epoch: 3, serial: 1, createdAtMs: at, writtenAtMs: at };
    };
    renewed(SILENT_MS - 60_000);
    const standby = await start('bb');
    standby.standBy();
    for (let round = 0; round < 40; round++) {
      await passMs(50_000);
      renewed(SILENT_MS * 2);
    }
    expect(standby.term()).toBeUndefined();
    await passMs(SILENT_MS + 2 * POLL_MS);
    expect(standby.term()).toBeDefined();
  });

  it('looks every tenth of livenessSeconds, at least 5 s apart, and a fifth apart from others', async () => {
    for (const [livenessSeconds, random, leastMs, mostMs] of [
      [300, 0, 30_000, 30_000],
      [300, 0.999, 35_900, 36_000],
      [10, 0, 5_000, 5_000],
      [10, 0.999, 5_900, 6_000],
    ] as const) {
      const { start, passMs, head, clock } = createWorld({ livenessSeconds, random });
      const at = clock.monotonicMs() + 1e9;
      head.root = { writerId: 'aa', epoch: 3, serial: 1, createdAtMs: at, writtenAtMs: at };
      (await start('bb')).standBy();
      await passMs(leastMs - 1);
      expect(head.reads).toBe(1);
      await passMs(mostMs - leastMs + 1);
      expect(head.reads).toBe(2);
    }
  });

  it('waits while the sink can not be read, says so, and goes on', async () => {
    const { start, passMs, head } = createWorld();
    head.failure = new SinkError('kv: GET … timed out');
    const standby = await start('bb');
    standby.standBy();
    await passMs(86_400_000);
    expect(standby.term()).toBeUndefined();
    expect(standby.standby).toEqual(['who wrote last can not be read: kv: GET … timed out']);
    head.failure = undefined;
    await passMs(POLL_MS);
    expect(standby.term()?.why).toBe('nobody has written yet');
  });
});
