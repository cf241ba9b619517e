import { createReadStream } from 'node:fs';
import { FormatError } from '../../zone/format-error.ts';
import type { ClusterState } from '../cluster.ts';
import type { Http } from '../http.ts';
import { type Source, SourceError } from './source.ts';
import { readStateDocument } from './state-document.ts';

/** A saved `/state` as a source; read anew each time, so a changed file is a changed cluster. */
export function createStateFileSource(path: string): Source<ClusterState> {
  return {
    name: `state file ${path}`,
    read: async (report, signal) => {
      try {
        const { state } = await readStateDocument(
          createReadStream(path, { signal, highWaterMark: 256 * 1024 }),
          report,
        );
        return state;
      } catch (cause) {
        signal.throwIfAborted();
        throw new SourceError(`state file ${path}: ${reasonOf(cause)}`, { cause });
      }
    },
  };
}

/** A URL that answers a `/state` as it stands: no leader is looked for, no redirect followed. */
export function createStateUrlSource(
  url: string,
  {
    http,
    timeoutMs,
    maxOctets,
  }: { readonly http: Http; readonly timeoutMs: number; readonly maxOctets: number },
): Source<ClusterState> {
  return {
    name: `state at ${new URL(url).origin}`,
    read: async (report, signal) => {
      try {
        const response = await http.request({ url, signal, timeoutMs, maxOctets });
        if (response.status !== 200) throw await response.refusal();
        return (await readStateDocument(response.chunks(), report)).state;
      } catch (cause) {
        signal.throwIfAborted();
        throw new SourceError(`state at ${new URL(url).origin}: ${reasonOf(cause)}`, { cause });
      }
    },
  };
}

function reasonOf(cause: unknown): string {
  if (cause instanceof FormatError) return `${cause.message}. It should hold what a master's /state answers`;
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
  if (code === 'ENOENT') return 'there is no such file';
  if (code === 'EACCES') return 'it may not be read by this user';
  if (code === 'EISDIR') return 'it is a directory';
  return cause instanceof Error ? cause.message : String(cause);
}
