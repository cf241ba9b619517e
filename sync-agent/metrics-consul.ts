import type { ConsulStatus } from './sources/consul-view.ts';

type Sample = readonly [value: number | undefined, labels: Readonly<Record<string, string>>];
type Facts = { readonly consul: readonly ConsulStatus[] };

/** What `/metrics` tells of Consul's datacentres; each with its line in `docs/consul.md`. */
export const CONSUL_METRICS: readonly {
  readonly name: string;
  readonly type: 'gauge' | 'counter';
  readonly help: string;
  readonly samples: (facts: Facts) => readonly Sample[];
}[] = [
  each('stale', "Whether Consul's catalogue can't be read (1): the last one is used.", ({ problem }) =>
    problem === undefined ? 0 : 1,
  ),
  each(
    'good_age_seconds',
    "Since Consul's catalogue was last known to be up to date.",
    ({ ageSeconds }) => ageSeconds,
  ),
  each('services', "Services in Consul's catalogue.", ({ services }) => services),
  each('instances', 'Instances of these services.', ({ instances }) => instances),
  each('nodes', "Nodes in Consul's catalogue.", ({ nodes }) => nodes),
  each('filtered', 'Whether Consul left something out that its ACL token may not see.', ({ isFiltered }) =>
    isFiltered ? 1 : 0,
  ),
  {
    name: 'consul_skipped_elements',
    type: 'gauge',
    help: "Elements left out of Consul's catalogue as it was read.",
    samples: ({ consul }) =>
      consul.flatMap(({ datacenter, skipped }) =>
        Object.entries(skipped).map(([reason, count]) => [count, { datacenter, reason }] as const),
      ),
  },
  {
    name: 'consul_reads_total',
    type: 'counter',
    help: "Reads of Consul's catalogue, whole or in part, and requests that failed.",
    samples: ({ consul }) =>
      consul.flatMap(({ datacenter, reads, failures }) => [
        [reads, { datacenter, result: 'done' }] as const,
        [failures, { datacenter, result: 'failed' }] as const,
      ]),
  },
];

/** One sample a datacentre. */
function each(
  name: string,
  help: string,
  value: (status: ConsulStatus) => number | undefined,
): (typeof CONSUL_METRICS)[number] {
  return {
    name: `consul_${name}`,
    type: 'gauge',
    help,
    samples: ({ consul }) => consul.map((status) => [value(status), { datacenter: status.datacenter }]),
  };
}
