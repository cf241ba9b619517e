import { execFile } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

/** Breaches of the import rules, planted: [file, import it may not have]. */
const BREACHES: readonly (readonly [string, string])[] = [
  ['zone/planted.ts', '../sync-agent/nearest.ts'],
  ['zone/planted-node.ts', 'node:fs'],
  ['zone/planted-library.ts', 'hono'],
  ['sync-agent/records/planted.ts', '../http.ts'],
  ['sync-agent/records/planted-source.ts', '../sources/mesos-state.ts'],
  ['sync-agent/records/planted-node.ts', 'node:dns'],
  ['sync-agent/sources/planted.ts', '../records/label.ts'],
  ['sync-agent/sources/planted-sink.ts', '../sinks/sink.ts'],
  ['sync-agent/auth/planted.ts', '../sources/mesos-state.ts'],
  ['sync-agent/masters/planted.ts', '../http.ts'],
  ['sync-agent/access/planted.ts', '../sinks/memory.ts'],
  ['sync-agent/doctor/planted.ts', '../sinks/memory.ts'],
  ['sync-agent/sinks/planted.ts', '../../zone/head.ts'],
  ['sync-agent/guard/planted.ts', '../http.ts'],
  ['sync-agent/guard/planted-node.ts', 'node:fs'],
  ['sync-agent/publish/planted.ts', '../sources/source.ts'],
  ['sync-agent/publish/planted-sink.ts', '../sinks/memory.ts'],
  ['sync-agent/election/planted.ts', '../publish/publisher.ts'],
  ['sync-agent/control/planted.ts', '../sync.ts'],
  ['sync-agent/planted.ts', './commands/sync.ts'],
  ['sync-agent/planted-worker.ts', '../worker/app.ts'],
  ['sync-agent/commands/planted.ts', 'miniflare'],
  ['sync-agent/local/planted.ts', '../../worker/app.ts'],
  ['worker/planted.ts', '../sync-agent/nearest.ts'],
  ['worker/snapshot/planted.ts', '../../sync-agent/nearest.ts'],
  ['worker/planted-node.ts', 'node:fs'],
  ['simulate/planted.ts', '../zone/name.ts'],
  ['sync-agent/client/planted.ts', '../doctor/finding.ts'],
  ['sync-agent/doctor/planted-door.ts', '../client/this-device.ts'],
  ['connect/planted.ts', '../worker/app.ts'],
  ['connect/planted-node.ts', 'node:fs'],
  ['stub/planted.ts', '../sync-agent/http.ts'],
  ['stub/planted-library.ts', 'undici'],
];
/** Imports each room does have: the rules let them pass. */
const ALLOWED: readonly (readonly [string, string])[] = [
  ['zone/fine.ts', './name.ts'],
  ['sync-agent/records/fine.ts', '../../zone/name.ts'],
  ['sync-agent/records/fine-library.ts', 're2js'],
  ['sync-agent/sources/fine.ts', '../http.ts'],
  ['sync-agent/auth/fine.ts', '../http.ts'],
  ['sync-agent/masters/fine.ts', '../zookeeper.ts'],
  ['sync-agent/sources/fine-finder.ts', '../masters/finder.ts'],
  ['sync-agent/access/fine.ts', '../sinks/sink.ts'],
  ['sync-agent/doctor/fine.ts', '../sinks/sink.ts'],
  ['sync-agent/guard/fine.ts', '../records/record-set.ts'],
  ['sync-agent/publish/fine.ts', '../../zone/head.ts'],
  ['sync-agent/election/fine.ts', '../http.ts'],
  ['sync-agent/control/fine.ts', 'node:http'],
  ['sync-agent/sinks/fine.ts', 'node:fs/promises'],
  ['worker/fine.ts', '../zone/name.ts'],
  ['worker/snapshot/fine.ts', '../../zone/name.ts'],
  ['worker/fine-library.ts', 'hono'],
  ['simulate/fine.ts', 'node:http'],
  ['sync-agent/client/fine.ts', '../http.ts'],
  ['sync-agent/doctor/fine-client.ts', '../client/device.ts'],
  ['connect/fine.ts', '../zone/name.ts'],
  ['stub/fine.ts', 'node:dgram'],
  ['worker/page/fine.ts', '../../connect/kit.ts'],
  ['sync-agent/connect/fine.ts', '../../connect/kit.ts'],
];

const PROJECT = fileURLToPath(new URL('..', import.meta.url));

it('the import rules catch every planted breach, type-only ones too, and nothing else', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'mesos-doh-rules-'));
  try {
    await copyFile(join(PROJECT, '.oxlintrc.json'), join(directory, '.oxlintrc.json'));
    for (const [file, module] of [...BREACHES, ...ALLOWED]) {
      await mkdir(join(directory, dirname(file)), { recursive: true });
      await writeFile(join(directory, file), `import type { X } from '${module}';\nexport type Y = X;\n`);
    }
    const oxlint = join(PROJECT, 'node_modules', '.bin', 'oxlint');
    const { stdout } = await promisify(execFile)(oxlint, ['-f', 'unix', '.'], { cwd: directory }).catch(
      (failed: { readonly stdout: string }) => failed,
    );
    const caught = new Set(
      stdout
        .split('\n')
        .filter((line) => line.includes('no-restricted-imports'))
        .map((line) =>
          line.replace(/^.*?((?:zone|connect|stub|sync-agent|worker|simulate)\/[^:]*):.*$/, '$1'),
        ),
    );
    expect([...caught].toSorted()).toEqual(BREACHES.map(([file]) => file).toSorted());
  } finally {
    await rm(directory, { recursive: true });
  }
});
