import type { Skipped } from '../cluster.ts';
import type { AgentConfig } from '../config.ts';
import type { ConsulConfig } from '../config-consul.ts';
import { explainConsul } from '../consul/explain.ts';
import type { OnEvent } from '../events.ts';
import type { Explanation } from '../records/explain.ts';
import type { RRsetSettings } from '../records/rrsets.ts';
import { consulInputFrom } from './consul-input.ts';
import { rrsetSettings, SOURCE_CONSUL } from './outputs.ts';

type ConsulExplainOptions = {
  readonly type: string | undefined;
  readonly onEvent: OnEvent;
  readonly signal: AbortSignal;
};

/** What Consul gives a name now, and what of its service or node was left out. Throws `SourceError`. */
export async function explainConsulName(
  name: string,
  { config, consul }: { readonly config: AgentConfig; readonly consul: ConsulConfig },
  { type, onEvent, signal }: ConsulExplainOptions,
): Promise<{ readonly explanation: Explanation; readonly rrsets: RRsetSettings }> {
  const { zone, facts, settings, close } = consulInputFrom(config, consul, { onEvent, dryRun: true });
  try {
    const skipped: Skipped[] = [];
    const { datacenters, asOfMs } = await facts.read((each) => void skipped.push(each), signal);
    const rrsets: RRsetSettings = {
      ...rrsetSettings(config),
      origin: zone.origin,
      ttl: zone.soa.ttl,
      sources: SOURCE_CONSUL,
    };
    const from = `${new URL(consul.url).origin}, as of ${new Date(asOfMs).toISOString()}`;
    return {
      explanation: explainConsul(datacenters, name, { settings, rrsets, type, skipped, from }),
      rrsets,
    };
  } finally {
    await close();
  }
}
