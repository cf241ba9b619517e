import { type DestinationStream, pino } from 'pino';
import type { OnEvent } from './events.ts';

/** Events as one JSON line each, on `destination`; nothing in them is secret. */
export function createLog(destination: DestinationStream): OnEvent {
  const log = pino({ base: null, timestamp: pino.stdTimeFunctions.isoTime }, destination);
  return (event) => {
    switch (event.kind) {
      case 'read':
        log.info({ ...event, elapsedMs: Math.round(event.elapsedMs) }, 'read the cluster');
        break;
      case 'skipped':
        for (const { reason, count, examples } of event.reasons)
          log.warn({ reason, count, examples }, 'left out');
        break;
      case 'pushed':
        log.info(
          { sink: event.sink, elapsedMs: Math.round(event.elapsedMs), ...event.push, kind: undefined },
          event.push.kind === 'changed'
            ? 'published'
            : event.push.kind === 'confirmed'
              ? 'renewed'
              : 'unchanged',
        );
        break;
      case 'anew':
        log.warn(
          { sink: event.sink, reason: event.reason },
          'what was published can not be used: publishing anew',
        );
        break;
      case 'key':
        log.info(
          { path: event.path, VERIFY_KEYS: event.publicKeyBase64 },
          event.made ? 'made a signing key' : 'signing',
        );
        break;
      case 'failed':
        log.error({ error: event.error.message, retryInMs: event.retryInMs }, 'nothing was published');
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
          if (count > examples.length) write(`skipped (${reason}): and ${count - examples.length} more`);
        }
        break;
      case 'anew':
        write(`what ${event.sink} holds can not be used (${event.reason}): publishing anew`);
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
      case 'read':
      case 'pushed':
        break;
    }
  };
}
