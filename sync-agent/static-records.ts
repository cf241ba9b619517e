import { readFileSync, statSync } from 'node:fs';
import { FormatError } from '../zone/format-error.ts';
import type { ClusterState, ReportSkipped, StaticRecord } from './cluster.ts';
import { ConfigError } from './config.ts';
import type { Source } from './sources/source.ts';
import { parseZoneFile, type ZoneFilePlace } from './zone-file.ts';

const MAX_OCTETS = 8 * 1024 * 1024;
/** Lines told of one file. */
const MAX_NOTES = 20;

/** A zone file, read again when it has changed. */
export type StaticRecords = {
  /**
   * The file's records; those of before, the same list, while it has not changed or can't be used: that is reported,
   * and what of the file does not count.
   */
  readonly now: (report: ReportSkipped) => readonly StaticRecord[];
};

/** Throws `ConfigError` for a file that can't be used: there are no records of before yet. */
export function openStaticRecords(place: ZoneFilePlace): StaticRecords {
  const { path } = place;
  const stampOf = (): string => {
    const stats = statSync(path);
    // Others may have no end, or none to read from.
    if (!stats.isFile())
      throw new FormatError(path, 'is no file: a zone file should be one, or a link to one');
    const { mtimeMs, ctimeMs, size, ino } = stats;
    if (size > MAX_OCTETS) throw new FormatError(path, `is larger than ${MAX_OCTETS} octets`);
    return `${mtimeMs} ${ctimeMs} ${size} ${ino}`;
  };
  let notes: readonly string[];
  const read = (): readonly StaticRecord[] => {
    const told: string[] = [];
    const found = parseZoneFile(readFileSync(path, 'utf8'), place, (detail) => told.push(detail));
    notes = told.length > MAX_NOTES ? [...told.slice(0, MAX_NOTES), andMore(told, path)] : told;
    return found;
  };
  let stamp: string;
  let records: readonly StaticRecord[];
  let problem: string | undefined;
  try {
    stamp = stampOf();
    records = read();
  } catch (error) {
    throw new ConfigError(`staticRecords: ${reasonOf(error, path)}`, { cause: error });
  }
  return {
    now: (report) => {
      try {
        const found = stampOf();
        if (found !== stamp || problem !== undefined) {
          stamp = found;
          records = read();
        }
        problem = undefined;
      } catch (error) {
        problem = reasonOf(error, path);
        report({ reason: 'static-records', detail: `${problem}; its last good records stay` });
      }
      for (const detail of notes) report({ reason: 'static-records', detail });
      return records;
    },
  };
}

function andMore(told: readonly string[], path: string): string {
  return `${path}: ${told.length - MAX_NOTES} more records have the lower TTL of another one of their name`;
}

/** The same source, the file's records among its facts. */
export function withStaticRecords<Facts extends Source<ClusterState>>(
  source: Facts,
  records: StaticRecords,
): Facts {
  return {
    ...source,
    read: async (report: ReportSkipped, signal: AbortSignal) => ({
      ...(await source.read(report, signal)),
      staticRecords: records.now(report),
    }),
  };
}

function reasonOf(error: unknown, path: string): string {
  if (error instanceof FormatError) return error.message;
  const code = error instanceof Error && 'code' in error ? ` (${String(error.code)})` : '';
  return `${path} can not be read${code}`;
}
