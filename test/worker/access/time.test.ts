import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { encodeQuestion } from '../../message.ts';
import { getPath, readReply } from '../edge.ts';
import { addresses, createSigningKey, publishToKv, type ToPublish } from '../publish-to-kv.ts';
import { createDoor, grant, tokenOf } from './door.ts';
import { createMemoryKv } from './memory-kv.ts';
import { GRANTS, START_MS } from './world.ts';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date'], now: START_MS });
});
afterEach(() => {
  vi.useRealTimers();
});

/**
 * What a cold Worker reads to answer for a name outside the view, in a zone whose names are in shards but for the
 * newest, which are in the head.
 */
async function readsFor(
  name: string,
  newest: string,
  variables: { readonly MERGED?: string } = {},
): Promise<{ rcode: string; reads: string[] }> {
  const memory = createMemoryKv();
  const key = await createSigningKey();
  const many = Array.from({ length: 80 }, (_, i) => addresses(`task-${i}.chronos.mesos`, [`10.0.0.${i}`]));
  const limits = { overlayOctets: 400, runOctets: 900, shardOctets: 500 };
  const zone: ToPublish = { rrsets: many, key, limits, createdAtMs: START_MS };
  const after = await publishToKv(memory.kv, zone);
  const rrsets = [...many, addresses(newest, ['10.0.1.1'])];
  await publishToKv(memory.kv, { ...zone, rrsets, serial: 2, after });
  await grant(memory, GRANTS, key);
  const door = createDoor(memory, { ...variables, ACCESS: 'tokens', VERIFY_KEYS: key.publicKeyBase64 });
  const path = getPath(encodeQuestion({ name, type: 1 }));
  await door.fetch(`/t/${tokenOf('framework')}/health`);
  memory.reads.length = 0;
  const { rcode } = await readReply(await door.fetch(`/t/${tokenOf('framework')}${path}`));
  return { rcode, reads: memory.reads };
}

it('a name outside the view takes the same reads, be it in the head, in a shard, or nowhere', async () => {
  const secret = 'secret.chronos.mesos';
  const nowhere = await readsFor(secret, 'another.chronos.mesos');
  const inHead = await readsFor(secret, secret);
  expect(nowhere.reads.length).toBe(1);
  expect(nowhere.reads[0]).toMatch(/^z\/mesos\/main\/s\//);
  expect(inHead).toEqual(nowhere);
  expect(inHead.rcode).toBe('NXDOMAIN');
});

it('so it does under the name of a merged zone, where a view looks into a view', async () => {
  const variables = { MERGED: 'all.example=mesos' };
  const asked = 'secret.chronos.all.example';
  const nowhere = await readsFor(asked, 'another.chronos.mesos', variables);
  const inHead = await readsFor(asked, 'secret.chronos.mesos', variables);
  expect(nowhere.reads.length).toBe(1);
  expect(inHead).toEqual(nowhere);
  expect(inHead.rcode).toBe('NXDOMAIN');
});
