import { SourceError } from '../sources/source.ts';
import type { MasterFinder } from './finder.ts';

/**
 * The masters of the configuration, in its order. Which of them leads is known to the masters alone: one that
 * does not lead says who does, and that is followed where they are asked (`sources/mesos-state.ts`).
 */
export function createListFinder(masters: readonly URL[]): MasterFinder {
  return {
    name: masters.map(({ origin }) => origin).join(', ') || 'no masters',
    candidates: async (signal) => {
      signal.throwIfAborted();
      if (masters.length > 0) return masters;
      throw new SourceError(
        'no Mesos master is listed: give --master http://host:5050 or mesos.masters in --config',
      );
    },
    onChange: () => () => undefined,
    state: () => ({ by: 'list', leader: undefined, problem: undefined }),
    close: async () => undefined,
  };
}
