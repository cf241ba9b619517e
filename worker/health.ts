import type { ViewedZone } from './access/find-visible.ts';
import type { Rates } from './access/rate.ts';
import type { View } from './access/views.ts';
import type { Access } from './env.ts';
import { problemResponse } from './doh.ts';
import type { ResolveOptions } from './resolve.ts';
import { hasExpired, type Held, snapshotAgeSeconds } from './snapshot/held.ts';
import type { WaitUntil } from './snapshot/share.ts';

/** How the zones are, without a name in them. */
export type Health = {
  /** The worst of the zones'. */
  readonly status: ZoneStatus;
  /** `open` is a warning: anybody may ask. */
  readonly access: Access['kind'];
  /** Those of the asker's view; none for strangers. */
  readonly zones: readonly ZoneHealth[];
  /** Which limits are bound; told to teams. */
  readonly limits?: Rates['limited'];
};

export type ZoneStatus = 'ok' | 'stale' | 'expired' | 'not-ready';

export type ZoneHealth = {
  readonly origin: string;
  /** Of an alias or a merged zone: what is answered under its name. */
  readonly standsFor?: readonly string[];
  readonly status: ZoneStatus;
  readonly serial?: number;
  /** Since the agent last vouched for the snapshot, or its sources for what is in it, whichever is longer. */
  readonly ageSeconds?: number;
  /** How many names the agent's guard holds: answered still though the cluster no longer says so. And for how long. */
  readonly held?: number;
  readonly heldSinceSeconds?: number;
  /** The serial a rollback brought back: the zone does not follow its cluster until it is released. */
  readonly pinned?: number;
  /** How often this isolate took a head with a lower serial, since the ones before were lost. */
  readonly restored?: number;
  /** Why what the store holds can not be used; what is held goes on answering. */
  readonly problem?: string;
};

const WORST_FIRST: readonly ZoneStatus[] = ['not-ready', 'expired', 'stale', 'ok'];

export async function healthOf(
  access: Access['kind'],
  options: Pick<ResolveOptions, 'zones' | 'now'>,
  waitUntil: WaitUntil,
): Promise<Health> {
  const zones = await Promise.all(
    options.zones.map(async (zone): Promise<ZoneHealth> => {
      const { origin, reader, standsFor } = zone;
      const held = await reader.current(waitUntil);
      const { problem, restored } = reader.state();
      const told = {
        ...(standsFor && { standsFor }),
        ...(restored > 0 && { restored }),
        ...(problem !== undefined && { problem }),
      };
      if (!held) return { origin, status: 'not-ready', ...told };
      return { origin, ...ageOf(held, options.now()), ...heldBack(held, options.now(), zone), ...told };
    }),
  );
  const status = WORST_FIRST.find((candidate) => zones.some((zone) => zone.status === candidate)) ?? 'ok';
  return { status, access, zones };
}

export function healthResponse(health: Health): Response {
  return Response.json(health, {
    status: health.status === 'not-ready' ? 503 : 200,
    headers: { 'cache-control': 'no-store' },
  });
}

/** How it is on the whole: which zones there are is a name already. */
export async function healthForStrangers(
  { method }: Request,
  { access, view, waitUntil }: { access: Access['kind']; view: View; waitUntil: WaitUntil },
): Promise<Response> {
  if (method !== 'GET' && method !== 'HEAD') return problemResponse({ status: 405, reason: 'Ask by GET.' });
  const health = await healthOf(access, view.options, waitUntil);
  const response = healthResponse({ ...health, zones: [] });
  return method === 'HEAD' ? new Response(null, response) : response;
}

function ageOf(held: Held, nowMs: number): Pick<ZoneHealth, 'status' | 'serial' | 'ageSeconds'> {
  const ageSeconds = snapshotAgeSeconds(held, nowMs);
  const stale = ageSeconds > held.body.settings.staleAfterSeconds;
  const status = hasExpired(held, nowMs) ? 'expired' : stale ? 'stale' : 'ok';
  return { status, serial: held.root.serial, ageSeconds };
}

/** Numbers only: whose names they are is not for everybody, and how many only for who sees them all. */
function heldBack({ body }: Held, nowMs: number, { subtrees }: ViewedZone): Partial<ZoneHealth> {
  return {
    // A guard that holds nothing may still have something to remember.
    ...(body.held &&
      body.held.names > 0 &&
      !subtrees && {
        held: body.held.names,
        heldSinceSeconds: Math.max(0, Math.round(nowMs / 1000 - body.held.sinceSeconds)),
      }),
    ...(body.pin !== undefined && { pinned: body.pin }),
  };
}
