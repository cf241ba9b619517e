import type { Sink } from './sink.ts';

export type Operation = 'writes' | 'deletes' | 'lists';

/** The same sink, whose billed operations are told: a pair written or a key removed is one, however it is sent. */
export function createCountedSink(
  sink: Sink,
  onOperation: (operation: Operation, count: number) => void,
): Sink {
  return {
    ...sink,
    put: async (pairs, signal) => {
      onOperation('writes', pairs.length);
      await sink.put(pairs, signal);
    },
    list: async (prefix, signal) => {
      onOperation('lists', 1);
      return sink.list(prefix, signal);
    },
    remove: async (keys, signal) => {
      onOperation('deletes', keys.length);
      await sink.remove(keys, signal);
    },
  };
}
