import { existsSync } from 'node:fs';
import { isExisting } from '../../zone/answer.ts';
import type { Entry } from '../../zone/entry.ts';
import type { HeadBody } from '../../zone/head.ts';
import { hashName } from '../../zone/hash.ts';
import { findInLevels, type Levels } from '../../zone/levels.ts';
import { nameFromWire, nameToWire, type OwnerName, parseName } from '../../zone/name.ts';
import { matchWildcard, nextBelow, wildcardBelow } from '../../zone/wildcard.ts';
import { type AgentConfig, ConfigError } from '../config.ts';
import { signingKeyPath, trustedKeys } from '../keys.ts';
import { readHead, readLevels } from '../publish/stored-head.ts';
import { whyNotAskable, type ZoneExplanation } from '../records/explain-zone.ts';
import { comparePublished, publishedByType, type PublishedValues } from '../records/published-name.ts';
import type { RRsetSettings } from '../records/rrsets.ts';
import { sinkFrom } from './outputs.ts';
import { stopSignal } from './terminal.ts';

/** What a published snapshot says of a name beside what the cluster says now. */
export type PublishedView = {
  readonly sink: string;
  readonly zone: string;
  readonly serial: number;
  readonly ageSeconds: number;
  readonly confirmedSecondsAgo: number;
  /** The wildcard that answers there; undefined for a name with records of its own, or without any. */
  readonly wildcard: string | undefined;
  readonly rrsets: readonly PublishedValues[];
  readonly differences: readonly string[];
};

export type PublishedFlags = {
  readonly sinkDir?: string;
  readonly published?: boolean;
  readonly verifyKey?: string;
};

/** Is what is published asked for? */
export function isComparing({ published, sinkDir }: PublishedFlags): boolean {
  return published === true || sinkDir !== undefined;
}

/**
 * What is published of the name in the zone's snapshot, signature checked; undefined for a name outside the zone, or
 * one that nobody can ask for. Throws `ConfigError` where there is none that can be used.
 */
export async function publishedView(
  explanation: ZoneExplanation,
  { origin, srvWeight }: Pick<RRsetSettings, 'origin' | 'srvWeight'>,
  { flags, config }: { readonly flags: PublishedFlags; readonly config: AgentConfig },
): Promise<PublishedView | undefined> {
  const { name, verdict, wildcard } = explanation;
  if (whyNotAskable(name) !== undefined || verdict.kind === 'outside-zone') return undefined;
  if (flags.sinkDir !== undefined && !existsSync(flags.sinkDir))
    throw new ConfigError(`directory ${flags.sinkDir} does not exist`);
  const { sink, close } = sinkFrom({ sinkDir: flags.sinkDir, kv: config.kv }, process.env);
  try {
    const place = { sink, origin, variant: 'main' };
    const keys = flags.verifyKey?.split(',') ?? (await trustedKeys(signingKeyPath(config)));
    const stored = await readHead(place, keys, stopSignal());
    if (stored.kind === 'nothing') throw new ConfigError(`${sink.name} has no snapshot of zone ${origin}`);
    if (stored.kind === 'unusable')
      throw new ConfigError(`${sink.name}: the snapshot of zone ${origin} can not be used: ${stored.reason}`);
    const { root, body } = stored.head;
    const found = findPublished(await readLevels(place, body, stopSignal()), { name, origin, body });
    const rrsets = publishedByType(found.entry, srvWeight);
    const ageOf = (atMs: number): number => Math.round((Date.now() - atMs) / 1000);
    return {
      sink: sink.name,
      zone: origin,
      serial: root.serial,
      ageSeconds: ageOf(root.createdAtMs),
      confirmedSecondsAgo: ageOf(root.confirmedAtMs),
      wildcard: found.wildcard,
      rrsets,
      differences: [
        ...otherWildcard(found.wildcard, wildcard),
        ...comparePublished(explanation, rrsets, srvWeight),
      ],
    };
  } finally {
    await close();
  }
}

function otherWildcard(published: string | undefined, now: string | undefined): string[] {
  if (published === now) return [];
  const say = (wildcard: string | undefined): string => (wildcard === undefined ? 'no wildcard' : wildcard);
  return [`published, ${say(published)} answers for it; in the cluster now, ${say(now)} does`];
}

/** A name as the Worker finds it in a snapshot: its own entry, or that of the wildcard that answers for it. */
function findPublished(
  levels: Levels,
  { name, origin, body }: { readonly name: string; readonly origin: OwnerName; readonly body: HeadBody },
): { readonly entry: Entry | undefined; readonly wildcard: string | undefined } {
  const find = (wire: Uint8Array): Entry | undefined =>
    findInLevels(levels, wire, hashName(wire, levels.table.seed));
  const wire = nameToWire(parseName(name));
  const entry = find(wire);
  if (isExisting(entry)) return { entry, wildcard: undefined };
  const owner = wildcardFor(wire, { find, wildcards: body.wildcards ?? [], origin: nameToWire(origin) });
  const answering = owner && find(owner);
  return owner && isExisting(answering)
    ? { entry: answering, wildcard: `${nameFromWire(owner)}.` }
    : { entry: undefined, wildcard: undefined };
}

function wildcardFor(
  wire: Uint8Array,
  {
    find,
    wildcards,
    origin,
  }: {
    readonly find: (wire: Uint8Array) => Entry | undefined;
    readonly wildcards: NonNullable<HeadBody['wildcards']>;
    readonly origin: Uint8Array;
  },
): Uint8Array | undefined {
  if (wildcards !== 'unlisted') {
    const match = matchWildcard(wildcards, wire);
    return match && !isExisting(find(match.below)) ? match.owner : undefined;
  }
  // Down to the closest encloser: the name itself is not there, so this ends above it.
  let encloser = origin;
  while (encloser.length < wire.length) {
    const below = nextBelow(encloser, wire);
    if (!isExisting(find(below))) break;
    encloser = below;
  }
  return wildcardBelow(encloser);
}
