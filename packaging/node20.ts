/**
 * What the programs use and Node 20 lacks: `Promise.withResolvers` and `Map.groupBy` of ES2024, each as its
 * specification says and only where it is missing. `npm run types` refuses anything else that is newer than Node 20
 * (`tsconfig.node20.json`, which takes it that these are there).
 */
type Missing = { readonly on: object; readonly name: string; readonly value: unknown };

const SHIMS: readonly Missing[] = [
  { on: Promise, name: 'withResolvers', value: withResolvers },
  { on: Map, name: 'groupBy', value: groupByValue },
];

/** Defines on `on` what it lacks of `shims`; gives the names that it did. */
export function installMissing(shims: readonly Missing[] = SHIMS): string[] {
  const missing = shims.filter(({ on, name }) => !(name in on));
  for (const { on, name, value } of missing)
    Object.defineProperty(on, name, { value, writable: true, configurable: true, enumerable: false });
  return missing.map(({ name }) => name);
}

type Resolvers<T> = {
  readonly promise: Promise<T>;
  readonly resolve: (value: T | PromiseLike<T>) => void;
  readonly reject: (reason?: unknown) => void;
};

/** ECMA-262 `Promise.withResolvers ( )`. */
export function withResolvers<T>(): Resolvers<T> {
  let settle: Pick<Resolvers<T>, 'resolve' | 'reject'> | undefined;
  const promise = new Promise<T>((resolve, reject) => {
    settle = { resolve, reject };
  });
  if (!settle) throw new TypeError('a promise did not call its executor');
  return { promise, ...settle };
}

/** ECMA-262 `Map.groupBy ( items, callback )`. */
export function groupByValue<K, T>(items: Iterable<T>, keyOf: (item: T, index: number) => K): Map<K, T[]> {
  const groups = new Map<K, T[]>();
  let index = 0;
  for (const item of items) {
    const key = keyOf(item, index++);
    const group = groups.get(key);
    if (group) group.push(item);
    else groups.set(key, [item]);
  }
  return groups;
}
