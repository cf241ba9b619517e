import type { ChildProcess } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import { join } from 'node:path';
import type { Stage } from './stage.ts';

export type Served = { readonly child: ChildProcess; readonly pid: number; readonly port: number };

const TRIES = 200;
const TRY_EVERY_MS = 25;

/** A raw workerd with these services (Cap'n Proto text); `main` answers HTTP. `embed` is relative to the directory. */
export async function startWorkerd(stage: Stage, name: string, services: readonly string[]): Promise<Served> {
  const port = await freePort();
  const config = join(stage.directory, `${name}.capnp`);
  await writeFile(
    config,
    `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (services = [${services.join(', ')}], sockets = [(name = "http", address = "127.0.0.1:${port}", http = (), service = "main")]);`,
  );
  const child = stage.start(workerdBinary(), ['serve', config]);
  for (let tries = 0; tries < TRIES && child.exitCode === null; tries++) {
    const isUp = await fetch(`http://127.0.0.1:${port}/`).then(
      async (response) => {
        await response.arrayBuffer();
        return true;
      },
      () => false,
    );
    if (isUp) return { child, port, pid: child.pid ?? 0 };
    await new Promise((resolve) => setTimeout(resolve, TRY_EVERY_MS));
  }
  throw new Error(`workerd did not start for ${name}`);
}

/** A Worker service of one ES module beside the configuration. */
export function workerService(
  name: string,
  module: string,
  bindings: Readonly<Record<string, string>> = {},
  flags: readonly string[] = [],
): string {
  const bound = Object.entries(bindings).map(([key, value]) => `(name = "${key}", ${value})`);
  return (
    `(name = "${name}", worker = (modules = [(name = "${module}", esModule = embed "${module}")], ` +
    `compatibilityDate = "2026-08-01", compatibilityFlags = [${flags.map((flag) => `"${flag}"`).join(', ')}], ` +
    `bindings = [${bound.join(', ')}]))`
  );
}

/** What the built Worker is given: our zone, heads signed with this key, KV from the service `kv`. */
export function ourService(
  module: string,
  { verifyKeys, access = 'open' }: { readonly verifyKeys: string; readonly access?: string },
): string {
  const bindings = {
    SNAPSHOTS: 'kvNamespace = "kv"',
    ZONES: 'text = "mesos"',
    ACCESS: `text = "${access}"`,
    UPSTREAMS: 'text = ""',
    VERIFY_KEYS: `text = "${verifyKeys}"`,
  };
  return workerService('main', module, bindings, ['nodejs_compat']);
}

/** The package gives its binary's path, without types. */
function workerdBinary(): string {
  const loaded: unknown = createRequire(import.meta.url)('workerd');
  if (typeof loaded === 'object' && loaded !== null && 'default' in loaded) return String(loaded.default);
  throw new TypeError('the workerd package gives no path');
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}
