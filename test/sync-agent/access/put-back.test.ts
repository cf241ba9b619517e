import { describe, expect, it } from 'vitest';
import { addToken, EMPTY_DOCUMENT, hasChange } from '../../../sync-agent/access/edits.ts';
import type { AccessStore } from '../../../sync-agent/access/store.ts';
import { updateAccess, type UpdateOptions } from '../../../sync-agent/access/update.ts';
import { makeSigningKey } from '../../../sync-agent/keys.ts';
import type { AccessDocument } from '../../../zone/access-document.ts';

const signal = new AbortController().signal;
const key = await makeSigningKey();
const VIEWS = new Map([['all', { zones: [], forwarding: false }]]);
const RULES = { views: VIEWS, teams: new Map([['ops', { view: 'all' }]]) } as unknown as Pick<
  AccessDocument,
  'views' | 'teams'
>;
const token = (n: number): Parameters<typeof addToken>[0] => ({
  id: `0000000${n}`,
  hash: `${n}`.padStart(64, '0'),
  team: 'ops',
  createdAtMs: 1_700_000_000_000,
  view: undefined,
  expiresAtMs: undefined,
});

/** A store that holds one document, and what this data directory remembers of it. */
function createWorld() {
  let held: Uint8Array | undefined;
  let remembered: number | undefined;
  let afterWrite: (() => Promise<void>) | undefined;
  const store: AccessStore = {
    name: 'a test',
    settleMs: 0,
    read: async () => held,
    write: async (octets) => {
      held = octets;
      const act = afterWrite;
      afterWrite = undefined;
      await act?.();
    },
  };
  const update = (edit: Parameters<typeof updateAccess>[0], more: Partial<UpdateOptions> = {}) =>
    updateAccess(
      edit,
      {
        store,
        key,
        trusted: [key.publicKeyBase64],
        now: Date.now,
        sleep: async () => undefined,
        onOther: 'again',
        leastSerial: remembered,
        remember: async (serial) => void (remembered = serial),
        ...more,
      },
      signal,
    );
  return {
    update,
    held: () => held,
    put: (octets: Uint8Array | undefined) => (held = octets),
    onNextWrite: (act: () => Promise<void>) => (afterWrite = act),
  };
}

describe('an access document that was put back', () => {
  it('is not signed again with the tokens that were revoked since', async () => {
    const { update, held, put } = createWorld();
    await update((document) => ({ ...document, ...RULES }));
    await update(addToken(token(1)));
    const saved = held();
    await update((document) => ({ ...document, tokens: [] }));
    put(saved);
    await expect(update(addToken(token(2)))).rejects.toThrow(
      /serial \d+, and serial \d+ was in force.*put an old/,
    );
    put(undefined);
    await expect(update(addToken(token(2)))).rejects.toThrow('has no access document');
    put(saved);
    const { after } = await update((document) => ({ ...document, ...RULES }), { replaceUnusable: true });
    expect(after.tokens).toEqual([]);
  });
});

describe('two operators at once', () => {
  it('are both done where the second built on the first', async () => {
    const { update, onNextWrite } = createWorld();
    await update((document) => ({ ...document, ...RULES }));
    // The other one reads what this one wrote, and writes on top of it before it is read back.
    onNextWrite(
      async () => void (await update(addToken(token(2)), { remember: undefined, leastSerial: undefined })),
    );
    const { after } = await update(addToken(token(1)));
    expect(after.tokens.map(({ id }) => id)).toEqual(['00000001']);
    const { before } = await update((document) => document);
    expect(before.tokens.map(({ id }) => id)).toEqual(['00000001', '00000002']);
  });

  it('a change is in another document only if all of it is', () => {
    const before: AccessDocument = { ...EMPTY_DOCUMENT, ...RULES };
    const one = addToken(token(1))(before);
    const both = addToken(token(2))(one);
    expect(hasChange({ before, after: one }, both)).toBe(true);
    expect(hasChange({ before, after: addToken(token(2))(before) }, one)).toBe(false);
    expect(hasChange({ before: both, after: one }, both)).toBe(false);
    expect(hasChange({ before, after: { ...before, teams: new Map() } }, before)).toBe(false);
  });
});
