import { encodeSrv, type RRset, TYPE } from '../../zone/record.ts';
import { parseAddress } from '../../zone/address.ts';
import { compareOctets, contentHash } from '../../zone/hash.ts';
import {
  encodeBody,
  encodeHead,
  type HeadBody,
  headKey,
  rootOctets,
  runKey,
  shardKey,
} from '../../zone/head.ts';
import type { ZoneSettings } from '../../zone/head.ts';
import { nameToWire, type OwnerName, parseName } from '../../zone/name.ts';
import { keyIdOf, type SigningKey } from '../../zone/root.ts';
import { encodeEntries, tableChanges, type ZoneContent } from '../../zone/entries.ts';
import type { Levels } from '../../zone/levels.ts';
import { wildcardsIn } from '../../sync-agent/publish/wildcards.ts';
import { cutSnapshot, DEFAULT_LIMITS, type Limits, planSnapshot } from '../../zone/plan.ts';

/** What a test publishes; all but the records has a default. */
export type ToPublish = {
  readonly rrsets: readonly RRset[];
  readonly key: SigningKey;
  readonly origin?: string;
  readonly variant?: string;
  readonly epoch?: number;
  readonly serial?: number;
  readonly createdAtMs?: number;
  readonly confirmedAtMs?: number;
  readonly settings?: Partial<ZoneSettings>;
  readonly minimum?: number;
  readonly limits?: Limits;
  readonly seed?: Uint8Array;
  /** No wildcards are told of, so that an asterisk is an asterisk. */
  readonly isLiteral?: boolean;
  readonly held?: HeadBody['held'];
  readonly pin?: HeadBody['pin'];
  readonly churn?: HeadBody['churn'];
  /** What this is a change of; without it everything is cut anew. */
  readonly after?: Snapshot;
  /** Change the octets of the run or of the body, all hashes and the signature still vouching for them. */
  readonly spoilRun?: (octets: Uint8Array) => Uint8Array;
  readonly spoilBody?: (octets: Uint8Array) => Uint8Array;
};

/** A snapshot as octets: the head, its root, and the blocks by store key (those of `after` included). */
export type Snapshot = {
  readonly head: Uint8Array;
  readonly root: Uint8Array;
  readonly key: string;
  readonly blocks: ReadonlyMap<string, Uint8Array>;
  readonly levels: Levels;
  readonly body: HeadBody;
};

export type TestKey = SigningKey & { readonly publicKeyBase64: string };

export async function createSigningKey(): Promise<TestKey> {
  const pair = await crypto.subtle.generateKey('Ed25519', true, ['sign', 'verify']);
  if (!('privateKey' in pair)) throw new TypeError('Ed25519 makes key pairs');
  const raw = await crypto.subtle.exportKey('raw', pair.publicKey);
  if (!(raw instanceof ArrayBuffer)) throw new TypeError('raw keys are octets');
  const octets = new Uint8Array(raw);
  return { privateKey: pair.privateKey, keyId: await keyIdOf(octets), publicKeyBase64: base64(octets) };
}

/** Builds a snapshot with the agent's own functions, and no clock but the one given. */
export async function buildSnapshot(options: ToPublish): Promise<Snapshot> {
  const { serial = 1, createdAtMs = Date.now(), variant = 'main', limits = DEFAULT_LIMITS, after } = options;
  const origin = parseName(options.origin ?? 'mesos');
  const seed = options.seed ?? Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);
  const entries = encodeEntries(contentOf(options.rrsets), { origin, seed });
  const plan = after
    ? await planSnapshot(after.levels, tableChanges(after.levels, entries), { serial, limits })
    : { ...(await cutSnapshot(entries, { seed, serial, limits })), overlayOctets: new Uint8Array() };
  const newShards = 'newShards' in plan ? plan.newShards : [];
  const newRun = plan.newRun && (options.spoilRun ?? unchanged)(plan.newRun);
  const run = newRun && { serial, hash: await contentHash(newRun), octets: newRun.length };
  const table = { ...plan.levels.table, ...(run && { run }) };
  const blocks = new Map(after?.blocks);
  if (newRun && run) blocks.set(runKey(origin, variant, run), newRun);
  for (const [index, octets] of newShards.entries()) {
    if (table.shards) blocks.set(shardKey(origin, variant, { ...table.shards, index }), octets);
  }
  const wildcards = options.isLiteral ? undefined : wildcardsIn(plan.levels);
  const body: HeadBody = {
    ...(wildcards && { wildcards }),
    zone: {
      origin,
      soa: {
        mname: parseName(`ns1.${origin}`),
        rname: parseName(`root.ns1.${origin}`),
        ...{ refresh: 60, retry: 600, expire: 86_400, minimum: options.minimum ?? 10, ttl: 60 },
      },
      nameServers: [parseName(`ns1.${origin}`)],
      nsTtl: 60,
    },
    settings: { ...DEFAULT_SETTINGS, ...options.settings },
    levels: table,
    overlay: plan.overlayOctets,
    ...(options.held && { held: options.held }),
    ...(options.pin !== undefined && { pin: options.pin }),
    ...(options.churn && { churn: options.churn }),
  };
  const octets = (options.spoilBody ?? unchanged)(encodeBody(body));
  const root = {
    ...{ origin, variant, serial, createdAtMs },
    epoch: options.epoch ?? 1,
    confirmedAtMs: options.confirmedAtMs ?? createdAtMs,
    writerId: new Uint8Array(16).fill(7),
  };
  const head = await encodeHead(root, octets, options.key);
  return { head, root: rootOctets(head), key: headKey(origin, variant), blocks, levels: plan.levels, body };
}

/** Puts a snapshot where the Worker looks for it: blocks first, the head last, its root as metadata. */
export async function publishToKv(kv: KVNamespace, options: ToPublish): Promise<Snapshot> {
  const snapshot = await buildSnapshot(options);
  await putBlocks(kv, snapshot);
  await kv.put(snapshot.key, snapshot.head, { metadata: { root: base64(snapshot.root) } });
  return snapshot;
}

export async function putBlocks(kv: KVNamespace, { blocks }: Snapshot): Promise<void> {
  await Promise.all(Array.from(blocks, ([key, octets]) => kv.put(key, octets)));
}

export function base64(octets: Uint8Array): string {
  return btoa(String.fromCharCode(...octets));
}

export function addresses(owner: string, texts: readonly string[], ttl = 30): RRset {
  const rdata = texts.map((text) => parseAddress(text) ?? new Uint8Array());
  const type = rdata[0]?.length === 16 ? TYPE.AAAA : TYPE.A;
  return { owner: parseName(owner), type, ttl, rdata: rdata.toSorted(compareOctets), sources: 1 };
}

/** SRV records by `target:port`. */
export function services(owner: string, targets: readonly string[], ttl = 30): RRset {
  const rdata = targets.map((text) => {
    const [target = '', port] = text.split(':');
    return encodeSrv({ priority: 0, weight: 1, port: Number(port), target: parseName(target) });
  });
  return { owner: parseName(owner), type: TYPE.SRV, ttl, rdata: rdata.toSorted(compareOctets), sources: 1 };
}

export function cname(owner: string, target: string, ttl = 30): RRset {
  const rdata = [nameToWire(parseName(target))];
  return { owner: parseName(owner), type: TYPE.CNAME, ttl, rdata, sources: 1 };
}

const DEFAULT_SETTINGS: ZoneSettings = {
  staleAfterSeconds: 900,
  expireAfterSeconds: 604_800,
  recursionAvailable: 'forwarding',
};

function unchanged(octets: Uint8Array): Uint8Array {
  return octets;
}

function contentOf(rrsets: readonly RRset[]): ZoneContent {
  const byOwner = new Map<OwnerName, RRset[]>();
  for (const rrset of rrsets) byOwner.set(rrset.owner, [...(byOwner.get(rrset.owner) ?? []), rrset]);
  return {
    owners: () => byOwner.keys(),
    has: (owner) => byOwner.has(owner),
    rrsetsAt: (owner) => byOwner.get(owner) ?? [],
  };
}
