import { FormatError } from '../../zone/format-error.ts';
import { createMasterHttp, isDowngrade, isMasterHttp, type MasterHttp } from '../auth/master-http.ts';
import type { ClusterState, Endpoint, ReportSkipped } from '../cluster.ts';
import { type Http, HttpError, type HttpResponse } from '../http.ts';
import type { MasterFinder } from '../masters/finder.ts';
import { type Source, SourceError } from './source.ts';
import { readStateDocument, type StateDocument } from './state-document.ts';

export type MesosStateOptions = {
  /** Tells which masters to ask, in which order. Its candidates, and whom they announce, get our credentials. */
  readonly finder: MasterFinder;
  readonly http: Http | MasterHttp;
  /** For the whole of a state, connecting included. */
  readonly timeoutMs: number;
  readonly maxOctets: number;
};

/** The names `/state` has had: `.json` ones are gone since Mesos 1.8, `/state` came with 0.25. */
const PATHS = ['/master/state', '/master/state.json', '/state.json'] as const;
const MAX_REDIRECTS = 3;
/** How long a master may be silent: shorter where another can be asked instead. */
const SILENCE_MS = { alone: 60_000, ofSeveral: 20_000 } as const;

/**
 * The cluster as the leading master's `/state` tells it. A master that does not lead says who does, by a 307 or
 * by its `leader`; a master that refuses, recovers or can't be reached is passed over for the next.
 */
export function createMesosStateSource({
  finder,
  http: givenHttp,
  ...limits
}: MesosStateOptions): Source<ClusterState> {
  const http = isMasterHttp(givenHttp)
    ? givenHttp
    : createMasterHttp({ http: givenHttp, credentials: undefined, configured: [] });
  let path: string = PATHS[0];
  let lastLeader: URL | undefined;
  let silenceMs: number = SILENCE_MS.alone;

  const ask = async (
    url: URL,
    report: ReportSkipped,
    signal: AbortSignal,
  ): Promise<{ document: StateDocument; from: URL }> => {
    const paths = [path, ...PATHS.filter((other) => other !== path)];
    for (const [i, candidate] of paths.entries()) {
      const answer = await follow(new URL(candidate, url), { http, ...limits, silenceMs }, signal);
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
    name: `mesos-state ${finder.name}`,
    read: async (report, signal) => {
      const failures: string[] = [];
      const candidates = await finder.candidates(signal);
      for (const candidate of candidates) http.trust(candidate);
      silenceMs = candidates.length > 1 ? SILENCE_MS.ofSeveral : SILENCE_MS.alone;
      // ZooKeeper knows better than a memory who leads; a list does not.
      const first = finder.state().by === 'list' ? lastLeader : undefined;
      for (const master of distinctMasters(first, candidates)) {
        try {
          const held = holdReports();
          let { document, from } = await ask(master, held.report, signal);
          const leader = document.state.leader;
          if (!leader) throw new SourceError(`${from.origin} knows no leading master`);
          if (!isSelf(document, from, leader)) {
            held.clear();
            const announced = urlOf(leader, from);
            http.trust(announced, from);
            ({ document, from } = await ask(announced, held.report, signal));
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

type Asking = Omit<MesosStateOptions, 'finder'> & { readonly http: MasterHttp; readonly silenceMs: number };

/** Follows redirects to the leading master, whose `Location` has no scheme: `//host:port/path`. */
async function follow(
  start: URL,
  { http, timeoutMs, maxOctets, silenceMs }: Asking,
  signal: AbortSignal,
): Promise<{ response: HttpResponse; url: URL }> {
  let url = start;
  for (let hop = 0; ; hop++) {
    const headers = { accept: 'application/json' };
    const request = { url: url.href, headers, signal, timeoutMs, maxOctets };
    const response = await http.request({ ...request, idleTimeoutMs: Math.min(timeoutMs, silenceMs) });
    const location = response.headers['location'];
    if (response.status < 300 || response.status > 399 || location === undefined) return { response, url };
    await response.discard();
    if (hop === MAX_REDIRECTS)
      throw new SourceError(`${start.origin} redirects more than ${MAX_REDIRECTS} times`);
    if (!URL.canParse(location, url.href)) {
      throw new SourceError(`${start.origin} redirects to ${JSON.stringify(location)}, which is no URL`);
    }
    const target = new URL(location, url);
    if (target.protocol !== 'http:' && target.protocol !== 'https:') {
      throw new SourceError(`${start.origin} redirects to ${target.protocol}, which is not HTTP`);
    }
    if (isDowngrade(url, target))
      throw new SourceError(`${url.origin} redirects from HTTPS to ${target.origin}, which is not followed`);
    http.trust(target, url);
    url = target;
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
  if (error instanceof FormatError) return `${master.origin}: ${error.message}`;
  return error instanceof Error ? error.message : String(error);
}
