import { isNameWithin, parseName } from '../../zone/name.ts';
import type { Skipped } from '../cluster.ts';
import type { AgentConfig } from '../config.ts';
import { valuesAt } from '../records/difference.ts';
import { RECORD_SET_TYPES } from '../records/record-set.ts';
import { consulOf } from '../config-consul.ts';
import type { OnEvent } from '../events.ts';
import { consulInputFrom } from './consul-input.ts';

/** Is it a name of Consul's zone? The longer zone has it, as at the Worker. */
export function isConsulName(name: string, config: AgentConfig): boolean {
  const { domain } = config;
  const consul = consulOf(config);
  if (!consul) return false;
  const origin = parseName(consul.domain);
  const owner = parseName(name);
  const isNearer = !isNameWithin(owner, parseName(domain)) || consul.domain.length > domain.length;
  return isNameWithin(owner, origin) && isNearer;
}

/** What Consul gives a name now, and what of its service or node was left out, as text. Throws `SourceError`. */
export async function explainConsulName(
  name: string,
  config: AgentConfig,
  { onEvent, signal }: { readonly onEvent: OnEvent; readonly signal: AbortSignal },
): Promise<string> {
  const consul = consulOf(config);
  if (!consul) return '';
  const input = consulInputFrom(config, consul, { onEvent, dryRun: true });
  try {
    const skipped: Skipped[] = [];
    const { records, asOfSeconds = 0 } = await input.main.read((each) => void skipped.push(each), signal);
    const owner = `${parseName(name)}.`;
    const values = valuesAt(records, owner);
    const lines = RECORD_SET_TYPES.flatMap((type) =>
      (values[type] ?? []).map((value) => `  ${type === 'MORE' ? '' : `${type} `}${value}`),
    );
    const from = `Consul at ${new URL(consul.url).origin}, as of ${new Date(asOfSeconds * 1000).toISOString()}`;
    const [found] =
      lines.length > 0
        ? [`${owner} is of Consul's zone ${consul.domain}. From ${from}:\n${lines.join('\n')}`]
        : [
            `${owner} is of Consul's zone ${consul.domain}, and has no records. Read from ${from}: no such service, tag or node, or no instance that is healthy enough (docs/consul.md)`,
          ];
    const reasons = skipped.map(({ reason, detail }) => `  ${reason}: ${detail}`);
    return `${found}\n${reasons.length > 0 ? `Left out of what was read:\n${reasons.join('\n')}\n` : ''}`;
  } finally {
    await input.close();
  }
}
