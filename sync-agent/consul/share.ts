import type { ConsulCatalog, ConsulState } from '../sources/consul-catalog.ts';

/** The catalogue, read once a round for all variants of its zone. What is left out is told to the first. */
export function shareConsulReads(
  catalog: ConsulCatalog,
): ConsulCatalog & { readonly beginRound: () => void } {
  let reading: Promise<ConsulState> | undefined;
  return {
    ...catalog,
    beginRound: () => (reading = undefined),
    read: (report, signal) => (reading ??= catalog.read(report, signal)),
  };
}
