import type { PortRange } from './cluster-snapshot.ts';

type Resources = {
  readonly cpus: number;
  readonly memMiB: number;
  readonly diskMiB: number;
  readonly ports: readonly PortRange[];
};

/**
 * Resources as a list, one entry a kind; none for what there is none of. `role` or `allocation_info`, whichever
 * the owner's are marked with, comes last in each.
 */
export function resourcesV1({ cpus, memMiB, diskMiB, ports }: Resources, mark: object) {
  const scalar = (name: string, value: number) =>
    value === 0 ? [] : [{ name, type: 'SCALAR', scalar: { value }, ...mark }];
  const range = ports.map(([begin, end]) => ({ begin, end }));
  return [
    ...scalar('cpus', cpus),
    ...scalar('mem', memMiB),
    ...scalar('disk', diskMiB),
    ...(range.length === 0 ? [] : [{ name: 'ports', type: 'RANGES', ranges: { range }, ...mark }]),
  ];
}
