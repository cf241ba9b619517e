import { type openZooKeeper, type ZooKeeper, ZooKeeperError } from '../../sync-agent/zookeeper.ts';

/** A ZooKeeper in this process: nodes with data, sessions that watch them, and what can go wrong. */
export type ZooKeeperTree = {
  readonly open: typeof openZooKeeper;
  /** Sets a node; the nodes above it are made. */
  readonly put: (path: string, data: string | Uint8Array) => void;
  readonly remove: (path: string) => void;
  /** Calls fail and no session opens, with this reason; undefined ends that. Watches say nothing meanwhile. */
  readonly fail: (reason: string | undefined) => void;
  /** Reading a node fails with this reason, the rest does not. */
  readonly refuseReads: (reason: string | undefined) => void;
  /** The children of this node may not be listed. */
  readonly forbid: (path: string) => void;
  /** No session opens: `open` only ends with its signal. */
  readonly hang: () => void;
  /** Ends all sessions; their watches are gone. */
  readonly expire: () => void;
  readonly opened: () => number;
  readonly openNow: () => number;
  readonly looks: () => number;
};

export function createZooKeeperTree(): ZooKeeperTree {
  const nodes = new Map<string, Uint8Array>([['/', new Uint8Array()]]);
  const sessions = new Set<{ end: (reason: string) => void; watches: Map<string, Set<() => void>> }>();
  let failure: string | undefined;
  let readFailure: string | undefined;
  const forbidden = new Set<string>();
  let hangs = false;
  let opened = 0;
  let looks = 0;

  /** Watches are told once and are gone then; each is told of a change that has happened already. */
  const tell = (...keys: string[]): void => {
    for (const { watches } of sessions) {
      for (const key of keys) {
        const told = watches.get(key);
        watches.delete(key);
        for (const watch of told ?? []) queueMicrotask(watch);
      }
    }
  };
  const parentOf = (path: string): string => path.slice(0, path.lastIndexOf('/')) || '/';
  const put = (path: string, data: string | Uint8Array): void => {
    if (path !== '/' && !nodes.has(parentOf(path))) put(parentOf(path), '');
    const isNew = !nodes.has(path);
    nodes.set(path, typeof data === 'string' ? new TextEncoder().encode(data) : data);
    tell(`node ${path}`, ...(isNew ? [`children ${parentOf(path)}`] : []));
  };

  return {
    put,
    remove: (path) => {
      if (nodes.delete(path)) tell(`node ${path}`, `children ${path}`, `children ${parentOf(path)}`);
    },
    fail: (reason) => {
      failure = reason;
    },
    refuseReads: (reason) => {
      readFailure = reason;
    },
    forbid: (path) => void forbidden.add(path),
    hang: () => {
      hangs = true;
    },
    expire: () => {
      for (const { end } of sessions) end('has expired');
    },
    opened: () => opened,
    openNow: () => sessions.size,
    looks: () => looks,
    open: async ({ name }, { sessionTimeoutMs }, signal) => {
      signal.throwIfAborted();
      opened++;
      if (hangs) {
        await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
      }
      if (failure !== undefined) throw new ZooKeeperError(`${name}: connect: ${failure}`);
      const over = new AbortController();
      const watches = new Map<string, Set<() => void>>();
      const session = {
        watches,
        end: (reason: string) => {
          sessions.delete(session);
          over.abort(new ZooKeeperError(`${name}: session: ${reason}`));
        },
      };
      sessions.add(session);
      const watch = (key: string, onChange: (() => void) | undefined): void => {
        if (onChange) watches.set(key, (watches.get(key) ?? new Set()).add(onChange));
      };
      const asked = async (what: string, stop: AbortSignal): Promise<void> => {
        stop.throwIfAborted();
        await Promise.resolve();
        if (over.signal.aborted) throw over.signal.reason;
        if (failure !== undefined) throw new ZooKeeperError(`${name}: ${what}: ${failure}`);
      };
      const none = async (): Promise<never> => {
        throw new Error('a finder only reads');
      };
      const zooKeeper: ZooKeeper = {
        name,
        over: over.signal,
        leftMs: () => (over.signal.aborted ? 0 : sessionTimeoutMs),
        timeoutMs: () => sessionTimeoutMs,
        makePath: none,
        createEphemeralSequential: none,
        remove: none,
        stat: async (path, stop, onChange) => {
          await asked(`stat ${path}`, stop);
          watch(`node ${path}`, onChange);
          return nodes.has(path) ? { czxid: 1n } : undefined;
        },
        children: async (path, stop, onChange) => {
          looks++;
          await asked(`list ${path}`, stop);
          if (forbidden.has(path)) throw new ZooKeeperError(`${name}: list ${path}`, { isForbidden: true });
          if (!nodes.has(path)) return [];
          watch(`children ${path}`, onChange);
          const below = path === '/' ? '/' : `${path}/`;
          return [...nodes.keys()]
            .filter((node) => node !== '/' && parentOf(node) === path)
            .map((node) => node.slice(below.length));
        },
        read: async (path, stop, onChange) => {
          await asked(`read ${path}`, stop);
          if (readFailure !== undefined) throw new ZooKeeperError(`${name}: read ${path}: ${readFailure}`);
          if (nodes.has(path)) watch(`node ${path}`, onChange);
          return nodes.get(path);
        },
        close: async () => session.end('was closed'),
      };
      return zooKeeper;
    },
  };
}
