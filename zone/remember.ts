/**
 * `make`, remembering its results for up to `most` keys, after which it begins anew: for what is asked for again
 * soon, in memory that has a bound.
 */
export function remember<Key, Value>(make: (key: Key) => Value, most: number): (key: Key) => Value {
  const known = new Map<Key, Value>();
  return (key) => {
    const before = known.get(key);
    if (before !== undefined) return before;
    if (known.size >= most) known.clear();
    const value = make(key);
    known.set(key, value);
    return value;
  };
}
