import { readdirSync, readFileSync } from 'node:fs';

/**
 * The golden vectors: what mesos-dns itself (the reference named in each) made of a state, and answered.
 * `test/fixtures/golden/README.md` says what each member means.
 */
export type Records = Readonly<Record<'A' | 'AAAA' | 'SRV', Readonly<Record<string, readonly string[]>>>>;

export type GoldenRecord = {
  readonly name: string;
  readonly type: string;
  readonly ttl: number;
  readonly data?: unknown;
  readonly oneOf?: readonly string[];
};

export type GoldenQuery = {
  readonly name: string;
  readonly type: string | number;
  readonly ask?: {
    readonly class?: number;
    readonly opcode?: number;
    readonly rd?: boolean;
    readonly edns?: number;
  };
  readonly rcode: string;
  readonly aa: boolean;
  readonly ra: boolean;
  readonly rd: boolean;
  readonly answers: readonly GoldenRecord[];
  readonly authority: readonly GoldenRecord[];
  readonly additional: readonly GoldenRecord[];
  readonly quirks?: readonly string[];
  readonly noReply?: boolean;
  readonly malformed?: boolean;
};

/** A state and the record set of it. */
export type GoldenCase = {
  readonly id: string;
  readonly config: Readonly<Record<string, unknown>>;
  readonly hosts: Readonly<Record<string, readonly string[]>>;
  readonly localAddresses: readonly string[];
  readonly state: unknown;
  readonly outcome: 'ok' | 'rejected' | 'crash';
  readonly note: string;
  /** Without the names that no question can reach. */
  readonly records: Records | undefined;
  readonly queries: readonly GoldenQuery[];
};

const DIRECTORY = new URL('./fixtures/golden/', import.meta.url);

/** All cases of all vectors: sequences give one a step, rejections one an item. */
export function goldenCases(): GoldenCase[] {
  const files = readdirSync(DIRECTORY).filter((name) => name.endsWith('.json'));
  return files
    .toSorted()
    .flatMap((file) => casesOf(JSON.parse(readFileSync(new URL(file, DIRECTORY), 'utf8'))));
}

function casesOf(vector: any): GoldenCase[] {
  const parts: any[] = vector['steps'] ?? vector['items'] ?? [vector];
  return parts.map((part, i) => ({
    id: parts.length > 1 ? `${vector['id']}/${i + 1}` : vector['id'],
    config: part['config'] ?? vector['config'],
    hosts: vector['hosts'],
    localAddresses: vector['localAddresses'] ?? [],
    state: part['state'],
    outcome: part['outcome'],
    note: part['note'] ?? vector['title'],
    records: part['outcome'] === 'ok' ? reachable(part['records'], part['unreachable'] ?? []) : undefined,
    queries: part['queries'] ?? [],
  }));
}

function reachable(records: Records, unreachable: readonly string[]): Records {
  const kept = (type: 'A' | 'AAAA' | 'SRV'): [string, readonly string[]][] =>
    Object.entries(records[type]).filter(([name]) => !unreachable.includes(name));
  return {
    A: Object.fromEntries(kept('A')),
    AAAA: Object.fromEntries(kept('AAAA')),
    SRV: Object.fromEntries(kept('SRV')),
  };
}
