import { FormatError } from '../../zone/format-error.ts';
import type { ConsulDatacenter, ConsulNode, ConsulService, ReportSkipped } from '../cluster.ts';
import type { ConsulAnswer, ConsulApi } from './consul-api.ts';
import { readInstances, readNodes, readServiceNames } from './consul-facts.ts';
import { openScope } from './scope.ts';
import { SourceError } from './source.ts';

/** Asks one datacentre for what it has now. */
export type ConsulReader = {
  /** The whole: names of services, nodes, and each service by itself. Throws `SourceError`; half is never given. */
  readonly whole: (report: ReportSkipped, signal: AbortSignal) => Promise<ConsulRead>;
  /** These services anew, the rest as it is. One that is gone has no instances. */
  readonly services: (
    names: readonly string[],
    known: ConsulDatacenter,
    options: { readonly report: ReportSkipped; readonly signal: AbortSignal },
  ) => Promise<ConsulRead>;
};

export type ConsulRead = {
  readonly facts: ConsulDatacenter;
  /** How old the oldest answer may be: servers that answer stale say so. */
  readonly ageMs: number;
  /** The token's rights left something out. */
  readonly isFiltered: boolean;
};

export type ConsulReaderOptions = {
  readonly api: ConsulApi;
  /** Undefined: the one of the agent that is asked. */
  readonly datacenter: string | undefined;
  /** Requests at a time. */
  readonly concurrency: number;
};

export function createConsulReader({ api, datacenter, concurrency }: ConsulReaderOptions): ConsulReader {
  const ask = async <Part>(
    path: string,
    read: (body: unknown) => Part,
    { seen, signal }: { seen: Seen; signal: AbortSignal },
  ): Promise<Part> => {
    const answer = await api.get(path, { datacenter }, signal);
    seen.note(answer);
    try {
      return read(answer.body);
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      throw new SourceError(`${api.name}: ${path}: ${error.message}`, { cause: error });
    }
  };
  const readServices = (
    names: readonly string[],
    { report, ...asking }: { report: ReportSkipped; seen: Seen; signal: AbortSignal },
  ): Promise<readonly ConsulService[]> =>
    mapLimited(names, concurrency, {
      signal: asking.signal,
      map: async (name, signal) => {
        const path = `/v1/health/service/${encodeURIComponent(name)}`;
        const read = (body: unknown): ConsulService['instances'] => readInstances(body, name, report);
        return { name, instances: await ask(path, read, { ...asking, signal }) };
      },
    });

  return {
    whole: async (report, signal) => {
      const seen = createSeen();
      const asking = { seen, signal };
      const names = await ask('/v1/catalog/services', (body) => readServiceNames(body, report), asking);
      // Consul itself is a service wherever there is one: who sees none has no right to.
      if (names.length === 0) {
        throw new SourceError(
          `${api.name}: no service is to be seen${datacenter === undefined ? '' : ` in ${datacenter}`}: has the ACL token service:read and node:read? (docs/consul.md)`,
        );
      }
      const { nodes, datacenter: told } = await ask(
        '/v1/catalog/nodes',
        (body) => readNodes(body, report),
        asking,
      );
      const name = datacenter ?? told;
      if (name === undefined)
        throw new SourceError(
          `${api.name}: its nodes do not say which datacentre they are in: name it in consul.datacenters`,
        );
      const services = await readServices(names, { ...asking, report });
      return { facts: { name, nodes: inOrder(nodes), services: inOrder(services) }, ...seen.sum() };
    },
    services: async (names, known, { report, signal }) => {
      const seen = createSeen();
      const anew = await readServices(names, { report, seen, signal });
      const renewed = new Map(anew.map((service) => [service.name, service]));
      const services = known.services.map((service) => renewed.get(service.name) ?? service);
      return { facts: { ...known, services }, ...seen.sum() };
    },
  };
}

type Seen = {
  readonly note: (answer: ConsulAnswer) => void;
  readonly sum: () => Omit<ConsulRead, 'facts'>;
};

/** What the answers of one read say of themselves, together. */
function createSeen(): Seen {
  let ageMs = 0;
  let isFiltered = false;
  return {
    note: (answer) => {
      ageMs = Math.max(ageMs, answer.ageMs);
      isFiltered ||= answer.isFiltered;
    },
    sum: () => ({ ageMs, isFiltered }),
  };
}

function inOrder<Of extends ConsulNode | ConsulService>(all: readonly Of[]): Of[] {
  return all.toSorted((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
}

/** All results in order, so many at a time; the first failure ends the rest. */
async function mapLimited<From, To>(
  items: readonly From[],
  limit: number,
  { map, signal }: { map: (item: From, signal: AbortSignal) => Promise<To>; signal: AbortSignal },
): Promise<readonly To[]> {
  const results = new Map<number, To>();
  const scope = openScope(signal);
  let next = 0;
  const work = async (): Promise<void> => {
    while (next < items.length) {
      const at = next++;
      const item = items[at];
      if (item !== undefined) results.set(at, await map(item, scope.signal));
    }
  };
  const workers = Array.from({ length: Math.min(limit, items.length) }, () => work());
  try {
    await Promise.all(workers);
  } finally {
    scope.end(new SourceError('another request failed'));
    await Promise.allSettled(workers);
  }
  return items.map((_, i) => results.get(i)).filter((result) => result !== undefined);
}
