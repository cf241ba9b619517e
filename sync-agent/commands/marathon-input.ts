import { createBasicCredentials } from '../auth/basic.ts';
import { readCredentialsFile } from '../auth/credentials-file.ts';
import type { AgentConfig } from '../config.ts';
import type { OnEvent } from '../events.ts';
import { createHttp } from '../http.ts';
import { sleepFor } from '../retry.ts';
import { createMarathonEvents, type MarathonEvents } from '../sources/marathon-events.ts';

/** Marathon's event stream as the configuration names it. Connects nowhere before it is followed. */
export function marathonFrom(
  { urls, credentialsFile }: NonNullable<AgentConfig['marathon']>,
  onEvent: OnEvent,
): MarathonEvents & { readonly close: () => Promise<void> } {
  const http = createHttp();
  const credentials =
    credentialsFile === undefined
      ? undefined
      : createBasicCredentials(() => readCredentialsFile(credentialsFile));
  const events = createMarathonEvents({
    urls: urls.map((url) => new URL(url)),
    http,
    header: credentials?.header,
    monotonicMs: () => performance.now(),
    sleep: sleepFor,
    random: Math.random,
    onStatus: ({ isConnected, why }) => onEvent({ kind: 'marathon', isConnected, why }),
  });
  return { ...events, close: () => http.close() };
}
