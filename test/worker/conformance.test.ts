import { reset } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { afterAll, beforeAll } from 'vitest';
import { conformanceSuite } from '../conformance/suite.ts';
import { rrsetsOf, ZONES } from '../conformance/zones.ts';
import { createEdge } from './edge.ts';
import { exchangeWith } from './exchange.ts';
import { createSigningKey, publishToKv } from './publish-to-kv.ts';

const edge = createEdge({ ZONES: ZONES.join(), UPSTREAMS: '' });

beforeAll(async () => {
  const key = await createSigningKey();
  for (const origin of ZONES) await publishToKv(env.SNAPSHOTS, { origin, key, rrsets: rrsetsOf(origin) });
});
afterAll(async () => {
  await reset();
});

conformanceSuite('in workerd', exchangeWith(edge));
