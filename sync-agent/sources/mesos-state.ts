import { FormatError } from '../../zone/format-error.ts';
import type { ClusterState, Endpoint, ReportSkipped } from '../cluster.ts';
import { type Http, HttpError, type HttpResponse } from '../http.ts';
import { type Source, SourceError } from './source.ts';
import { readStateDocument, type StateDocument } from './state-document.ts';

export type MesosStateOptions = {
  /** Base URLs of the masters, in the order they are tried. */
  readonly masters: readonly URL[];
  readonly http: Http;
  /** For the whole of a state, connecting included. */
  readonly timeoutMs: number;
  readonly maxOctets: number;
};

/** The names `/state` has had: `.json` ones are gone since Mesos 1.8, `/state` came with 0.25. */
const PATHS = ['/master/state', '/master/state.json', '/state.json'] as const;
const MAX_REDIRECTS = 3;

/**
 * The cluster as the leading master's `/state` tells it. A master that does not lead says who does, by a 307 or
 * by its `leader`; a master that refuses, recovers or can't be reached is passed over for the next.
 */
export function createMesosStateSource(options: MesosStateOptions): Source<ClusterState> {
  let path: string = PATHS[0];
  let lastLeader: URL | undefined;

  const ask = async (
    url: URL,
    report: ReportSkipped,
    signal: AbortSignal,
  ): Promise<{ document: StateDocument; from: URL }> => {
    const paths = [path, ...PATHS.filter((other) => other !== path)];
    for (const [i, candidate] of paths.entries()) {
      const answer = await follow(new URL(candidate, url), options, signal);
      if (answer.response.status === 404 && i + 1 < paths.length) {
        await answer.response.discard();
        continue;
      }
      if (answer.response.status !== 200) throw await answer.response.refusal();
      const document = await readStateDocument(answer.response.chunks(), report);
      path = candidate;
      return { document, from: new URL('/', answer.url) };
    }
    throw new SourceError(`${url.origin} has no state`);
  };

  return {
    name: `mesos-state ${options.masters.map((master) => master.origin).join(', ')}`,
    read: async (report, signal) => {
      const failures: string[] = [];
      for (const master of distinctMasters(lastLeader, options.masters)) {
        try {
          const held = holdReports();
          let { document, from } = await ask(master, held.report, signal);
          const leader = document.state.leader;
          if (!leader) throw new SourceError(`${from.origin} knows no leading master`);
          if (!isSelf(document, from, leader)) {
            held.clear();
            ({ document, from } = await ask(urlOf(leader, from), held.report, signal));
            if (!document.state.leader) throw new SourceError(`${from.origin} knows no leading master`);
          }
          lastLeader = from;
          held.release(report);
          return document.state;
        } catch (error) {
          signal.throwIfAborted();
          failures.push(describe(error, master));
        }
      }
      lastLeader = undefined;
      throw new SourceError(`no master gave a state: ${failures.join('; ')}`);
    },
  };
}

/** Follows redirects to the leading master, whose `Location` has no scheme: `//host:port/path`. */
async function follow(
  start: URL,
  { http, timeoutMs, maxOctets }: MesosStateOptions,
  signal: AbortSignal,
): Promise<{ response: HttpResponse; url: URL }> {
  let url = start;
  for (let hop = 0; ; hop++) {
    const headers = { accept: 'application/json' };
    const response = await http.request({ url: url.href, headers, signal, timeoutMs, maxOctets });
    const location = response.headers['location'];
    if (response.status < 300 || response.status > 399 || location === undefined) return { response, url };
    await response.discard();
    if (hop === MAX_REDIRECTS)
      throw new SourceError(`${start.origin} redirects more than ${MAX_REDIRECTS} times`);
    if (!URL.canParse(location, url.href)) {
      throw new SourceError(`${start.origin} redirects to ${JSON.stringify(location)}, which is no URL`);
    }
    url = new URL(location, url);
    if (url.protocol !== 'http:' && url.protocol !== 'https:') {
      throw new SourceError(`${start.origin} redirects to ${url.protocol}, which is not HTTP`);
    }
  }
}

/** Is the master that answered the leader? By its own pid, which holds behind a port forward too. */
function isSelf({ self }: StateDocument, from: URL, leader: Endpoint): boolean {
  if (self) return self.host === leader.host && self.port === leader.port;
  return from.host === urlOf(leader, from).host;
}

function urlOf({ host, port }: Endpoint, like: URL): URL {
  const url = `${like.protocol}//${host.includes(':') ? `[${host}]` : host}:${port}/`;
  if (!URL.canParse(url))
    throw new SourceError(`${like.origin} names a leading master that is no URL: ${JSON.stringify(url)}`);
  return new URL(url);
}

function distinctMasters(first: URL | undefined, masters: readonly URL[]): URL[] {
  const byOrigin = new Map<string, URL>();
  for (const master of first ? [first, ...masters] : masters) {
    if (!byOrigin.has(master.origin)) byOrigin.set(master.origin, master);
  }
  return [...byOrigin.values()];
}

/** Keeps reports back until it is known that their state is the one used. */
function holdReports(): { report: ReportSkipped; clear: () => void; release: (to: ReportSkipped) => void } {
  const held: Parameters<ReportSkipped>[0][] = [];
  return {
    report: (skipped) => void held.push(skipped),
    clear: () => void held.splice(0),
    release: (to) => held.forEach((skipped) => to(skipped)),
  };
}

function describe(error: unknown, master: URL): string {
  if (error instanceof HttpError && error.status === 503) {
    return `${error.message} (it may still be recovering, or know no leader)`;
  }
  if (error instanceof HttpError && (error.status === 401 || error.status === 403)) {
    return `${error.message} (it wants credentials with the right to view the state)`;
  }
  if (error instanceof FormatError) return `${master.origin}: ${error.message}`;
  return error instanceof Error ? error.message : String(error);
}
