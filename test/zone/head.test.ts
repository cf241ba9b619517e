import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { FormatError } from '../../zone/format-error.ts';
import { sha256, toHex } from '../../zone/hash.ts';
import {
  decodeBody,
  decodeHead,
  encodeBody,
  encodeHead,
  guardKey,
  type HeadBody,
  headKey,
  historyKey,
  keyPrefix,
  parseKey,
  rootOctets,
  runKey,
  shardKey,
} from '../../zone/head.ts';
import { nameFromWire, parseName } from '../../zone/name.ts';
import { signRoot } from '../../zone/root.ts';
import { anyLabels, damaged, hex, ORIGIN, refuses, wireOf } from './arbitrary.ts';
import { goldenOctets, IF_CHANGED_ON_PURPOSE } from './golden.ts';
import { refusal, type TestKey, testKey } from './signing.ts';

let key: TestKey;
let otherKey: TestKey;
beforeAll(async () => {
  [key, otherKey] = await Promise.all([testKey('one'), testKey('two')]);
});

const BODY: HeadBody = {
  zone: {
    origin: ORIGIN,
    soa: {
      mname: parseName('ns1.mesos'),
      rname: parseName('root.ns1.mesos'),
      refresh: 60,
      retry: 600,
      expire: 86_400,
      minimum: 10,
      ttl: 30,
    },
    nameServers: [parseName('ns1.mesos'), parseName('ns.example')],
    nsTtl: 31,
  },
  settings: { staleAfterSeconds: 900, expireAfterSeconds: 604_800, recursionAvailable: 'forwarding' },
  levels: {
    seed: hex('0123456789abcdef'),
    run: { serial: 1_799_999_000, hash: new Uint8Array(16).fill(0xaa), octets: 1234 },
    shards: {
      cutSerial: 1_799_990_000,
      bits: 1,
      hashes: [new Uint8Array(16).fill(1), new Uint8Array(16).fill(2)],
    },
  },
  overlay: hex('4d444231 00000000 00000000 00000000 00000000'),
  held: { names: 300, sinceSeconds: 1_799_998_000, memory: hex('c0ffee') },
  pin: 1_799_997_000,
  superseded: [
    { kind: 'run', from: 1_799_998_000, upTo: 1_799_998_500, sinceSeconds: 1_799_999_000 },
    { kind: 'guard', from: 1_799_998_400, upTo: 1_799_998_400, sinceSeconds: 1_799_999_000 },
  ],
};
const ROOT = {
  epoch: 7,
  serial: 1_800_000_000,
  createdAtMs: 1_800_000_000_123,
  confirmedAtMs: 1_799_999_999_456,
  writerId: new Uint8Array(16).fill(0x1d),
  origin: ORIGIN,
  variant: 'main',
};

const anyHash = fc.uint8Array({ minLength: 16, maxLength: 16 });
const anyName = anyLabels.map((labels) => nameFromWire(wireOf(labels)));
const u32 = fc.nat(0xffffffff);
const anyChurn = fc.record({
  sinceSeconds: u32,
  halfHours: fc
    .uniqueArray(fc.nat(0x246000), { maxLength: 48 })
    .chain((numbers) =>
      fc.tuple(
        ...numbers
          .toSorted((a, b) => a - b)
          .map((number) =>
            fc.record({ startSeconds: fc.constant(number * 1800), added: u32, changed: u32, gone: u32 }),
          ),
      ),
    ),
});
const anyBody: fc.Arbitrary<HeadBody> = fc.record(
  {
    zone: fc.record({
      origin: fc.constant(ORIGIN),
      soa: fc.record({
        mname: anyName,
        rname: anyName,
        refresh: u32,
        retry: u32,
        expire: u32,
        minimum: u32,
        ttl: u32,
      }),
      nameServers: fc.array(anyName, { maxLength: 5 }),
      nsTtl: u32,
    }),
    settings: fc.record({
      staleAfterSeconds: u32,
      expireAfterSeconds: u32,
      recursionAvailable: fc.constantFrom('forwarding', 'always', 'never'),
    }),
    levels: fc.record({
      seed: fc.uint8Array({ minLength: 8, maxLength: 8 }),
      run: fc.option(fc.record({ serial: u32, hash: anyHash, octets: u32 }), { nil: undefined }),
      shards: fc.option(
        fc.nat(4).chain((bits) =>
          fc.record({
            cutSerial: u32,
            bits: fc.constant(bits),
            hashes: fc.array(anyHash, { minLength: 2 ** bits, maxLength: 2 ** bits }),
          }),
        ),
        { nil: undefined },
      ),
    }),
    overlay: fc.uint8Array({ maxLength: 100 }),
    held: fc.record({ names: u32, sinceSeconds: u32, memory: fc.uint8Array({ maxLength: 50 }) }),
    pin: u32,
    superseded: fc.array(
      fc.record({ kind: fc.constantFrom('run', 'shard', 'guard'), from: u32, upTo: u32, sinceSeconds: u32 }),
      { maxLength: 4 },
    ),
    churn: anyChurn,
  },
  { requiredKeys: ['zone', 'settings', 'levels', 'overlay'] },
);

/** A body's sections, as octets. */
function sectionsOf(body: Uint8Array): Uint8Array[] {
  const sections: Uint8Array[] = [];
  const view = new DataView(body.buffer, body.byteOffset, body.length);
  for (let at = 0; at < body.length;) {
    const end = at + 8 + view.getUint32(at + 4);
    sections.push(body.subarray(at, end));
    at = end;
  }
  return sections;
}

function joined(sections: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(Buffer.concat(sections));
}

describe('a head body', () => {
  it('decodes to what it was encoded from, and the same body is the same octets', () => {
    fc.assert(
      fc.property(anyBody, (body) => {
        const octets = encodeBody(body);
        expect(decodeBody(octets, ORIGIN)).toEqual(body);
        expect(encodeBody(decodeBody(octets, ORIGIN))).toEqual(octets);
      }),
      { numRuns: 200 },
    );
  });

  it('takes the origin of its root', () => {
    const origin = parseName('elsewhere');
    expect(decodeBody(encodeBody(BODY), origin).zone.origin).toBe(origin);
  });

  it('is read whatever the order of its sections', () => {
    const sections = sectionsOf(encodeBody(BODY));
    expect(sections).toHaveLength(8);
    expect(decodeBody(joined(sections.toReversed()), ORIGIN)).toEqual(BODY);
  });

  it('has no overlay section without an overlay', () => {
    const octets = encodeBody({ ...BODY, overlay: new Uint8Array() });
    expect(sectionsOf(octets)).toHaveLength(7);
    expect(decodeBody(octets, ORIGIN).overlay).toHaveLength(0);
  });

  it.each([
    ['empty', '0063 0000 00000000'],
    ['full', '0063 0000 00000003 aabbcc'],
    ['with other flags', 'ffff fffe 00000001 00'],
  ])('skips an unknown section that is not critical: %s', (_, section) => {
    for (const at of [0, 2, 4]) {
      const sections = sectionsOf(encodeBody(BODY)).toSpliced(at, 0, hex(section));
      expect(decodeBody(joined(sections), ORIGIN)).toEqual(BODY);
    }
  });

  it.each(['0063 0001 00000000', '0000 0001 00000000', '000c ffff 00000002 aabb'])(
    'is refused with the unknown critical section %s',
    (section) => {
      for (const at of [0, 2, 4]) {
        const sections = sectionsOf(encodeBody(BODY)).toSpliced(at, 0, hex(section));
        expect(() => decodeBody(joined(sections), ORIGIN)).toThrow(/which this version does not know/);
      }
    },
  );

  it('has what only agents need where there is some, in sections that need not be known', () => {
    const { held, pin, superseded, ...without } = BODY;
    expect(decodeBody(encodeBody(without), ORIGIN)).toEqual(without);
    const types = (body: HeadBody): string[] =>
      sectionsOf(encodeBody(body)).map((section) => toHex(section.subarray(0, 4)));
    const required = ['00010001', '00020001', '00030001', '00040001', '00070001'];
    expect(types(without)).toEqual(required);
    expect(types(BODY)).toEqual([...required.slice(0, 4), '00050000', '00060000', '00070001', '00080000']);
    expect(decodeBody(encodeBody({ ...without, ...(held && { held }) }), ORIGIN).pin).toBeUndefined();
    expect(decodeBody(encodeBody({ ...without, ...(pin && { pin }) }), ORIGIN).held).toBeUndefined();
    expect(decodeBody(encodeBody({ ...without, pin: 0 }), ORIGIN).pin).toBe(0);
    expect(decodeBody(encodeBody({ ...without, ...(superseded && { superseded }) }), ORIGIN)).toEqual({
      ...without,
      superseded,
    });
  });

  it.each([
    ['without its start', '0009 0000 00000000'],
    ['cut off', '0009 0000 0000000c 00000000 00000708 00000001'],
  ])('is read without its churn where that is %s: no answer depends on it', (_, hex) => {
    const octets = joined([encodeBody(BODY), new Uint8Array(Buffer.from(hex.replaceAll(' ', ''), 'hex'))]);
    expect(decodeBody(octets, ORIGIN)).toEqual(BODY);
  });

  it('has its churn in a section that need not be known', () => {
    const churn = {
      sinceSeconds: 1_799_990_000,
      halfHours: [{ startSeconds: 1_799_998_200, added: 1, changed: 2, gone: 0xffffffff }],
    };
    const sections = sectionsOf(encodeBody({ ...BODY, churn }));
    expect(toHex(sections[8] ?? hex(''))).toBe(
      ['0009', '0000', '00000014', '6b49aaf0', '6b49caf8', '00000001', '00000002', 'ffffffff'].join(''),
    );
    expect(decodeBody(joined(sections), ORIGIN)).toEqual({ ...BODY, churn });
    const started = { sinceSeconds: 0, halfHours: [] };
    expect(decodeBody(encodeBody({ ...BODY, churn: started }), ORIGIN).churn).toEqual(started);
  });

  it('is refused where it needs a feature that is not known, and read where it needs none', () => {
    const sections = sectionsOf(encodeBody(BODY));
    const withFeatures = (octets: string): Uint8Array =>
      joined([...sections.slice(0, 6), ...sections.slice(7), hex(octets)]);
    expect(toHex(sections[6] ?? hex(''))).toBe('000700010000000400000001');
    expect(decodeBody(withFeatures(''), ORIGIN)).toEqual(BODY);
    expect(() => decodeBody(withFeatures('0007 0001 00000004 00000003'), ORIGIN)).toThrow(
      'needs features 0x2, which this version does not know',
    );
    expect(() => decodeBody(withFeatures('0007 0001 00000004 80000000'), ORIGIN)).toThrow('0x80000000');
  });

  it('is refused without its zone, settings or levels', () => {
    for (const missing of [0, 1, 2]) {
      const sections = sectionsOf(encodeBody(BODY)).toSpliced(missing, 1);
      expect(() => decodeBody(joined(sections), ORIGIN)).toThrow(/lacks a section/);
    }
    expect(() => decodeBody(new Uint8Array(), ORIGIN)).toThrow(FormatError);
  });

  it.each([
    ['a section past the end', '0001 0001 ffffffff'],
    ['half a section header', '0001 00'],
    ['a guard cut off', '0005 0000 00000007 00000001 000000'],
    ['a pin cut off', '0006 0000 00000003 000000'],
    ['a superseded block cut off', '0008 0000 00000008 00 00000001 000000'],
    ['features cut off', '0007 0001 00000003 000000'],
    ['a recursion flag that is none', '0002 0001 00000009 00000001 00000001 03'],
    ['settings cut off', '0002 0001 00000008 00000001 00000001'],
    ['2^17 shards', '0003 0001 0000000f 0000000000000000 00 01 00000001 11'],
    ['2^16 shards that are not there', '0003 0001 0000000f 0000000000000000 00 01 00000001 10'],
    ['a name with a pointer', `0001 0001 000000ff c000 ${'00'.repeat(253)}`],
    ['a name without end', `0001 0001 00000200 ${'0161'.repeat(256)}`],
    ['name servers that are not there', `0001 0001 0000001b 0000 ${'00000001'.repeat(6)} ff`],
  ])('is refused with %s', (_, section) => {
    expect(() => decodeBody(joined([...sectionsOf(encodeBody(BODY)), hex(section)]), ORIGIN)).toThrow(
      FormatError,
    );
  });

  it('throws nothing but FormatError wherever it is changed or cut off, and on any octets', () => {
    const octets = encodeBody(BODY);
    for (const copy of damaged(octets)) refuses(() => decodeBody(copy, ORIGIN));
    const sections = fc.array(
      fc.tuple(fc.nat(9), fc.nat(1), fc.uint8Array({ maxLength: 60 })).map(([type, flags, inside]) => {
        return Uint8Array.of(0, type, 0, flags, 0, 0, 0, inside.length, ...inside);
      }),
      { maxLength: 4 },
    );
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 100 }), sections.map(joined)), (octets) => {
        refuses(() => decodeBody(octets, ORIGIN));
      }),
      { numRuns: 500 },
    );
  });
});

describe('a head', () => {
  it('decodes to its root and body, also inside a larger buffer', async () => {
    const body = encodeBody(BODY);
    const octets = await encodeHead(ROOT, body, key.signing);
    const inside = Uint8Array.of(9, 9, 9, ...octets, 9).subarray(3, 3 + octets.length);
    for (const keys of [key.verify, 'none'] as const) {
      const head = await decodeHead(inside, keys);
      expect(head.body).toEqual(BODY);
      expect(head.root).toEqual({
        ...ROOT,
        format: 1,
        keyId: key.signing.keyId,
        bodyOctets: body.length,
        bodyHash: await sha256(body),
      });
    }
    expect(rootOctets(octets)).toEqual(octets.subarray(0, octets.length - body.length));
  });

  it('is refused with any octet changed, cut off anywhere, and with octets behind it', async () => {
    const octets = await encodeHead(ROOT, encodeBody(BODY), key.signing);
    const taken: string[] = [];
    const tryOn = async (what: string, head: Uint8Array): Promise<void> => {
      if ((await refusal(decodeHead(head, key.verify))) === undefined) taken.push(what);
    };
    for (let at = 0; at < octets.length; at++) {
      for (const flip of [0x01, 0x80]) {
        const copy = octets.slice();
        copy[at] = (copy[at] ?? 0) ^ flip;
        await tryOn(`octet ${at} ^ ${flip}`, copy);
      }
      await tryOn(`cut at ${at}`, octets.slice(0, at));
    }
    await tryOn('an octet more', Uint8Array.of(...octets, 0));
    expect(taken).toEqual([]);
  });

  it('of a newer format is refused by a reader that says which it reads', async () => {
    const octets = await encodeHead(ROOT, encodeBody(BODY), key.signing);
    octets[4] = 2;
    for (const keys of [key.verify, 'none'] as const)
      expect(await refusal(decodeHead(octets, keys))).toContain('has format 2, this version reads 1');
  });

  it('unsigned or not, has the body that its root names', async () => {
    const octets = await encodeHead(ROOT, encodeBody(BODY), key.signing);
    const root = rootOctets(octets);
    const otherBody = encodeBody({ ...BODY, settings: { ...BODY.settings, staleAfterSeconds: 901 } });
    const foreign = joined([root, otherBody]);
    for (const keys of [key.verify, 'none'] as const) {
      expect(await refusal(decodeHead(foreign, keys))).toContain(
        'a body other than the one its root vouches for',
      );
      expect(await refusal(decodeHead(root, keys))).toContain('a body other than');
    }
  });

  it('is refused where its body has another length than its root says', async () => {
    const body = encodeBody(BODY);
    const bodyHash = await sha256(body);
    const root = await signRoot({ ...ROOT, bodyHash, bodyOctets: body.length - 1 }, key.signing);
    expect(await refusal(decodeHead(joined([root, body]), key.verify))).toContain('a body other than');
  });

  it('is refused under another key, though its body is right', async () => {
    const octets = await encodeHead(ROOT, encodeBody(BODY), otherKey.signing);
    expect(await refusal(decodeHead(octets, key.verify))).toContain('not trusted');
  });

  it('keeps its body hash when only serial and times change', async () => {
    const body = encodeBody(BODY);
    const later = {
      ...ROOT,
      serial: ROOT.serial + 1,
      createdAtMs: ROOT.createdAtMs + 1,
      confirmedAtMs: ROOT.confirmedAtMs + 1,
    };
    const heads = await Promise.all(
      [ROOT, later].map(async (root) => decodeHead(await encodeHead(root, body, key.signing), key.verify)),
    );
    const [before, after] = heads.map(({ root }) => toHex(root.bodyHash));
    expect(after).toBe(before);
  });
});

describe('store keys', () => {
  const run = { serial: 4_294_967_295, hash: hex('00112233445566778899aabbccddeeff'), octets: 1 };
  const shards = { cutSerial: 17, bits: 1, hashes: [run.hash, hex('ff'.repeat(16))] };

  it('are these', () => {
    expect(headKey(ORIGIN, 'main')).toBe('z/mesos/main/head');
    expect(runKey(ORIGIN, 'main', run)).toBe('z/mesos/main/r/4294967295-00112233445566778899aabbccddeeff');
    expect(shardKey(parseName('Cluster.Example.'), 'inside', { ...shards, index: 1 })).toBe(
      `z/cluster.example/inside/s/17-1-${'ff'.repeat(16)}`,
    );
  });

  it('of history and of the guard are these', () => {
    expect(historyKey(ORIGIN, 'main', 17)).toBe('z/mesos/main/h/17');
    expect(guardKey(ORIGIN, 'main', { serial: 18, hash: run.hash })).toBe(
      'z/mesos/main/g/18-00112233445566778899aabbccddeeff',
    );
  });

  it('are known again, with the serial of the push that first wrote them', () => {
    for (const origin of ['mesos', 'dc1.example', 'odd/main/h', ''].map((name) => parseName(name))) {
      const prefix = keyPrefix(origin, 'main');
      const guard = { serial: 18, hash: run.hash };
      expect(parseKey(headKey(origin, 'main'))).toEqual({ kind: 'head', prefix });
      expect(parseKey(runKey(origin, 'main', run))).toEqual({ kind: 'run', prefix, serial: run.serial });
      expect(parseKey(shardKey(origin, 'main', { ...shards, index: 1 }))).toEqual({
        kind: 'shard',
        prefix,
        serial: 17,
      });
      expect(parseKey(historyKey(origin, 'main', 0))).toEqual({ kind: 'history', prefix, serial: 0 });
      expect(parseKey(guardKey(origin, 'main', guard))).toEqual({ kind: 'guard', prefix, serial: 18 });
    }
  });

  it.each([
    'head',
    'z/mesos/head',
    'z/mesos/main/heads',
    'x/mesos/main/head',
    'z/mesos/main/r/5',
    'z/mesos/main/r/4294967296-00112233445566778899aabbccddeeff',
    'z/mesos/main/r/5-00112233445566778899AABBCCDDEEFF',
    'z/mesos/main/r/5-00112233445566778899aabbccddeeff0',
    'z/mesos/main/s/5-00112233445566778899aabbccddeeff',
    'z/mesos/main/h/',
    'z/mesos/main/h/5-1',
    'z/mesos/main/q/5-00112233445566778899aabbccddeeff',
  ])('are not %s', (other) => {
    expect(parseKey(other)).toBeUndefined();
  });

  it('do not exist for a shard that does not', () => {
    expect(() => shardKey(ORIGIN, 'main', { ...shards, index: 2 })).toThrow(FormatError);
  });
});

describe('head.bin', () => {
  const write = (): Promise<Uint8Array> => encodeHead(ROOT, encodeBody(BODY), key.signing);

  it('is what this code writes', async () => {
    const now = await write();
    expect(toHex(now), IF_CHANGED_ON_PURPOSE).toBe(toHex(goldenOctets('head.bin', now)));
  });

  it('is read, and its signature holds', async () => {
    const { root, body } = await decodeHead(goldenOctets('head.bin', await write()), key.verify);
    expect(body, IF_CHANGED_ON_PURPOSE).toEqual(BODY);
    expect(root, IF_CHANGED_ON_PURPOSE).toMatchObject(ROOT);
  });
});
