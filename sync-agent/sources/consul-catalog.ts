import type { ConsulDatacenter, ReportSkipped } from '../cluster.ts';
import {
  type ConsulFacts,
  type ConsulStatus,
  type ConsulViewOptions,
  createConsulView,
} from './consul-view.ts';
import { openScope } from './scope.ts';
import { type Source, SourceError } from './source.ts';

/** The datacentres that can be told of. The first is the one whose names need no datacentre in them. */
export type ConsulState = {
  readonly datacenters: readonly ConsulDatacenter[];
  /** When the first was so, Unix milliseconds. */
  readonly asOfMs: number;
};

export type ConsulCatalog = Source<ConsulState> & {
  /** Until the signal aborts; `onChange` whenever `read` may give something else. Never throws. */
  readonly follow: (onChange: () => void, signal: AbortSignal) => Promise<void>;
  /** One for each datacentre. */
  readonly status: () => readonly ConsulStatus[];
};

export type ConsulCatalogOptions = Omit<ConsulViewOptions, 'datacenter' | 'kept' | 'onFacts'> & {
  /** The own one first; none: that of the agent that is asked, whatever it is called. */
  readonly datacenters: readonly string[];
  /** What an earlier run knew of these. */
  readonly keep: ConsulKeep;
  /** One of the others that could not be read for so long is left out; 0: never. */
  readonly expireMs: number;
};

/** Where the last good facts outlive the agent. By datacentre as configured, '' for the unnamed one. */
export type ConsulKeep = {
  readonly load: () => Promise<ReadonlyMap<string, ConsulFacts>>;
  /** Never throws: what can't be kept is only missed after a restart. */
  readonly note: (all: ReadonlyMap<string, ConsulFacts>) => void;
  /** Writes what was noted last. */
  readonly flush: () => Promise<void>;
};

/**
 * Consul's catalogue over its HTTP API: services with the health of their instances, and nodes. A datacentre that
 * can't be read stays as it was last; the others go on. Throws only where the first was never read.
 */
export function createConsulCatalog(options: ConsulCatalogOptions): ConsulCatalog {
  const { api, keep, now, expireMs } = options;
  const names = options.datacenters.length > 0 ? options.datacenters : [undefined];
  const last = new Map<string, ConsulFacts>();
  let loaded: Promise<ReadonlyMap<string, ConsulFacts>> | undefined;
  const views = names.map((datacenter) =>
    createConsulView({
      ...options,
      datacenter,
      kept: async () => (await (loaded ??= keep.load())).get(datacenter ?? ''),
      onFacts: (facts) => keep.note(last.set(datacenter ?? '', facts)),
    }),
  );

  const readEach = async (
    report: ReportSkipped,
    signal: AbortSignal,
  ): Promise<readonly (ConsulFacts | SourceError)[]> =>
    Promise.all(
      views.map(async (view) => {
        try {
          return await view.read(report, signal);
        } catch (error) {
          signal.throwIfAborted();
          if (error instanceof SourceError) return error;
          throw error;
        }
      }),
    );
  return {
    name: api.name,
    read: async (report, signal) => {
      signal.throwIfAborted();
      const [own, ...others] = await readEach(report, signal);
      if (!own || !('facts' in own)) throw own ?? new SourceError(`${api.name}: no datacentre is named`);
      const isCurrent = (facts: ConsulFacts): boolean => expireMs === 0 || now() - facts.asOfMs <= expireMs;
      const usable = others.filter((each) => 'facts' in each).filter((each) => isCurrent(each));
      return { datacenters: [own, ...usable].map(({ facts }) => facts), asOfMs: own.asOfMs };
    },
    follow: async (onChange, signal) => {
      const scope = openScope(signal);
      await Promise.all(views.map((view) => view.follow(onChange, scope.signal)));
      scope.end();
      await keep.flush();
    },
    status: () => views.map((view) => view.status()),
  };
}
