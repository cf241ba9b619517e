import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { aliasZones } from '../../sync-agent/alias-zones.ts';
import { publishedBeyond } from '../../sync-agent/beyond.ts';
import { openOutlet } from '../../sync-agent/commands/office.ts';
import { publisherFrom } from '../../sync-agent/commands/outputs.ts';
import { type AgentConfig, parseConfig } from '../../sync-agent/config.ts';
import { dcosZones } from '../../sync-agent/dcos-zones.ts';
import type { DerivedZone } from '../../sync-agent/derived.ts';
import { fromLevels } from '../../sync-agent/records/from-levels.ts';
import { RECORD_SET_TYPES, type RecordSet } from '../../sync-agent/records/record-set.ts';
import { parseName } from '../../zone/name.ts';

const signal = new AbortController().signal;
const ID = 'yor6tqhiag39y6cjkdd4w9uzo45qhku6ra8hl7hpr6d9ukjaz3jo';
let directory: string;
let config: AgentConfig;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'mesos-doh-beyond-'));
  config = parseConfig(
    {
      dataDir: join(directory, 'data'),
      records: { profile: 'dcos', labels: 'read', aliases: { within: 'zone', zones: ['apps.example'] } },
      dcos: { cryptoId: ID },
    },
    'test',
  );
});
afterEach(async () => {
  await rm(directory, { recursive: true, force: true });
});

const label = (all: Record<string, string>) => ({
  labels: Object.entries(all).map(([key, value]) => ({ key, value })),
});
const taskOf = (i: number): unknown => ({
  id: `web.${i}`,
  name: `web${i}`,
  slave_id: `a-S${i % 3}`,
  state: 'TASK_RUNNING',
  labels: [
    { key: 'mesos-doh.alias', value: `w${i}.apps.example` },
    { key: 'mesos-doh.ttl', value: '7' },
  ],
  discovery: {
    name: `web${i}`,
    ports: {
      ports: [{ number: 8000 + i, name: 'http', protocol: 'tcp', labels: label({ VIP_0: `/v${i}:80` }) }],
    },
  },
  container: { type: 'MESOS', network_infos: [{ name: 'dcos' }] },
  statuses: [
    {
      state: 'TASK_RUNNING',
      timestamp: 1,
      container_status: { network_infos: [{ ip_addresses: [{ ip_address: `9.0.0.${i + 1}` }] }] },
    },
  ],
});
const stateWith = (tasks: number): unknown => ({
  leader: 'master@10.9.0.1:5050',
  slaves: [0, 1, 2].map((i) => ({ id: `a-S${i}`, pid: `slave(1)@10.0.0.${i + 1}:5051` })),
  frameworks: [
    {
      id: 'f',
      name: 'marathon',
      pid: 'scheduler-1@10.9.0.1:15101',
      tasks: Array.from({ length: tasks }, (_, i) => taskOf(i)),
    },
  ],
});

/** One run, as from cron: how many names it held, and what it left in each zone that follows. */
async function run(tasks: number) {
  const state = join(directory, 'state.json');
  await writeFile(state, JSON.stringify(stateWith(tasks)));
  const sinkDir = join(directory, 'kv');
  const opened = await openOutlet({ state, sinkDir }, config, { onEvent: () => undefined });
  try {
    const { heldNames } = await opened.open().sync.once(signal);
    const zones = new Map<string, RecordSet>();
    for (const { zone } of [...dcosZones(config), ...aliasZones(config)]) {
      const standing = await publisherFrom(config, { ...opened.outlet, zone }, undefined).standing(signal);
      if (standing) zones.set(zone.origin, fromLevels(standing.levels, { srvWeight: 1, ttl: zone.soa.ttl }));
    }
    return { heldNames, zones };
  } finally {
    await opened.close();
  }
}

const textsOf = (zones: ReadonlyMap<string, RecordSet>): string[] =>
  [...zones]
    .flatMap(([origin, records]) =>
      RECORD_SET_TYPES.flatMap((type) =>
        Array.from(
          records[type],
          ([name, values]) => `${origin} ${type} ${name} ${values.toSorted().join(' ')}`,
        ),
      ),
    )
    .toSorted();

describe('names beyond the zone of tasks that are held', () => {
  it('stay over a restart, and go with the tasks', async () => {
    const first = await run(30);
    expect(first.zones.size).toBe(3);
    const second = await run(5);
    expect(second.heldNames).toBeGreaterThan(40);
    expect(textsOf(second.zones)).toEqual(textsOf(first.zones));
    expect(textsOf(first.zones).filter((text) => text.includes('w29.apps.example.'))).toEqual([
      'apps.example A w29.apps.example. 10.0.0.3',
      'apps.example MORE w29.apps.example. TTL 7',
    ]);
    config = { ...config, guard: { ...config.guard, minRemoved: 100_000, settleSeconds: 0 } };
    const third = await run(5);
    expect(third.heldNames).toBe(0);
    expect(textsOf(third.zones).filter((text) => text.includes('w29') || text.includes('web29'))).toEqual([]);
  });
});

describe('what followers have published', () => {
  const followerOf = (derived: Pick<DerivedZone, 'restoreName'>, standing: () => Promise<undefined>) => ({
    derived,
    publisher: { standing },
    numbers: { srvWeight: 1, ttl: 60 },
  });
  const none = { A: new Map(), AAAA: new Map(), SRV: new Map(), MORE: new Map() };
  const options = { domain: 'mesos', signal };

  it('is nothing where they can not be read, or where names do not lead back', async () => {
    const fails = () => Promise.reject(new Error('torn'));
    const restoreName = (name: string) => name;
    expect(await publishedBeyond([followerOf({ restoreName }, fails)], options)).toEqual(none);
    expect(await publishedBeyond([followerOf({}, fails)], options)).toEqual(none);
    expect(
      await publishedBeyond([followerOf({ restoreName }, () => Promise.resolve(undefined))], options),
    ).toEqual(none);
  });

  it('is not read on where the reading is called off', async () => {
    const off = AbortSignal.abort(new Error('off'));
    const fails = () => Promise.reject(new Error('torn'));
    await expect(
      publishedBeyond([followerOf({ restoreName: (name) => name }, fails)], { domain: 'mesos', signal: off }),
    ).rejects.toThrow('off');
  });

  it('is named as it is made', () => {
    const dcos = dcosZones(config).find(({ zone }) => zone.origin === parseName(`${ID}.dcos.directory`));
    const names = dcos?.restoreName;
    expect(names?.(`web.marathon.containerip.dcos.${ID}.dcos.directory.`)).toBe(
      'web.marathon.containerip.dcos.thisdcos.directory.',
    );
    expect(names?.(`web.marathon.mesos.${ID}.dcos.directory.`)).toBe('web.marathon.mesos.');
    const [alias] = aliasZones(config);
    expect(alias?.restoreName?.('w.apps.example.')).toBe('w.apps.example.');
    expect(alias?.restoreName?.('w.apps.example.org.')).toBe(undefined);
  });
});
