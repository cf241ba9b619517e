import type { Office } from './agent.ts';
import type { OnEvent } from './events.ts';
import { DeposedError } from './publish/sight.ts';
import type { Sync } from './sync.ts';
import { joinPublishers, tellsOfFollower } from './variants.ts';

/** A zone that could not be published is tried again with the next round: at the latest so long after. */
const NEXT_ROUND_MS = 60_000;

/**
 * One office over a zone and others that have nothing to do with it but their agent. Each is published whatever
 * becomes of the rest; a round has failed where the first one did, the others' failures are told. What people ask
 * for by serial (history, rollback) is the first one's.
 */
export function besideOffices(first: Office, others: readonly Office[], onEvent: OnEvent): Office {
  const publishOthers = async (...[signal, orders]: Parameters<Sync['once']>): Promise<number[]> => {
    const written = [0, 0, 0];
    for (const { sync } of others) {
      try {
        const { writes, octets, heldNames } = await sync.once(signal, orders);
        for (const [i, count] of [writes, octets, heldNames].entries())
          written[i] = (written[i] ?? 0) + count;
      } catch (error) {
        signal.throwIfAborted();
        if (error instanceof DeposedError || !(error instanceof Error)) throw error;
        onEvent({ kind: 'failed', error, retryInMs: NEXT_ROUND_MS });
      }
    }
    return written;
  };
  const once: Sync['once'] = async (signal, orders) => {
    let failure: { readonly error: unknown } | undefined;
    const outcome = await first.sync.once(signal, orders).catch((error: unknown) => {
      signal.throwIfAborted();
      if (error instanceof DeposedError) throw error;
      failure = { error };
      return undefined;
    });
    const [writes = 0, octets = 0, heldNames = 0] = await publishOthers(signal, orders);
    if (!outcome) throw failure?.error;
    return {
      ...outcome,
      writes: outcome.writes + writes,
      octets: outcome.octets + octets,
      heldNames: outcome.heldNames + heldNames,
    };
  };
  const all = [first, ...others] as const;
  return {
    sync: {
      ...first.sync,
      once,
      held: () => ({
        scopes: all.flatMap(({ sync }) => sync.held().scopes),
        values: all.flatMap(({ sync }) => sync.held().values),
      }),
    },
    publisher: joinPublishers(all),
  };
}

/** What a further zone's sync tells: under its name, and what it left out as well. */
export function tellsOfZone(zone: string, onEvent: OnEvent): OnEvent {
  const others = tellsOfFollower(zone, onEvent);
  return (event) => {
    if (event.kind === 'skipped') onEvent({ ...event, zone: event.zone ?? zone });
    else others(event);
  };
}
