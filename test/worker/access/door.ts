import { createExecutionContext, waitOnExecutionContext } from 'cloudflare:test';
import { createApp } from '../../../worker/app.ts';
import type { Bindings } from '../../../worker/env.ts';
import {
  ACCESS_KEY,
  type AccessDocument,
  readAccessJson,
  signAccessDocument,
  tokenHash,
} from '../../../zone/access-document.ts';
import type { SigningKey } from '../../../zone/root.ts';
import type { MemoryKv } from './memory-kv.ts';

/** A Worker of its own that tells people apart, over a store in memory. Bound is what a test binds. */
export type Door = {
  readonly fetch: (path: string, init?: RequestInit) => Promise<Response>;
};

export function createDoor({ kv }: MemoryKv, variables: Partial<Bindings>): Door {
  const app = createApp();
  const bindings: Bindings = { SNAPSHOTS: kv, UPSTREAMS: '', VERIFY_KEYS: 'none', ...variables };
  return {
    fetch: async (path, init) => {
      const context = createExecutionContext();
      const request = new Request(`https://doh.example${path}`, init);
      const response = await app.fetch(request, bindings, context);
      await waitOnExecutionContext(context);
      return response;
    },
  };
}

/** The token of a name, the same each time; of at most 8 letters a-z. */
export function tokenOf(name: string): string {
  return `mdt_${name.padEnd(32, '2')}`;
}

export type TokenFields = {
  readonly team: string;
  readonly view?: string;
  readonly expiresAtMs?: number;
};

/** What a test grants: JSON as in the document, its tokens by the name that `tokenOf` makes a token of. */
export type Grants = {
  readonly serial?: number;
  readonly issuedAtMs?: number;
  readonly teams: Readonly<Record<string, object>>;
  readonly views: Readonly<Record<string, object>>;
  readonly tokens: Readonly<Record<string, TokenFields>>;
};

export async function documentOf(grants: Grants): Promise<AccessDocument> {
  const { serial = 1, issuedAtMs = 0, teams, views, tokens } = grants;
  const entries = await Promise.all(
    Object.entries(tokens).map(async ([name, fields]) => {
      const hash = await tokenHash(tokenOf(name));
      return { id: hash.slice(0, 8), hash, createdAtMs: 0, ...fields };
    }),
  );
  return readAccessJson({ format: 1, serial, issuedAtMs, teams, views, tokens: entries });
}

export async function grant({ kv }: MemoryKv, grants: Grants, key: SigningKey): Promise<void> {
  await kv.put(ACCESS_KEY, await signAccessDocument(await documentOf(grants), key));
}
