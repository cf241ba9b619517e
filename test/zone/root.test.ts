import { createPublicKey, verify } from 'node:crypto';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { FormatError } from '../../zone/format-error.ts';
import { nameFromWire, parseName } from '../../zone/name.ts';
import {
  decodeRoot,
  HEAD_FORMAT,
  importVerifyKeys,
  keyIdOf,
  type Root,
  signRoot,
  verifyRoot,
} from '../../zone/root.ts';
import { anyLabels, damaged, hex, refuses, wireOf } from './arbitrary.ts';
import { keyIdText, refusal, type TestKey, testKey, verifyKeysOf } from './signing.ts';

let one: TestKey;
let two: TestKey;
beforeAll(async () => {
  [one, two] = await Promise.all([testKey('one'), testKey('two')]);
});

const ROOT: Omit<Root, 'format' | 'keyId'> = {
  epoch: 7,
  serial: 1_800_000_000,
  createdAtMs: 1_800_000_000_123,
  confirmedAtMs: 1_799_999_999_456,
  bodyOctets: 321,
  bodyHash: new Uint8Array(32).fill(0xb0),
  writerId: new Uint8Array(16).fill(0x1d),
  origin: parseName('mesos'),
  variant: 'main',
};
const SIGNATURE_OCTETS = 64;

/** Every octet changed in three ways, and every shorter length. */
function* tampered(octets: Uint8Array): Generator<[string, Uint8Array]> {
  for (let at = 0; at < octets.length; at++) {
    for (const flip of [0x01, 0x80, 0xff]) {
      const copy = octets.slice();
      copy[at] = (copy[at] ?? 0) ^ flip;
      yield [`octet ${at} ^ ${flip}`, copy];
    }
    yield [`cut at ${at}`, octets.slice(0, at)];
  }
}

describe('a signed root', () => {
  it('reads back as what was signed', async () => {
    const anyRoot = fc.record({
      epoch: fc.maxSafeNat(),
      serial: fc.nat(0xffffffff),
      createdAtMs: fc.maxSafeNat(),
      confirmedAtMs: fc.maxSafeNat(),
      bodyOctets: fc.nat(0xffffffff),
      bodyHash: fc.uint8Array({ minLength: 32, maxLength: 32 }),
      writerId: fc.uint8Array({ minLength: 16, maxLength: 16 }),
      origin: anyLabels.map((labels) => nameFromWire(wireOf(labels))),
      variant: fc.stringMatching(/^[a-z0-9-]{1,95}$/),
    });
    await fc.assert(
      fc.asyncProperty(anyRoot, fc.uint8Array({ maxLength: 20 }), async (root, body) => {
        const signed = await signRoot(root, one.signing);
        expect(signed.length).toBeLessThanOrEqual(512);
        const head = Uint8Array.of(...signed, ...body);
        const expected = { ...root, format: HEAD_FORMAT, keyId: one.signing.keyId };
        expect(await verifyRoot(head, one.verify)).toEqual(expected);
        expect(await verifyRoot(head, verifyKeysOf(two, one))).toEqual(expected);
        expect(await verifyRoot(head, 'none')).toEqual(expected);
        expect(decodeRoot(head)).toEqual({ root: expected, rootOctets: signed.length });
      }),
      { numRuns: 60 },
    );
  });

  it('is signed over the domain string and all before the signature: node:crypto agrees', async () => {
    const signed = await signRoot(ROOT, one.signing);
    const spki = Buffer.concat([hex('302a300506032b6570032100'), one.publicKey]);
    const key = createPublicKey({ key: spki, format: 'der', type: 'spki' });
    const content = Buffer.concat([
      Buffer.from('mesos-doh head root v1\0'),
      signed.subarray(0, -SIGNATURE_OCTETS),
    ]);
    expect(verify(null, content, key, signed.subarray(-SIGNATURE_OCTETS))).toBe(true);
  });

  it('is the same octets each time', async () => {
    expect(await signRoot(ROOT, one.signing)).toEqual(await signRoot(ROOT, one.signing));
  });

  it('is refused wherever it is changed or cut off', async () => {
    const signed = await signRoot(ROOT, one.signing);
    expect(await refusal(verifyRoot(signed, one.verify))).toBeUndefined();
    const taken: string[] = [];
    for (const [what, octets] of tampered(signed)) {
      if ((await refusal(verifyRoot(octets, one.verify))) === undefined) taken.push(what);
    }
    expect(taken).toEqual([]);
  });

  it('is refused under another key', async () => {
    const signed = await signRoot(ROOT, one.signing);
    expect(await refusal(verifyRoot(signed, two.verify))).toContain(
      `key ${keyIdText(one)}, which is not trusted`,
    );
    expect(await refusal(verifyRoot(signed, new Map()))).toContain('not trusted');
    const forged = await signRoot(ROOT, { keyId: one.signing.keyId, privateKey: two.signing.privateKey });
    expect(await refusal(verifyRoot(forged, verifyKeysOf(one, two)))).toContain(
      'signature that does not hold',
    );
    // A trusted key under another key's id.
    const [[, key] = []] = two.verify;
    expect(key).toBeDefined();
    if (key)
      expect(await refusal(verifyRoot(signed, new Map([[keyIdText(one), key]])))).toContain('does not hold');
  });

  it('does not stand for another zone, variant or body, and not for its signature without the domain', async () => {
    const signed = await signRoot(ROOT, one.signing);
    const signature = signed.subarray(-SIGNATURE_OCTETS);
    const others = [
      { origin: parseName('mesot') },
      { variant: 'mair' },
      { bodyHash: new Uint8Array(32) },
      { serial: 1_800_000_001 },
    ];
    for (const other of others) {
      const forged = await signRoot({ ...ROOT, ...other }, two.signing);
      forged.set(signature, forged.length - SIGNATURE_OCTETS);
      forged.set(one.signing.keyId, 72);
      expect(await refusal(verifyRoot(forged, one.verify))).toContain('does not hold');
    }
    const content = Uint8Array.from(signed.subarray(0, -SIGNATURE_OCTETS));
    const bare = new Uint8Array(await crypto.subtle.sign('Ed25519', one.signing.privateKey, content));
    expect(await refusal(verifyRoot(Uint8Array.of(...content, ...bare), one.verify))).toContain(
      'does not hold',
    );
  });

  it('of another format is refused, signed or not, and says which it is', async () => {
    const signed = await signRoot(ROOT, one.signing);
    signed[4] = 2;
    for (const keys of [one.verify, 'none'] as const) {
      expect(await refusal(verifyRoot(signed, keys))).toContain('has format 2, this version reads 1');
    }
  });

  it('is 512 octets at most: with the longest origin there is room for a variant of 95', async () => {
    const origin = parseName(`${`${'o'.repeat(63)}.`.repeat(3)}${'o'.repeat(61)}`);
    const signed = await signRoot({ ...ROOT, origin, variant: 'v'.repeat(95) }, one.signing);
    expect(signed).toHaveLength(512);
    expect((await verifyRoot(signed, one.verify)).variant).toHaveLength(95);
    // What nobody can read must not be published.
    expect(await refusal(signRoot({ ...ROOT, origin, variant: 'v'.repeat(96) }, one.signing))).toContain(
      'no room',
    );
    expect(await refusal(signRoot({ ...ROOT, variant: 'v'.repeat(256) }, one.signing))).toContain('no room');
  });
});

describe('decodeRoot', () => {
  it('throws nothing but FormatError wherever a root is changed or cut off', async () => {
    const signed = await signRoot(ROOT, one.signing);
    for (const octets of damaged(signed)) refuses(() => decodeRoot(octets));
    for (let length = 0; length < signed.length; length++) {
      expect(() => decodeRoot(signed.subarray(0, length))).toThrow(FormatError);
    }
  });

  it('throws nothing but FormatError on any octets', () => {
    const any = fc.oneof(
      fc.uint8Array({ maxLength: 600 }),
      fc.tuple(fc.nat(600), fc.uint8Array({ minLength: 90, maxLength: 600 })).map(([length, rest]) => {
        return Uint8Array.of(...hex('4d444831 01 00'), length >> 8, length & 0xff, ...rest);
      }),
    );
    fc.assert(
      fc.property(any, (octets) => {
        refuses(() => decodeRoot(octets));
      }),
      { numRuns: 500 },
    );
  });

  it('refuses times and epochs over 2^53, and lengths that are not its own', async () => {
    const signed = await signRoot(ROOT, one.signing);
    for (const [at, octet] of [
      [8, 0x80],
      [20, 0x80],
      [28, 0x80],
      [6, 0x02],
      [7, 0x00],
    ] as const) {
      const copy = Uint8Array.of(...signed, ...new Uint8Array(512));
      copy[at] = octet;
      expect(() => decodeRoot(copy), `octet ${at}`).toThrow(FormatError);
    }
  });
});

describe('importVerifyKeys', () => {
  const base64 = (octets: Uint8Array): string => Buffer.from(octets).toString('base64');

  it('knows keys by the first 8 octets of their SHA-256', async () => {
    const keys = await importVerifyKeys([base64(one.publicKey), base64(two.publicKey)]);
    expect([...keys.keys()]).toEqual([keyIdText(one), keyIdText(two)]);
    expect(await keyIdOf(one.publicKey)).toHaveLength(8);
    expect(await importVerifyKeys([])).toEqual(new Map());
  });

  it.each([
    ['no base64', '!!!', /verify key 2: is not base64/],
    ['31 octets', base64(new Uint8Array(31)), /verify key 2: has 31 octets instead of 32/],
    ['33 octets', base64(new Uint8Array(33)), /verify key 2: has 33 octets instead of 32/],
    ['nothing', '', /verify key 2: has 0 octets instead of 32/],
  ])('names the key that is none: %s', async (_, text, message) => {
    expect(await refusal(importVerifyKeys([base64(one.publicKey), text]))).toMatch(message);
  });
});
