import { readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { packageFacts } from '../package-root.ts';
import { WORKER_BUNDLE } from './project.ts';

/** The Worker in workerd on this machine, with a KV namespace that stays on disk. */
export type LocalEdge = {
  /** Base URL of the Worker. */
  readonly url: string;
  /** The KV namespace's REST API, in Cloudflare's shape: what the `cloudflare-kv` sink takes. */
  readonly kv: { readonly url: string; readonly namespace: string };
  readonly close: () => Promise<void>;
};

const HOST = '127.0.0.1';
const NAMESPACE = 'snapshots';

/** Starts on loopback. `vars` are the Worker's variables. Throws for a port that is taken, saying so. */
export async function startLocalEdge({
  port,
  dataDir,
  vars,
}: {
  readonly port: number;
  readonly dataDir: string;
  readonly vars: Readonly<Record<string, string>>;
}): Promise<LocalEdge> {
  const { Miniflare } = await loadMiniflare();
  await assertFree(port);
  const text = Object.entries(vars).map(([name, value]) => [name, { type: 'text' as const, value }] as const);
  const restoreSignals = keepSignalHandlers();
  const miniflare = new Miniflare({
    host: HOST,
    port,
    cf: false,
    telemetry: { enabled: false },
    unsafeLocalExplorer: true,
    resourcePersistencePath: join(dataDir, 'kv'),
    handleStructuredLogs: ({ level, message }) => {
      if (level === 'error' || level === 'warn') process.stderr.write(`worker: ${withoutStack(message)}\n`);
    },
    workers: [
      {
        config: {
          name: 'mesos-doh',
          compatibilityDate: '2026-08-01',
          compatibilityFlags: ['nodejs_compat'],
          manifest: {
            mainModule: 'index.js',
            modulesRoot: dirname(WORKER_BUNDLE),
            modules: { 'index.js': { type: 'esm', contents: await readFile(WORKER_BUNDLE, 'utf8') } },
          },
          env: { ...Object.fromEntries(text), SNAPSHOTS: { type: 'kv', id: NAMESPACE } },
          exports: {},
        },
      },
    ],
  });
  const ready = await miniflare.ready.catch(async (cause: unknown) => {
    restoreSignals();
    await miniflare.dispose().catch(() => undefined);
    const reason = cause instanceof Error ? cause.message.split('\n', 1)[0] : String(cause);
    throw new Error(
      `the local Workers runtime did not start: ${reason}; if its store is damaged, remove ${dataDir}/kv`,
      { cause },
    );
  });
  restoreSignals();
  const url = `http://${HOST}:${ready.port}`;
  return {
    url,
    kv: { url: `${url}/cdn-cgi/local/explorer/api`, namespace: NAMESPACE },
    close: () => miniflare.dispose(),
  };
}

/** What the Worker says of its variables is for people: where in its code it found that is not. */
export function withoutStack(message: string): string {
  const [, said] = /^(?:Uncaught )?FormatError: (.*)/.exec(message) ?? [];
  return said ?? message;
}

/** Loaded here, not before: it is large, optional where npm installed us, and only `up` needs it. */
async function loadMiniflare(): Promise<typeof import('miniflare')> {
  try {
    return await import('miniflare');
  } catch (cause) {
    if (!(cause instanceof Error && 'code' in cause && cause.code === 'ERR_MODULE_NOT_FOUND')) throw cause;
    const wanted = `miniflare@${packageFacts().miniflare ?? 'latest'}`;
    throw new Error(
      `up runs the Worker in Miniflare, which is not installed here: run npm install ${wanted} ` +
        '(with -g where mesos-doh is installed so), then try again',
      { cause },
    );
  }
}

/**
 * Miniflare ends the process at a signal by itself, before a write under way is done. Gives what takes its
 * handlers away again, so that whoever runs `up` decides how it ends.
 */
function keepSignalHandlers(): () => void {
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  const before = new Set(signals.flatMap((signal) => process.listeners(signal)));
  return () => {
    for (const signal of signals) {
      for (const listener of process.listeners(signal))
        if (!before.has(listener)) process.off(signal, listener);
    }
  };
}

/** workerd says of a taken port only that it failed, so the port is tried first. */
function assertFree(port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', (cause: NodeJS.ErrnoException) => {
      const taken = cause.code === 'EADDRINUSE';
      const reason = taken
        ? 'is taken: stop what uses it, or choose another with --port'
        : `can not be used (${cause.code})`;
      reject(new Error(`port ${port} ${reason}`, { cause }));
    });
    probe.listen(port, HOST, () => probe.close(() => resolve()));
  });
}
