import { type DestinationStream, pino } from 'pino';
import type { OfSnapshot, OnEvent } from './events.ts';

/** A line tells of so many scopes. */
const LOGGED_SCOPES = 10;

/** Events as one JSON line each, on `destination`; nothing in them is secret. Reads are told at level `debug` alone. */
export function createLog(destination: DestinationStream, level = 'info'): OnEvent {
  const log = pino({ level, base: null, timestamp: pino.stdTimeFunctions.isoTime }, destination);
  return (event) => {
    switch (event.kind) {
      case 'read':
        log.debug({ ...event, elapsedMs: Math.round(event.elapsedMs) }, 'read the cluster');
        break;
      case 'skipped':
        for (const { reason, count, examples } of event.reasons)
          log.warn({ zone: event.zone, reason, count, examples }, 'left out');
        break;
      case 'pushed':
        log.info(
          {
            zone: event.zone,
            variant: event.variant,
            sink: event.sink,
            elapsedMs: Math.round(event.elapsedMs),
            ...event.push,
            kind: undefined,
          },
          event.push.kind === 'changed'
            ? 'published'
            : event.push.kind === 'confirmed'
              ? 'renewed'
              : 'unchanged',
        );
        break;
      case 'unusable':
        log.warn(
          { zone: event.zone, variant: event.variant, reason: event.reason },
          'what was published can not be used: publishing anew',
        );
        break;
      case 'held':
        log.warn(
          {
            zone: event.zone,
            variant: event.variant,
            names: event.names,
            scopes: event.scopes.slice(0, LOGGED_SCOPES),
          },
          'names are missing and held back (docs/guard.md)',
        );
        break;
      case 'released':
        log.warn({ names: event.names, why: event.why }, 'let names go that were held back');
        break;
      case 'pinned':
        log.warn(
          { serial: event.serial },
          'a rollback stands (ctl unpin ends it): the main variant stays, and what zones beside have of their own; other variants follow the cluster',
        );
        break;
      case 'role':
        log.info({ role: event.role, epoch: event.epoch, why: event.why }, event.role);
        break;
      case 'cut':
        log.info(
          {
            zone: event.zone,
            variant: event.variant,
            blocks: event.blocks,
            octets: event.octets,
            namedInMs: event.namedInMs,
          },
          'stored new shards',
        );
        break;
      case 'republished':
        log.warn({ zone: event.zone, variant: event.variant, reason: event.reason }, 'wrote the head again');
        break;
      case 'swept':
        log.info({ keys: event.keys }, 'removed superseded keys');
        break;
      case 'clock': {
        const offset = { offsetMs: Math.round(event.offsetMs) };
        if (event.isOff)
          log.error(offset, "this machine's clock is off the sink's, whose time heads carry: set it right");
        else log.info(offset, "this machine's clock is right again");
        break;
      }
      case 'quota':
        (event.emptyAtMs === undefined ? log.info : log.warn).call(
          log,
          { ...event, kind: undefined, emptyAt: timeText(event.emptyAtMs), emptyAtMs: undefined },
          'the free plan has so many operations a day, and this day has used most (docs/cost.md)',
        );
        break;
      case 'key':
        log.info(
          { path: event.path, VERIFY_KEYS: event.publicKeyBase64 },
          event.made ? 'made a signing key' : 'signing',
        );
        break;
      case 'mode':
        (event.mode === 'stream' ? log.info : log.warn).call(
          log,
          { mode: event.mode, why: event.why },
          'follows the cluster',
        );
        break;
      case 'stream-lost':
        log.warn({ why: event.why, retryInMs: Math.round(event.retryInMs) }, 'the operator stream is lost');
        break;
      case 'drift':
        log.warn({ ...event, kind: undefined }, 'the stream had missed changes: took the master’s word');
        break;
      case 'reconcile-failed':
        log.warn(
          { why: event.why, retryInMs: Math.round(event.retryInMs) },
          'could not compare with the master',
        );
        break;
      case 'leader-lookup':
        if (event.problem === undefined) log.info({ by: event.by }, 'the leader is looked up again');
        else log.warn({ by: event.by, problem: event.problem }, 'the leader can not be looked up');
        break;
      case 'monitor':
        log.info({ url: event.url }, 'the monitor listens');
        break;
      case 'marathon':
        (event.isConnected ? log.info : log.warn).call(log, { why: event.why }, 'Marathon’s events');
        break;
      case 'server-sets':
        if (event.problem === undefined) log.info('Aurora’s ServerSets are up to date again');
        else log.warn({ problem: event.problem }, 'Aurora’s ServerSets can not be read');
        break;
      case 'consul': {
        const { datacenter, problem } = event;
        if (problem === undefined) log.info({ datacenter }, 'Consul’s catalogue is up to date again');
        else log.warn({ datacenter, problem }, 'Consul’s catalogue can not be read: the last one is used');
        break;
      }
      case 'failed':
        log.error(
          { error: event.error.message, retryInMs: event.retryInMs },
          'failed; what is published stays',
        );
        break;
    }
  };
}

/** Events worth a person's attention as plain lines, such as a terminal shows beside results. */
export function createConsole(writeLine: (line: string) => void): OnEvent {
  // Names and ids are chosen by whoever may register a framework: none of them may steer the terminal.
  const write = (line: string): void => writeLine(line.replaceAll(/\p{C}/gu, '\uFFFD'));
  return (event) => {
    switch (event.kind) {
      case 'skipped':
        for (const { reason, count, examples } of event.reasons) {
          for (const example of examples) write(`skipped (${reason}): ${example}`);
          if (count > examples.length)
            write(
              `skipped (${reason}): and ${count - examples.length} more (mesos-doh records --skipped names all)`,
            );
        }
        break;
      case 'unusable':
        write(`what is published${ofText(event)} can not be used (${event.reason}): publishing anew`);
        break;
      case 'held':
        write(
          `${event.names} names${ofText(event)} are missing from the cluster and held back (docs/guard.md):`,
        );
        for (const { scope, missing, of, why } of event.scopes.slice(0, LOGGED_SCOPES))
          write(`  ${scope}: ${missing} of ${of} (${why})`);
        break;
      case 'released':
        write(`${event.names} names that were held back are gone now (${event.why})`);
        break;
      case 'pinned':
        write(
          `serial ${event.serial} was rolled back to and stays (other variants follow the cluster): mesos-doh rollback --release ends that`,
        );
        break;
      case 'clock': {
        const seconds = Math.round(Math.abs(event.offsetMs) / 1000);
        write(
          `this machine's clock is ${seconds} s off the sink's${event.isOff ? ': set it right' : ' now'}`,
        );
        break;
      }
      case 'cut': {
        const seconds = Math.round(event.namedInMs / 1000);
        if (seconds > 0)
          write(`stored ${event.blocks} new blocks${ofText(event)}, to be named in ${seconds} s`);
        break;
      }
      case 'republished':
        write(`wrote the head${ofText(event)} again: ${event.reason}`);
        break;
      case 'quota':
        if (event.emptyAtMs === undefined) break;
        write(`${event.written} of the free plan's ${event.perDay} ${event.operation} of this day are used`);
        break;
      case 'role':
        if (event.role === 'standby') write(`waiting: ${event.why}`);
        break;
      case 'failed':
        write(`${event.error.message} (tried again in ${Math.round(event.retryInMs / 1000)} s)`);
        break;
      case 'key':
        if (!event.made) break;
        write(
          `made a signing key in ${event.path}; the Worker verifies with VERIFY_KEYS=${event.publicKeyBase64}`,
        );
        break;
      case 'mode':
        if (event.mode !== 'stream') write(event.why);
        break;
      case 'stream-lost':
      case 'reconcile-failed':
        write(`${event.why} (tried again in ${Math.round(event.retryInMs / 1000)} s)`);
        break;
      case 'leader-lookup':
        if (event.problem !== undefined) write(event.problem);
        break;
      case 'marathon':
        if (!event.isConnected) write(event.why);
        break;
      case 'server-sets':
        if (event.problem !== undefined) write(event.problem);
        break;
      case 'consul':
        if (event.problem !== undefined) write(`${event.datacenter}: ${event.problem}`);
        break;
      case 'read':
      case 'monitor':
      case 'pushed':
      case 'swept':
      case 'drift':
        break;
    }
  };
}

/** Of which snapshot, where it is not the first zone's main one. */
function ofText({ zone, variant }: OfSnapshot): string {
  const which = [zone && `zone ${zone}`, variant && `variant ${variant}`].filter(Boolean);
  return which.length > 0 ? ` of ${which.join(', ')}` : '';
}

function timeText(unixMs: number | undefined): string | undefined {
  return unixMs === undefined ? undefined : new Date(unixMs).toISOString();
}

/** What stays as it is, left-out elements and held names, is told when it changes, not with every read. */
export function newsOnly(onEvent: OnEvent): OnEvent {
  const last = new Map<string, string>();
  let skippedSinceRead = true;
  return (event) => {
    // A read without any is news where there were some.
    if (event.kind === 'read') {
      if (!skippedSinceRead) last.delete('skipped');
      skippedSinceRead = false;
    }
    if (event.kind === 'skipped' && event.zone === undefined) skippedSinceRead = true;
    if (event.kind === 'skipped' || event.kind === 'held' || event.kind === 'pinned') {
      const text = JSON.stringify(event);
      const key = keyOf(event);
      if (last.get(key) === text) return;
      last.set(key, text);
    }
    onEvent(event);
  };
}

/** What one event stays as it is against: the one before of its kind and snapshot. */
function keyOf(event: { readonly kind: string } & OfSnapshot): string {
  const { kind, zone, variant } = event;
  return zone === undefined && variant === undefined ? kind : `${kind} ${zone} ${variant}`;
}
