/** A KV namespace in memory: what is put is seen at once, unless a test says otherwise. */
export type MemoryKv = {
  readonly kv: KVNamespace;
  readonly values: Map<string, { readonly value: Uint8Array; readonly metadata: unknown }>;
  /** Keys read so far. */
  readonly reads: string[];
  /** Called before each read; may wait or throw. */
  before: (key: string) => Promise<void>;
};

export function createMemoryKv(): MemoryKv {
  const memory: MemoryKv = {
    values: new Map(),
    reads: [],
    before: async () => undefined,
    kv: {
      get: async (key: string) => {
        memory.reads.push(key);
        await memory.before(key);
        return memory.values.get(key)?.value.slice().buffer ?? null;
      },
      getWithMetadata: async (key: string) => {
        memory.reads.push(key);
        await memory.before(key);
        const found = memory.values.get(key);
        return { value: found ? new Response(found.value).body : null, metadata: found?.metadata ?? null };
      },
      put: async (key: string, value: Uint8Array, { metadata }: { metadata?: unknown } = {}) => {
        memory.values.set(key, { value: value.slice(), metadata });
      },
    } as unknown as KVNamespace,
  };
  return memory;
}
