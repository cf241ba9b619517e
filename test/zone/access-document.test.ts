import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  type AccessDocument,
  accessJson,
  isToken,
  nextAccessSerial,
  readAccessJson,
  signAccessDocument,
  subtreesOf,
  tokenHash,
  verifyAccessDocument,
} from '../../zone/access-document.ts';
import { FormatError } from '../../zone/format-error.ts';
import { parseName } from '../../zone/name.ts';
import { signRoot, type SigningKey, type VerifyKeys } from '../../zone/root.ts';
import { testKey } from './signing.ts';

let key: SigningKey;
let stranger: SigningKey;
let trusted: VerifyKeys;

beforeAll(async () => {
  const ours = await testKey('one');
  [key, trusted, stranger] = [ours.signing, ours.verify, (await testKey('two')).signing];
});

const json = {
  format: 1,
  serial: 7,
  issuedAtMs: 1_700_000_000_000,
  teams: {
    payments: { view: 'all', access: { emails: ['a@example.com'], groups: [], serviceTokens: ['id'] } },
    constructor: { view: 'few', certificates: { fingerprintsSha256: ['ab'], subjects: ['CN=x'] } },
  },
  views: {
    all: { zones: [{ origin: 'mesos', variant: 'main' }], forwarding: true, enumeration: true },
    few: {
      zones: [{ origin: 'mesos', variant: 'outside', names: ['web.mesos'], frameworks: ['marathon'] }],
      forwarding: false,
      ratePerMinute: 600,
    },
  },
  tokens: [
    { id: '0123abcd', hash: 'a'.repeat(64), team: 'payments', createdAtMs: 1 },
    { id: '0123abce', hash: 'b'.repeat(64), team: 'payments', view: 'few', createdAtMs: 1, expiresAtMs: 2 },
  ],
};
const document = (): AccessDocument => readAccessJson(json);

describe('an access document', () => {
  it('is read back as it was signed', async () => {
    const octets = await signAccessDocument(document(), key);
    expect(await verifyAccessDocument(octets, trusted)).toEqual(document());
    expect(await verifyAccessDocument(octets, 'none')).toEqual(document());
    expect(accessJson(document())).toEqual(json);
    expect(new TextDecoder().decode(octets)).toMatch(/^mesos-doh-access 1 [0-9a-f]{16} [\w+/]{86}==\n\{/);
  });

  it('is refused with any octet changed, cut off or added', async () => {
    const octets = await signAccessDocument(document(), key);
    const position = fc.integer({ min: 0, max: octets.length - 1 });
    await fc.assert(
      fc.asyncProperty(position, fc.integer({ min: 1, max: 255 }), async (at, change) => {
        const changed = octets.with(at, (octets[at] ?? 0) ^ change);
        await expect(verifyAccessDocument(changed, trusted)).rejects.toThrow(FormatError);
      }),
      { numRuns: 300 },
    );
    await expect(verifyAccessDocument(octets.subarray(0, -1), trusted)).rejects.toThrow(FormatError);
    await expect(verifyAccessDocument(Uint8Array.of(...octets, 10), trusted)).rejects.toThrow(/signature/);
  });

  it('is refused from another key, or under the id of ours', async () => {
    const octets = await signAccessDocument(document(), stranger);
    await expect(verifyAccessDocument(octets, trusted)).rejects.toThrow(/key that is not trusted/);
    const borrowed = await signAccessDocument(document(), { ...stranger, keyId: key.keyId });
    await expect(verifyAccessDocument(borrowed, trusted)).rejects.toThrow(/signature that does not hold/);
    await expect(verifyAccessDocument(octets, new Map())).rejects.toThrow(/not trusted/);
  });

  it('can not borrow the signature of a head, nor one over its payload alone', async () => {
    const payload = JSON.stringify(json);
    const plain = new Uint8Array(
      await crypto.subtle.sign('Ed25519', key.privateKey, new TextEncoder().encode(payload)),
    );
    const root = await signRoot(
      {
        epoch: 1,
        serial: 1,
        createdAtMs: 1,
        confirmedAtMs: 1,
        bodyOctets: 0,
        bodyHash: new Uint8Array(32),
        writerId: new Uint8Array(16),
        origin: parseName('mesos'),
        variant: 'main',
      },
      key,
    );
    const id = Buffer.from(key.keyId).toString('hex');
    for (const signature of [plain, root.slice(-64)]) {
      const text = `mesos-doh-access 1 ${id} ${Buffer.from(signature).toString('base64')}\n${payload}`;
      await expect(verifyAccessDocument(new TextEncoder().encode(text), trusted)).rejects.toThrow(
        /does not hold/,
      );
    }
    await expect(verifyAccessDocument(root, trusted)).rejects.toThrow(/no magic/);
  });

  it('is never anything but a document or a FormatError, whatever octets there are', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), fc.boolean(), async (noise, isHeaded) => {
        const head = new TextEncoder().encode('mesos-doh-access 1 00 x\n');
        const octets = isHeaded ? Uint8Array.of(...head, ...noise) : noise;
        await expect(verifyAccessDocument(octets, 'none')).rejects.toThrow(FormatError);
      }),
    );
    await expect(verifyAccessDocument(new Uint8Array(1024 * 1024 + 1), 'none')).rejects.toThrow(/longer/);
  });

  it('of another format is refused, and is told from damage', async () => {
    const octets = new TextEncoder().encode('mesos-doh-access 2 00 x\n{}');
    await expect(verifyAccessDocument(octets, 'none')).rejects.toThrow(/has format 2, this version reads 1/);
  });

  it('that no Worker would take is not signed', async () => {
    const broken = { ...document(), tokens: document().tokens.map((it) => ({ ...it, team: 'nobody' })) };
    await expect(signAccessDocument(broken, key)).rejects.toThrow(/tokens\[0\]\.team: is "nobody"/);
    const emails = Array.from({ length: 50_000 }, (_, i) => `person-${i}@example.com`);
    const long = {
      ...document(),
      teams: new Map([...document().teams, ['big', { view: 'all', access: { emails } }]]),
    };
    await expect(signAccessDocument(long, key)).rejects.toThrow(/longer than/);
  });
});

describe('what is refused of a payload, and where', () => {
  const patched = (path: readonly (string | number)[], value: unknown): unknown => {
    const copy = structuredClone(json) as unknown;
    let at = copy as Record<string | number, unknown>;
    for (const step of path.slice(0, -1)) at = at[step] as Record<string | number, unknown>;
    at[path.at(-1) ?? ''] = value;
    return copy;
  };
  it.each<[readonly (string | number)[], unknown, RegExp]>([
    [['format'], 2, /format: is not 1/],
    [['serial'], 1.5, /serial: is not a whole number/],
    [['serial'], -1, /serial/],
    [['issuedAtMs'], '1', /issuedAtMs/],
    [['more'], 1, /more: is not known/],
    [['teams'], [], /teams: is not an object/],
    [['teams', 'Payments'], { view: 'all' }, /no word/],
    [['teams', '__proto__x'], { view: 'all' }, /no word/],
    [['teams', 'payments', 'view'], 'toString', /is "toString", which is not in the document/],
    [['teams', 'payments', 'except'], ['x'], /except: is not known/],
    [['teams', 'payments', 'access', 'emails'], 'a@example.com', /emails: is not a list/],
    [['teams', 'payments', 'access', 'ips'], [], /ips: is not known/],
    [['views', 'few', 'zones', 0, 'names'], ['web.other'], /names: has web\.other, not in mesos/],
    [['views', 'few', 'zones', 0, 'names'], ['xmesos'], /not in mesos/],
    [['views', 'few', 'zones', 0, 'frameworks'], ['a..b'], /empty label/],
    [['views', 'few', 'zones', 0, 'hide'], [], /hide: is not known/],
    [['views', 'few', 'zones', 1], { origin: 'MESOS' }, /zones: has something twice/],
    [['views', 'few', 'zones', 0, 'variant'], '../main', /variant/],
    [['views', 'few', 'forwarding'], 'no', /forwarding: is neither/],
    [['views', 'few', 'forwarding'], undefined, /forwarding/],
    [['views', 'few', 'ratePerMinute'], '600', /ratePerMinute/],
    [['tokens', 0, 'hash'], 'A'.repeat(64), /hash/],
    [['tokens', 0, 'hash'], 'b'.repeat(64), /tokens: has something twice/],
    [['tokens', 0, 'id'], '0123abce', /twice/],
    [['tokens', 0, 'id'], 'x', /id/],
    [['tokens', 0, 'team'], 'constructors', /team/],
    [['tokens', 1, 'view'], 'none', /view/],
    [['tokens', 1, 'expiresAtMs'], null, /expiresAtMs/],
    [['tokens', 1, 'notBefore'], 1, /notBefore: is not known/],
  ])('%j = %j', (path, value, words) => {
    expect(() => readAccessJson(patched(path, value))).toThrow(words);
    expect(() => readAccessJson(patched(path, value))).toThrow(FormatError);
  });

  it('a team named like a property of all objects is a team like others, and never there by itself', () => {
    expect(document().teams.get('constructor')?.view).toBe('few');
    expect(document().teams.get('toString')).toBeUndefined();
  });
});

it('a zone of a view is all names, or whole subtrees of it', () => {
  const zone = { origin: parseName('mesos'), variant: 'main' };
  expect(subtreesOf(zone)).toBeUndefined();
  expect(subtreesOf({ ...zone, frameworks: ['marathon', 'a.b'] })).toEqual([
    ...['marathon.mesos', 'marathon.slave.mesos', 'a.b.mesos', 'a.b.slave.mesos'],
  ]);
  expect(subtreesOf({ ...zone, names: [parseName('web.mesos')], frameworks: [] })).toEqual(['web.mesos']);
  expect(subtreesOf({ ...zone, names: [] })).toEqual([]);
  expect(subtreesOf({ ...zone, names: [parseName('mesos')] })).toBeUndefined();
});

it('serials rise, be the clock behind or the last one lost', () => {
  expect(nextAccessSerial(undefined, 5_000_999)).toBe(5_000);
  expect(nextAccessSerial(4_000, 5_000_000)).toBe(5_000);
  expect(nextAccessSerial(5_000, 5_000_000)).toBe(5_001);
  expect(nextAccessSerial(9_000, 5_000_000)).toBe(9_001);
});

it('tokens have one form, and of them a hash is kept', async () => {
  const token = `mdt_${'a2'.repeat(16)}`;
  expect(isToken(token)).toBe(true);
  for (const text of [
    ...[token.toUpperCase(), token.slice(0, -1), `${token} `, ` ${token}`, `${token}\n`, `${token}=`],
    ...[token.replace('mdt_', 'mdt-'), token.replace('a', '1'), `mdt_${'a'.repeat(65)}`, ''],
  ])
    expect([text, isToken(text)]).toEqual([text, false]);
  expect(await tokenHash('abc')).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
});
