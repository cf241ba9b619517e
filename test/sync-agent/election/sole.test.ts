import { describe, expect, it } from 'vitest';
import { createSoleElection } from '../../../sync-agent/election/sole.ts';
import { electionContract } from '../../contracts/election.ts';
import { createFakeWorld, type FakeWorld } from './world.ts';

const LIVENESS_SECONDS = 300;

function createWorld(): FakeWorld {
  return createFakeWorld((_, { clock }) =>
    createSoleElection({ livenessSeconds: LIVENESS_SECONDS, random: () => 0.5, ...clock }),
  );
}

electionContract('none', {
  createWorld: async () => createWorld(),
  boundMs: 3 * LIVENESS_SECONDS * 1000 + 36_000,
  settleMs: 120_000,
});

describe('none', () => {
  it('writes at its first stand whoever wrote before, without asking', async () => {
    const { start, head } = createWorld();
    await (await start('aa')).stand();
    const reads = head.reads;
    head.failure = new Error('no sink');
    expect((await (await start('bb')).stand()).signal.aborted).toBe(false);
    expect(head.reads).toBe(reads);
  });

  it('once deposed, waits until the other has been silent for long', async () => {
    const { start, passMs, die } = createWorld();
    const first = await start('aa');
    await first.stand();
    const second = await start('bb');
    await second.stand();
    await passMs(60_000);
    expect(first.term()).toBeUndefined();
    expect(first.standby).toEqual(['writer bb renewed its head less than 900 s ago']);
    await passMs(10 * LIVENESS_SECONDS * 1000);
    expect(first.term()).toBeUndefined();
    await die(second);
    await passMs(3 * LIVENESS_SECONDS * 1000 - 61_000);
    expect(first.term()).toBeUndefined();
    await passMs(61_000 + 36_000);
    expect(first.term()?.why).toMatch(/^writer bb has not renewed its head for 9\d\d s$/);
  });
});
