import type { Settings } from './env.ts';
import type { ResolveOptions } from './resolve.ts';
import { hasExpired, snapshotAgeSeconds } from './snapshot/reader.ts';
import type { WaitUntil } from './snapshot/share.ts';

/** How the zones are, without a name in them. */
export type Health = {
  /** The worst of the zones'. */
  readonly status: ZoneStatus;
  /** `open` is a warning: anybody may ask. */
  readonly access: 'open' | 'closed';
  readonly zones: readonly ZoneHealth[];
};

export type ZoneStatus = 'ok' | 'stale' | 'expired' | 'not-ready';

export type ZoneHealth = {
  readonly origin: string;
  readonly status: ZoneStatus;
  readonly serial?: number;
  /** Since the agent last vouched for the snapshot, or its sources for what is in it, whichever is longer. */
  readonly ageSeconds?: number;
};

const WORST_FIRST: readonly ZoneStatus[] = ['not-ready', 'expired', 'stale', 'ok'];

export async function healthOf(
  settings: Settings,
  options: ResolveOptions,
  waitUntil: WaitUntil,
): Promise<Health> {
  const zones = await Promise.all(
    options.zones.map(async ({ origin, reader }): Promise<ZoneHealth> => {
      const held = await reader.current(waitUntil);
      if (!held) return { origin, status: 'not-ready' };
      const ageSeconds = snapshotAgeSeconds(held, options.now());
      const stale = ageSeconds > held.body.settings.staleAfterSeconds;
      const status = hasExpired(held, options.now()) ? 'expired' : stale ? 'stale' : 'ok';
      return { origin, status, serial: held.root.serial, ageSeconds };
    }),
  );
  const status = WORST_FIRST.find((candidate) => zones.some((zone) => zone.status === candidate)) ?? 'ok';
  return { status, access: settings.access.kind, zones };
}
