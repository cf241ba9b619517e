import type { Discovery } from '../cluster.ts';

/** Who is meant to find a task, least first (Mesos `mesos.proto`, DiscoveryInfo.Visibility). */
export const VISIBILITIES = ['framework', 'cluster', 'external'] as const;
export type Visibility = (typeof VISIBILITIES)[number];

/** A state's text as visibility: where there is none, or one that Mesos does not have, `cluster`. */
export function visibilityOf(text: string | undefined): Visibility {
  return VISIBILITIES.find((each) => each.toUpperCase() === text) ?? 'cluster';
}

export function isVisible(visibility: Visibility, least: Visibility): boolean {
  return VISIBILITIES.indexOf(visibility) >= VISIBILITIES.indexOf(least);
}

/** Without the ports whose own visibility is lower; a port that has none is as visible as its task. */
export function withVisiblePorts(discovery: Discovery, least: Visibility): Discovery {
  if (least === 'framework' || discovery.ports.every((port) => port.visibility === undefined))
    return discovery;
  const ports = discovery.ports.filter(
    ({ visibility }) => visibility === undefined || isVisible(visibilityOf(visibility), least),
  );
  return { ...discovery, ports };
}
