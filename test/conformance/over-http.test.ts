import { afterAll, beforeAll } from 'vitest';
import { conformanceSuite } from './suite.ts';
import { startZoneEdge, type ZoneEdge } from './zone-edge.ts';

let edge: ZoneEdge;
beforeAll(async () => {
  edge = await startZoneEdge();
});
afterAll(async () => {
  await edge.close();
});

conformanceSuite('over HTTP', (sent) => edge.exchange(sent));
