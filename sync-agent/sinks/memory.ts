import type { Metadata, Sink, StoredValue } from './sink.ts';

/** A sink that forgets with its process: for tests and dry runs. Values are copied on the way in and out. */
export function createMemorySink(): Sink {
  const stored = new Map<string, StoredValue>();
  return {
    name: 'memory',
    get: async (key, signal) => {
      signal.throwIfAborted();
      const found = stored.get(key);
      return found && copy(found.value, found.metadata);
    },
    put: async (pairs, signal) => {
      signal.throwIfAborted();
      for (const { key, value, metadata } of pairs) stored.set(key, copy(value, metadata));
    },
    list: async (prefix, signal) => {
      signal.throwIfAborted();
      return [...stored.keys()].filter((key) => key.startsWith(prefix));
    },
    remove: async (keys, signal) => {
      signal.throwIfAborted();
      for (const key of keys) stored.delete(key);
    },
  };
}

function copy(value: Uint8Array, metadata: Metadata | undefined): StoredValue {
  return { value: value.slice(), metadata: metadata && { ...metadata } };
}
