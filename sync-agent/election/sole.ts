import type { Election } from './election.ts';
import { createPolledElection } from './polled.ts';
import { lookAtHead, type SinkElectionOptions } from './sink.ts';

/**
 * For one agent alone, the default: it writes from its first stand on, whoever wrote before. It stands a second
 * time only because another agent has written since; then the sink's rule holds, or two agents that were
 * started by mistake would take the office from each other for ever.
 */
export function createSoleElection(options: SinkElectionOptions): Election {
  let stood = false;
  return createPolledElection({
    name: 'none',
    sleep: options.sleep,
    startLooking: (candidate) => {
      const fallBack = lookAtHead(candidate, options);
      return async (signal) => {
        if (stood) return fallBack(signal);
        stood = true;
        return { mayWrite: true, why: 'it is the only agent configured (election.by none)' };
      };
    },
  });
}
