import { canonicalAddress } from '../../zone/address.ts';
import { FormatError } from '../../zone/format-error.ts';
import { parseName } from '../../zone/name.ts';
import type { ReportSkipped, SkipReason } from '../cluster.ts';
import type { Http } from '../http.ts';
import { type Source, SourceError } from './source.ts';

/** What a mesos-dns says of its zone: names (with their final dot) and values stand as it wrote them. */
export type Transfer = {
  /** Lower case. */
  readonly domain: string;
  /** Seconds that its own answers live. */
  readonly ttl: number;
  /** Unix seconds of its last good reload. */
  readonly serial: number;
  readonly records: {
    readonly A: TransferredRecords;
    readonly AAAA: TransferredRecords;
    readonly SRV: TransferredRecords;
  };
};
/** Name → values, each once: addresses in any form, services as `target:port`. */
export type TransferredRecords = ReadonlyMap<string, readonly string[]>;

export type MesosDnsAxfrOptions = {
  /** Of the mesos-dns: `http://10.0.0.1:8123`. A URL with a path is taken as the transfer's own. */
  readonly url: URL;
  /** The domain it has to serve, lower case. */
  readonly domain: string;
  readonly http: Http;
  readonly timeoutMs: number;
  readonly maxOctets: number;
};

const PATH = '/v1/axfr';
const MAPS = [
  ['A', 'As'],
  ['AAAA', 'AAAAs'],
  ['SRV', 'SRVs'],
] as const;

type Members = Readonly<Record<string, unknown>>;

/**
 * A running mesos-dns as a source, by its `/v1/axfr`: for sites that keep theirs. Records, not facts: names are
 * already made, so none of our naming settings apply. Single records that can't be used are left out and
 * reported; an answer that is no transfer, or holds no record at all, throws `SourceError`.
 */
export function createMesosDnsAxfrSource(options: MesosDnsAxfrOptions): Source<Transfer> {
  const url = new URL(options.url.pathname === '/' ? PATH : options.url.pathname, options.url);
  const name = `mesos-dns ${url.origin}`;
  return {
    name,
    read: async (report, signal) => {
      try {
        return readTransfer(await fetchTransfer(url, options, signal), options.domain, report);
      } catch (cause) {
        signal.throwIfAborted();
        throw new SourceError(`${name}: ${cause instanceof Error ? cause.message : String(cause)}`, {
          cause,
        });
      }
    },
  };
}

async function fetchTransfer(
  url: URL,
  { http, timeoutMs, maxOctets }: MesosDnsAxfrOptions,
  signal: AbortSignal,
): Promise<unknown> {
  const headers = { accept: 'application/json' };
  const response = await http.request({ url: url.href, headers, signal, timeoutMs, maxOctets });
  if (response.status === 200) return response.json();
  const refusal = await response.refusal();
  // mesos-dns has no such path unless its enumeration is on; a mesos-doh Worker says 403.
  if (response.status !== 404 && response.status !== 403) throw refusal;
  throw new SourceError(`${refusal.message}; its configuration has to say "enumerationOn": true`, {
    cause: refusal,
  });
}

/** Reads a transfer's JSON: members strictly, records one by one. Throws `FormatError`. */
function readTransfer(json: unknown, expected: string, report: ReportSkipped): Transfer {
  const facts = members(json, 'the transfer');
  const domain = typeof facts['Domain'] === 'string' ? facts['Domain'].toLowerCase() : undefined;
  if (domain === undefined) throw wrong('Domain', 'a domain');
  if (domain !== expected) {
    const words = `is ${shown(domain)}, and ${shown(expected)} is what is published here: set domain to the same`;
    throw new FormatError('Domain', words);
  }
  const given = members(facts['Records'], 'Records');
  const found = { A: new Map(), AAAA: new Map(), SRV: new Map() } satisfies Transfer['records'];
  const skip = (reason: SkipReason, detail: string): void => report({ reason, detail });
  for (const [type, member] of MAPS) {
    // A Go map that holds nothing may be null.
    const list = given[member] === null ? {} : members(given[member], `Records.${member}`);
    const into: Map<string, readonly string[]> = found[type];
    for (const [name, values] of Object.entries(list)) {
      if (!isName(name)) skip('name-not-askable', `${JSON.stringify(name)} can't be asked for`);
      else if (!Array.isArray(values)) {
        skip('value-not-answerable', `${name} ${type}: ${shown(values)} is no list of values`);
      } else {
        const read = readValues(values, type, (detail) => skip('value-not-answerable', `${name} ${detail}`));
        if (read.length > 0) into.set(name, read);
      }
    }
  }
  if (found.A.size + found.AAAA.size + found.SRV.size === 0) {
    throw new FormatError(
      'the transfer',
      'holds no record that can be used; it is not taken for an empty zone',
    );
  }
  return { domain, ttl: number(facts, 'TTL'), serial: number(facts, 'Serial'), records: found };
}

function readValues(
  values: readonly unknown[],
  type: 'A' | 'AAAA' | 'SRV',
  skip: (detail: string) => void,
): string[] {
  const read = new Set<string>();
  for (const value of values) {
    const text = typeof value === 'string' ? valueText(value, type) : undefined;
    if (text === undefined) skip(`${type}: ${shown(value)} is no ${type} value`);
    else read.add(text);
  }
  return [...read];
}

/** The value, undefined for one that is none. What an SRV target can be is judged with the records. */
function valueText(value: string, type: 'A' | 'AAAA' | 'SRV'): string | undefined {
  if (type === 'SRV') return /^[^]+:[^:]*$/.test(value) ? value : undefined;
  const address = canonicalAddress(value);
  return address !== undefined && address.includes(':') === (type === 'AAAA') ? value : undefined;
}

/** Is this a name as we hold names: lower case, its final dot, no escapes? */
function isName(text: string): boolean {
  try {
    return text !== '.' && `${parseName(text)}.` === text && !text.includes('\\') && !text.includes('.*');
  } catch (error) {
    if (error instanceof FormatError) return false;
    throw error;
  }
}

function members(value: unknown, what: string): Members {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw wrong(what, 'an object');
  return Object.fromEntries(Object.entries(value));
}

function number(facts: Members, name: string): number {
  const value = facts[name];
  if (typeof value === 'number' && Number.isSafeInteger(value)) return value;
  throw wrong(name, 'a whole number');
}

function wrong(what: string, wanted: string): FormatError {
  return new FormatError(what, `is not ${wanted}: this is no answer of mesos-dns's ${PATH}`);
}

/** Enough of a value to find it. */
function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}
