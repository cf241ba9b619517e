import fc from 'fast-check';
import { afterEach, beforeAll, beforeEach, expect, it, vi } from 'vitest';
import { encodeQuestion } from '../../message.ts';
import { getPath } from '../edge.ts';
import { addresses, createSigningKey, publishToKv, type TestKey } from '../publish-to-kv.ts';
import { createDoor, type Door, grant, tokenOf } from './door.ts';
import { createMemoryKv } from './memory-kv.ts';
import { START_MS } from './world.ts';

/**
 * What wildcards tell a view: as much as in a zone that never had what the view has not. What is above a name of the
 * view exists, whatever there is, so here something else is below it then.
 */

const ORIGIN = 'dc1.mesos';
const OTHER = 'dc2.mesos';
/** The alias of a part may be of one that is wholly in the view, or above it, or not in it. */
const variablesWith = (part: string) => ({
  ZONES: `${ORIGIN},${OTHER}`,
  MERGED: `mesos=${OTHER},${ORIGIN}`,
  ALIASES: `c.example=mesos,d.example=${ORIGIN},e.example=${part}`,
});

let key: TestKey;
beforeAll(async () => {
  key = await createSigningKey();
});
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date'], now: START_MS });
  vi.spyOn(Math, 'random').mockReturnValue(0);
  vi.spyOn(console, 'log').mockReturnValue();
});
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

const label = fc.constantFrom('a', 'b', '*');
const anyName = fc
  .array(label, { minLength: 1, maxLength: 4 })
  .map((labels) => [...labels, ORIGIN].join('.'));
const anyNames = fc.uniqueArray(anyName, { maxLength: 6 });

/** The name and all above it, down to the origin. */
function withAncestors(name: string): string[] {
  const labels = name.split('.');
  return labels.map((_, i) => labels.slice(i).join('.')).filter((each) => isBelow(each, ORIGIN));
}

function isBelow(name: string, above: string): boolean {
  return name === above || name.endsWith(`.${above}`);
}

/** More wildcards than a head lists, out of each view's sight. */
const MANY = Array.from({ length: 150 }, (_, i) => `*.w${i}.zz.${ORIGIN}`);

/** An address of its own for each name. */
const addressesOf = (owner: string) => addresses(owner, [`10.0.${owner.length}.${sum(owner)}`]);
const sum = (text: string): number =>
  [...text].reduce((all, each) => (all * 31 + each.charCodeAt(0)) % 251, 1);

type Store = {
  readonly owners: readonly string[];
  readonly subtrees?: readonly string[];
  readonly part: string;
};

/** A Worker over a store; with `subtrees` for a team that has those, else open. */
async function doorTo({ owners, subtrees, part }: Store): Promise<Door> {
  const memory = createMemoryKv();
  const rrsets = owners.map((owner) => addressesOf(owner));
  await publishToKv(memory.kv, { origin: ORIGIN, rrsets, key, createdAtMs: START_MS });
  const others = [addresses(`other.${OTHER}`, ['10.9.9.9'])];
  await publishToKv(memory.kv, { origin: OTHER, rrsets: others, key, createdAtMs: START_MS });
  const ACCESS = subtrees ? 'tokens' : 'open';
  const views = {
    some: { zones: [{ origin: ORIGIN, names: subtrees }, { origin: OTHER }], forwarding: false },
  };
  const grants = { views, teams: { some: { view: 'some' } }, tokens: { some: { team: 'some' } } };
  if (subtrees) await grant(memory, grants, key);
  const door = createDoor(memory, { ...variablesWith(part), ACCESS, VERIFY_KEYS: key.publicKeyBase64 });
  return subtrees ? { fetch: (path) => door.fetch(`/t/${tokenOf('some')}${path}`) } : door;
}

async function said(door: Door, name: string): Promise<string> {
  const paths = [
    getPath(encodeQuestion({ name, type: 1, id: 0 })),
    `/resolve?name=${name}&type=255&do=1`,
    `/v1/hosts/${name}`,
  ];
  const all = await Promise.all(
    paths.map(async (path) => {
      const response = await door.fetch(path);
      const { vary: _, ...headers } = Object.fromEntries(response.headers);
      const cached = headers['cache-control']?.replace('private, ', '');
      const body = Buffer.from(await response.arrayBuffer()).toString('latin1');
      return `${response.status} ${JSON.stringify({ ...headers, 'cache-control': cached })} ${body}`;
    }),
  );
  return all.join('\n');
}

it('a view is answered from wildcards as if what it has not never was', async () => {
  let synthesised = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.record({
        subtrees: fc.uniqueArray(anyName, { minLength: 1, maxLength: 3 }),
        owners: anyNames,
        hidden: anyNames,
        isMany: fc.boolean(),
        asked: fc.uniqueArray(anyName, { minLength: 4, maxLength: 8 }),
        part: anyName,
      }),
      async ({ subtrees, owners, hidden, isMany, asked, part }) => {
        const isSeen = (name: string): boolean => subtrees.some((each) => isBelow(name, each));
        const seen = owners.filter((owner) => isSeen(owner));
        const unseen = [...owners, ...hidden, ...(isMany ? MANY : [])].filter((owner) => !isSeen(owner));
        const above = subtrees.flatMap((each) => withAncestors(each)).filter((each) => !isSeen(each));
        const [bare, full, alone] = await Promise.all([
          doorTo({ owners: seen, subtrees, part }),
          doorTo({ owners: [...new Set([...seen, ...unseen])], subtrees, part }),
          doorTo({ owners: [...new Set([...seen, ...above.map((each) => `zz-above.${each}`)])], part }),
        ]);
        const below = subtrees.flatMap((each) => [each, `n.${each}`, `m.n.${each}`]);
        for (const name of new Set([...asked, ...below, ORIGIN])) {
          for (const zone of [ORIGIN, 'mesos', 'c.example', 'd.example', 'e.example']) {
            const shown = `${name.slice(0, -ORIGIN.length)}${zone}`;
            expect({ shown, said: await said(full, shown) }).toEqual({
              shown,
              said: await said(bare, shown),
            });
          }
          if (!isSeen(name) && !above.includes(name)) continue;
          const expected = await said(alone, name);
          if (!seen.includes(name) && expected.includes('"Answer"')) synthesised++;
          expect({ name, said: await said(full, name) }).toEqual({ name, said: expected });
        }
      },
    ),
    { numRuns: 60, seed: 9 },
  );
  expect(synthesised).toBeGreaterThan(20);
}, 60_000);

it('does not tell by a wildcard that is not of a view whether a hidden name is there', async () => {
  const subtrees = [`gone.hid2.${ORIGIN}`, `web.${ORIGIN}`];
  const part = `gone.hid2.${ORIGIN}`;
  const wildcard = `*.${ORIGIN}`;
  for (const more of [[], MANY]) {
    const without = await doorTo({ owners: [wildcard, ...more], subtrees, part });
    const having = await doorTo({ owners: [wildcard, `secret.hid2.${ORIGIN}`, ...more], subtrees, part });
    const nothing = await doorTo({ owners: [], subtrees, part });
    for (const name of [
      ...[`gone.hid2.${ORIGIN}`, `z.gone.hid2.${ORIGIN}`, `web.${ORIGIN}`, `hid2.${ORIGIN}`],
      ...['gone.hid2.mesos', 'gone.hid2.c.example', 'e.example', 'z.e.example'],
    ]) {
      const expected = { name, said: await said(nothing, name) };
      expect({ name, said: await said(without, name) }).toEqual(expected);
      expect({ name, said: await said(having, name) }).toEqual(expected);
    }
  }
});
