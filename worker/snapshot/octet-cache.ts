/**
 * Values by key, over all zones and generations of an isolate; the longest unused go when `maxOctets` is
 * passed. What is held counts and stays: it is in use whether it stands here or not.
 */
export type OctetCache<Value> = {
  readonly get: (key: string) => Value | undefined;
  readonly set: (key: string, value: Value) => void;
  /** Sets a value that stays until it is released. */
  readonly hold: (key: string, value: Value) => void;
  readonly release: (key: string) => void;
  /** Of all that is kept. */
  readonly octets: () => number;
};

/** Anything whose size is that of its octets: blocks and entries. */
type Sized = { readonly octets: Uint8Array };

/** A single value over `maxOctets` is kept all the same, without others: it has just been asked for. */
export function createOctetCache<Value extends Sized>(maxOctets: number): OctetCache<Value> {
  // A Map keeps insertion order: what is read is put back at its end, so the first is the longest unused.
  const values = new Map<string, Value>();
  const held = new Map<string, Value>();
  let octets = 0;
  const drop = (from: Map<string, Value>, key: string): void => {
    octets -= from.get(key)?.octets.length ?? 0;
    from.delete(key);
  };
  const add = (to: Map<string, Value>, key: string, value: Value): void => {
    drop(values, key);
    drop(held, key);
    to.set(key, value);
    octets += value.octets.length;
  };
  const makeRoom = (except?: string): void => {
    for (const oldest of values.keys()) {
      if (octets <= maxOctets || oldest === except) break;
      drop(values, oldest);
    }
  };
  return {
    get: (key) => {
      const value = values.get(key);
      if (value) {
        values.delete(key);
        values.set(key, value);
      }
      return value ?? held.get(key);
    },
    set: (key, value) => {
      add(held.has(key) ? held : values, key, value);
      makeRoom(key);
    },
    hold: (key, value) => {
      add(held, key, value);
      makeRoom();
    },
    release: (key) => {
      const value = held.get(key);
      if (value) add(values, key, value);
      makeRoom();
    },
    octets: () => octets,
  };
}
