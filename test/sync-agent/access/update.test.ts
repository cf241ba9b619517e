import { describe, expect, it } from 'vitest';
import { addToken, applyRules, type Edit, revokeTokens } from '../../../sync-agent/access/edits.ts';
import { readRules } from '../../../sync-agent/access/rules-file.ts';
import { type AccessStore, createSinkAccessStore, readAccess } from '../../../sync-agent/access/store.ts';
import {
  AccessError,
  planUpdate,
  updateAccess,
  type UpdateOptions,
} from '../../../sync-agent/access/update.ts';
import { ConfigError } from '../../../sync-agent/config.ts';
import { type KeyPair, makeSigningKey } from '../../../sync-agent/keys.ts';
import { createMemorySink } from '../../../sync-agent/sinks/memory.ts';
import { SinkError } from '../../../sync-agent/sinks/sink.ts';
import { ACCESS_KEY, type AccessDocument, verifyAccessDocument } from '../../../zone/access-document.ts';
import { importVerifyKeys } from '../../../zone/root.ts';

const NOW = 1_795_211_959_000;
const SIGNAL = new AbortController().signal;
const RULES = readRules(
  { views: { all: { zones: [{ origin: 'mesos' }], forwarding: false } }, teams: { ops: { view: 'all' } } },
  'f',
);
const KEY = await makeSigningKey();
const OTHER_KEY = await makeSigningKey();

/** A store in memory, whose reads and writes a test can meddle with; how long was slept is told. */
type Fixture = {
  octets: Uint8Array | undefined;
  readonly writes: Uint8Array[];
  readonly slept: number[];
  onRead: (reads: number) => Promise<void> | void;
  onWrite: (octets: Uint8Array) => Promise<void> | void;
  readonly store: AccessStore;
  readonly options: (fields?: Partial<UpdateOptions>, key?: KeyPair) => UpdateOptions;
};

function createFixture({ settleMs = 0 } = {}): Fixture {
  let reads = 0;
  const fixture: Fixture = {
    octets: undefined,
    writes: [],
    slept: [],
    onRead: () => undefined,
    onWrite: () => undefined,
    store: {
      name: 'store s',
      settleMs,
      read: async () => {
        await fixture.onRead(++reads);
        return fixture.octets;
      },
      write: async (octets) => {
        fixture.writes.push(octets);
        fixture.octets = octets;
        await fixture.onWrite(octets);
      },
    },
    options: (fields = {}, key = KEY) => ({
      store: fixture.store,
      key,
      trusted: [key.publicKeyBase64],
      now: () => NOW,
      sleep: async (ms) => void fixture.slept.push(ms),
      onOther: 'again',
      ...fields,
    }),
  };
  return fixture;
}

function token(id: string): Edit {
  const made = { id, hash: id.padEnd(64, '0'), team: 'ops', createdAtMs: NOW };
  return addToken({ ...made, view: undefined, expiresAtMs: undefined });
}

async function stored({ octets }: Pick<Fixture, 'octets'>, key = KEY): Promise<AccessDocument> {
  const keys = await importVerifyKeys([key.publicKeyBase64]);
  return verifyAccessDocument(octets ?? new Uint8Array(), keys);
}

const ids = ({ tokens }: AccessDocument): string[] => tokens.map(({ id }) => id);

async function begun(fixture: Fixture): Promise<Fixture> {
  await updateAccess(applyRules(RULES), fixture.options(), SIGNAL);
  return fixture;
}

/** Somebody else's whole change, in between. */
async function otherAdds(fixture: Fixture, id: string): Promise<void> {
  const theirs = createFixture();
  theirs.octets = fixture.octets;
  await updateAccess(token(id), theirs.options(), SIGNAL);
  fixture.octets = theirs.octets;
}

describe('an update', () => {
  it('makes the document, signs it, and raises the serial with each change', async () => {
    const fixture = await begun(createFixture());
    expect(await stored(fixture)).toMatchObject({ serial: NOW / 1000, issuedAtMs: NOW, tokens: [] });
    const { before, after } = await updateAccess(token('aaaaaaaa'), fixture.options(), SIGNAL);
    expect([before.serial, after.serial]).toEqual([NOW / 1000, NOW / 1000 + 1]);
    expect(ids(await stored(fixture))).toEqual(['aaaaaaaa']);
    expect(new TextDecoder().decode(fixture.octets)).toContain('"id":"aaaaaaaa"');
  });

  it('that makes no sense writes nothing', async () => {
    const fixture = await begun(createFixture());
    const revocation = { ids: ['dddddddd'], team: undefined, endedByMs: undefined };
    await expect(updateAccess(revokeTokens(revocation), fixture.options(), SIGNAL)).rejects.toThrow(
      ConfigError,
    );
    expect(fixture.writes).toHaveLength(1);
  });

  it('can be planned without writing', async () => {
    const fixture = await begun(createFixture());
    const { octets } = await planUpdate(token('aaaaaaaa'), fixture.options(), { signal: SIGNAL });
    expect(fixture.writes).toHaveLength(1);
    expect(ids(await stored({ octets }))).toEqual(['aaaaaaaa']);
  });

  it('too large for a Worker is refused before it is written', async () => {
    const fixture = await begun(createFixture());
    const many: Edit = (document) => ({
      ...document,
      tokens: Array.from({ length: 10_000 }, (_, i) => {
        const id = i.toString(16).padStart(8, '0');
        return { id, hash: id.padEnd(64, '0'), team: 'ops', createdAtMs: NOW };
      }),
    });
    await expect(updateAccess(many, fixture.options(), SIGNAL)).rejects.toThrow(/is longer than.*--ended/);
    expect(fixture.writes).toHaveLength(1);
  });

  it('goes to the key that Workers read', async () => {
    const sink = createMemorySink();
    const store = createSinkAccessStore(sink, { settleMs: 0 });
    await updateAccess(applyRules(RULES), createFixture().options({ store }), SIGNAL);
    expect((await sink.get(ACCESS_KEY, SIGNAL))?.value).toBeDefined();
    expect(await readAccess(store, [KEY.publicKeyBase64], SIGNAL)).toMatchObject({ kind: 'document' });
  });
});

describe('a document that is not ours', () => {
  it.each([
    [
      'of another key',
      async (f: Fixture) => void (await updateAccess(applyRules(RULES), f.options({}, OTHER_KEY), SIGNAL)),
    ],
    [
      'with a letter changed',
      async (f: Fixture) => {
        await begun(f);
        f.octets = new TextEncoder().encode(new TextDecoder().decode(f.octets).replace('"all"', '"alk"'));
      },
    ],
    ['that is none', (f: Fixture) => void (f.octets = new TextEncoder().encode('Value not found'))],
    ['that is empty', (f: Fixture) => void (f.octets = new Uint8Array())],
  ])('%s is left alone, and it is said what to do', async (_, plant) => {
    const fixture = createFixture();
    await plant(fixture);
    const before = fixture.octets;
    const writes = fixture.writes.length;
    const update = updateAccess(applyRules(RULES), fixture.options(), SIGNAL);
    await expect(update).rejects.toThrow(ConfigError);
    await expect(update).rejects.toThrow(/store s: .*Nothing was changed.*--trust-key.*--replace/);
    expect([fixture.octets, fixture.writes.length]).toEqual([before, writes]);
  });

  it('is begun anew where that is wanted, above any serial it claims, and without its tokens', async () => {
    const fixture = createFixture();
    await updateAccess(applyRules(RULES), fixture.options({ now: () => NOW + 1e9 }, OTHER_KEY), SIGNAL);
    await updateAccess(token('aaaaaaaa'), fixture.options({}, OTHER_KEY), SIGNAL);
    const claimed = (await stored(fixture, OTHER_KEY)).serial;
    await updateAccess(applyRules(RULES), fixture.options({ replaceUnusable: true }), SIGNAL);
    const after = await stored(fixture);
    expect(after.serial).toBeGreaterThan(claimed);
    expect(ids(after)).toEqual([]);
  });

  it('of a key that is trusted still is taken over, and signed with ours', async () => {
    const fixture = createFixture();
    await updateAccess(applyRules(RULES), fixture.options({}, OTHER_KEY), SIGNAL);
    await updateAccess(token('aaaaaaaa'), fixture.options({}, OTHER_KEY), SIGNAL);
    const trusted = [KEY.publicKeyBase64, OTHER_KEY.publicKeyBase64];
    await updateAccess((document) => document, fixture.options({ trusted }), SIGNAL);
    expect(ids(await stored(fixture))).toEqual(['aaaaaaaa']);
  });
});

describe('two people at once', () => {
  it('the one who wrote in between is seen before writing, and nobody is lost', async () => {
    const fixture = await begun(createFixture());
    // Three reads made the document; the fifth is the one right before the write.
    fixture.onRead = async (reads) => {
      if (reads === 5) await otherAdds(fixture, 'aaaaaaaa');
    };
    await updateAccess(token('bbbbbbbb'), fixture.options(), SIGNAL);
    expect(ids(await stored(fixture))).toEqual(['aaaaaaaa', 'bbbbbbbb']);
    expect(fixture.writes).toHaveLength(2);
  });

  it('the one whose write landed on ours is seen by reading back, and ours is made again on theirs', async () => {
    const fixture = await begun(createFixture());
    const before = fixture.octets;
    let raced = false;
    fixture.onWrite = async () => {
      if (raced) return;
      raced = true;
      // Theirs knew nothing of ours.
      fixture.octets = before;
      await otherAdds(fixture, 'aaaaaaaa');
    };
    const { after } = await updateAccess(token('bbbbbbbb'), fixture.options(), SIGNAL);
    expect(ids(await stored(fixture))).toEqual(['aaaaaaaa', 'bbbbbbbb']);
    // Above both: a Worker that saw either takes this.
    expect(after.serial).toBe(NOW / 1000 + 2);
  });

  it('ours made again is above what we wrote first, which a Worker may hold, and not only above theirs', async () => {
    const fixture = await begun(createFixture());
    const before = fixture.octets;
    fixture.onWrite = async () => {
      if (fixture.writes.length > 2) return;
      fixture.octets = before;
      await otherAdds(fixture, 'aaaaaaaa');
    };
    const later = fixture.options({ now: () => NOW + 5_000 });
    const { after } = await updateAccess(token('bbbbbbbb'), later, SIGNAL);
    const [, first] = fixture.writes;
    expect(after.serial).toBeGreaterThan((await stored({ octets: first })).serial);
  });

  it('whole sets of rules are not made again on others: it is said', async () => {
    const fixture = await begun(createFixture());
    const before = fixture.octets;
    fixture.onWrite = async () => {
      fixture.octets = before;
      await otherAdds(fixture, 'aaaaaaaa');
    };
    const update = updateAccess(applyRules(RULES), fixture.options({ onOther: 'give up' }), SIGNAL);
    await expect(update).rejects.toThrow(AccessError);
    await expect(update).rejects.toThrow(
      /somebody else changed.*their change took the place of yours.*access show/,
    );
    expect(ids(await stored(fixture))).toEqual(['aaaaaaaa']);
  });

  it('again and again ends, and says that the change is not in force', async () => {
    const fixture = await begun(createFixture());
    let count = 0;
    fixture.onWrite = async () => {
      const theirs = createFixture();
      theirs.octets = undefined;
      await updateAccess(applyRules(RULES), theirs.options({ now: () => NOW + 1000 * ++count }), SIGNAL);
      fixture.octets = theirs.octets;
    };
    await expect(updateAccess(token('bbbbbbbb'), fixture.options(), SIGNAL)).rejects.toThrow(
      /4 times in a row, and this change is not in force/,
    );
    expect(fixture.writes).toHaveLength(5);
  });
});

describe('a store that shows a write late', () => {
  it('is read until it does', async () => {
    const fixture = await begun(createFixture({ settleMs: 1000 }));
    const before = fixture.octets;
    let written: Uint8Array | undefined;
    fixture.onWrite = (octets) => {
      written = octets;
      fixture.octets = before;
    };
    let reads = 0;
    fixture.onRead = () => {
      if (written && ++reads === 3) fixture.octets = written;
    };
    await updateAccess(token('bbbbbbbb'), fixture.options(), SIGNAL);
    expect(fixture.slept.slice(-3)).toEqual([1000, 2000, 4000]);
  });

  it('or never does: then nobody knows, and that is said', async () => {
    const fixture = await begun(createFixture({ settleMs: 1000 }));
    const before = fixture.octets;
    fixture.onWrite = () => void (fixture.octets = before);
    await expect(updateAccess(token('bbbbbbbb'), fixture.options(), SIGNAL)).rejects.toThrow(
      /not known whether the change is in force/,
    );
    expect(fixture.slept.slice(-5)).toEqual([1000, 2000, 4000, 8000, 16_000]);
  });

  it('a write of unknown outcome is settled by reading back; a refused one is an error', async () => {
    const fixture = await begun(createFixture());
    fixture.onWrite = () => Promise.reject(new SinkError('timed out'));
    await updateAccess(token('bbbbbbbb'), fixture.options(), SIGNAL);
    expect(ids(await stored(fixture))).toEqual(['bbbbbbbb']);
    fixture.onWrite = () => Promise.reject(new SinkError('no right to write', { outcome: 'refused' }));
    await expect(updateAccess(token('cccccccc'), fixture.options(), SIGNAL)).rejects.toThrow(
      'no right to write',
    );
  });
});
