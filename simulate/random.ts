/**
 * Numbers that only look random: the same seed gives the same sequence on every machine, so that a simulated
 * cluster can be had again from its seed.
 */
export type Random = {
  /** At least 0, below 1. */
  readonly fraction: () => number;
  /** A whole number, both ends included. */
  readonly int: (least: number, most: number) => number;
  /** True this share of the time. */
  readonly chance: (share: number) => boolean;
  /** One of a list, which must not be empty. */
  readonly pick: <T extends NonNullable<unknown>>(list: readonly T[]) => T;
  /** A UUID in the form of version 4 (RFC 9562 §5.4). */
  readonly uuid: () => string;
};

const GOLDEN_RATIO = 0x9e3779b9;
const TWO_TO_32 = 2 ** 32;

/** sfc32 (Chris Doty-Humphrey's PractRand): 128 bits of state, so that UUIDs of one seed don't repeat. */
export function createRandom(seed: number): Random {
  // The seed's low and high word, so that every safe integer is a seed of its own.
  let a = seed >>> 0;
  let b = Math.floor(seed / TWO_TO_32) >>> 0;
  let c = GOLDEN_RATIO;
  let counter = 1;
  const word = (): number => {
    const out = (a + b + counter) >>> 0;
    counter = (counter + 1) >>> 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) >>> 0;
    c = (((c << 21) | (c >>> 11)) + out) >>> 0;
    return out;
  };
  // Near seeds give near first words; a dozen rounds pull them apart.
  for (let round = 0; round < 12; round++) word();

  const fraction = () => word() / TWO_TO_32;
  const int = (least: number, most: number) => least + Math.floor(fraction() * (most - least + 1));
  return {
    fraction,
    int,
    chance: (share) => fraction() < share,
    pick: (list) => {
      const picked = list[int(0, list.length - 1)];
      if (picked === undefined) throw new RangeError('nothing to pick from');
      return picked;
    },
    uuid: () => {
      const [w0, w1, w2, w3] = [word(), word(), word(), word()];
      // Version and variant take the place of six random bits.
      const versioned = (w1 & 0x0fff) | 0x4000;
      const varied = (w2 & 0x3fffffff) | 0x80000000;
      const middle = [hex16(w1 >>> 16), hex16(versioned), hex16(varied >>> 16)];
      return [hex32(w0), ...middle, hex16(varied) + hex32(w3)].join('-');
    },
  };
}

const HEX_OCTETS = Array.from({ length: 256 }, (_, octet) => octet.toString(16).padStart(2, '0'));

function hex16(word: number): string {
  return `${HEX_OCTETS[(word >>> 8) & 0xff]}${HEX_OCTETS[word & 0xff]}`;
}

function hex32(word: number): string {
  return hex16(word >>> 16) + hex16(word);
}
