import { describe, expect, it } from 'vitest';
import type { ViewedZone } from '../../worker/access/find-visible.ts';
import { createListings, type Listing } from '../../worker/listings.ts';
import type { Held } from '../../worker/snapshot/held.ts';
import { startTimer } from '../../worker/snapshot/timer.ts';

const listingOf = (services: number): Listing => ({ frameworks: [], services, isPart: false });
const zone = (): ViewedZone => ({}) as ViewedZone;
const held = (): Held => ({ body: {} }) as Held;

/** Counts how often it has to be gathered. */
function open(services = 1): {
  readonly ask: (of: ViewedZone, from: Held) => Promise<Listing>;
  readonly gathered: () => number;
} {
  const listings = createListings({ now: () => 0, startTimer });
  let gathered = 0;
  const gather = async (): Promise<Listing> => {
    gathered++;
    return listingOf(services);
  };
  return {
    ask: (of, from) => listings.of(of, from, { gather, waitUntil: () => undefined }),
    gathered: () => gathered,
  };
}

describe('listings', () => {
  it('are of one zone of one view, and one content', async () => {
    const { ask, gathered } = open();
    const [one, two, first, second] = [zone(), zone(), held(), held()];
    for (let i = 0; i < 3; i++) {
      await ask(one, first);
      // Vouched for again, it says the same.
      await ask(one, { ...first });
    }
    expect(gathered()).toBe(1);
    await ask(two, first);
    await ask(one, second);
    expect(gathered()).toBe(3);
  });

  it('are gathered once for all who ask at the same time', async () => {
    const { ask, gathered } = open();
    const [one, first] = [zone(), held()];
    await Promise.all(Array.from({ length: 5 }, () => ask(one, first)));
    expect(gathered()).toBe(1);
  });

  it.each([
    ['eight', 1, 8],
    ['20,000 services', 9_000, 2],
  ])('are kept up to %s in all, those last asked for longest', async (_, services, most) => {
    const { ask, gathered } = open(services);
    const [from, zones] = [held(), Array.from({ length: most + 1 }, zone)];
    const [first, ...others] = zones;
    if (!first) throw new Error('there is a first');
    for (const each of zones) {
      await ask(each, from);
      await ask(first, from);
    }
    expect(gathered()).toBe(most + 1);
    await ask(first, from);
    expect(gathered()).toBe(most + 1);
    for (const each of others) await ask(each, from);
    expect(gathered()).toBeGreaterThan(most + 1);
  });
});
