import { onTestFinished } from 'vitest';
import type { Election } from '../../../sync-agent/election/election.ts';
import type { ElectionWorld } from '../../contracts/election.ts';
import { createFakeAgent, createFakeHead, type FakeAgent, type FakeHead } from './agents.ts';
import { createFakeClock, type FakeClock } from './clock.ts';

const LOOK_EVERY_MS = 60_000;

export type FakeWorld = ElectionWorld & {
  readonly clock: FakeClock;
  readonly head: FakeHead;
  readonly agents: Set<FakeAgent>;
};

/** Agents in fake time, which publish every 60 s and when they stand; `createElection` makes each its own. */
export function createFakeWorld(
  createElection: (writerId: string, world: { clock: FakeClock; agents: Set<FakeAgent> }) => Election,
): FakeWorld {
  const clock = createFakeClock();
  const head = createFakeHead();
  const agents = new Set<FakeAgent>();
  const elections: Election[] = [];
  let untilLookMs = LOOK_EVERY_MS;
  onTestFinished(async () => {
    await Promise.all(elections.map((election) => election.close()));
  });
  return {
    clock,
    head,
    agents,
    start: async (writerId) => {
      const election = createElection(writerId, { clock, agents });
      elections.push(election);
      const agent = createFakeAgent(writerId, { election, head, nowMs: clock.monotonicMs });
      agents.add(agent);
      return agent;
    },
    die: async (agent) => void agents.delete(agent),
    passMs: async (ms) => {
      let leftMs = ms;
      while (leftMs >= untilLookMs) {
        await clock.passMs(untilLookMs);
        leftMs -= untilLookMs;
        untilLookMs = LOOK_EVERY_MS;
        for (const agent of agents) {
          if (agent.publish() === 'deposed') agent.standBy();
        }
      }
      await clock.passMs(leftMs);
      untilLookMs -= leftMs;
    },
  };
}
