import { join } from 'node:path';
import type { AgentConfig } from '../config.ts';
import type { Office } from '../agent.ts';
import { createChangeLog } from '../change-log.ts';
import type { Term } from '../election/election.ts';
import type { OnEvent } from '../events.ts';
import type { Change } from '../publish/published.ts';
import { lockDataDir } from '../local/data-dir.ts';
import { createQuotaFile } from '../quota-file.ts';
import { recordSettings } from '../record-settings.ts';
import type { RecordSource } from '../record-source.ts';
import { createCountedSink } from '../sinks/counted.ts';
import type { Sink } from '../sinks/sink.ts';
import { SourceError } from '../sources/source.ts';
import { createSync } from '../sync.ts';
import { loadOrMakeWriterId } from '../writer-id.ts';
import { joinOffices, tellsOf } from '../variants.ts';
import { mastersFrom, type RecordSources, recordSourcesFrom } from './cluster-input.ts';
import type { InputFlags } from './inputs.ts';
import { type Outlet, publisherFrom, rrsetSettings, signingKeyFrom, sinkFrom } from './outputs.ts';
import { note } from './terminal.ts';

/** Flags that say where a zone is published. */
export type OutputFlags = InputFlags & { readonly sinkDir?: string; readonly newKey?: boolean };

/** All that publishing takes, opened; `open` is called once a term. */
export type Opened = {
  readonly outlet: Outlet;
  readonly source: RecordSource;
  readonly open: (term?: Term) => Office;
  readonly close: () => Promise<void>;
};

const NO_VARIANTS: ReadonlyMap<string, RecordSource> = new Map();

export type OpenOptions = {
  readonly onEvent: OnEvent;
  /** Instead of the change log. */
  readonly onChanged?: (change: Change) => void;
  readonly dryRun?: boolean;
  /** The cluster is not read: none has to be named. */
  readonly withoutCluster?: boolean;
  /** The cluster is to be followed, not only asked. */
  readonly follow?: boolean;
  /** Instead of the sink that flags and configuration name. */
  readonly destination?: ReturnType<typeof sinkFrom>;
};

const NO_CLUSTER: RecordSource = {
  name: 'no cluster',
  read: () => Promise.reject(new SourceError('this command reads no cluster')),
};

/** Opens source, sink and keys. Throws `ConfigError`; what was opened by then is closed again. */
export async function openOutlet(
  flags: OutputFlags,
  config: AgentConfig,
  options: OpenOptions,
): Promise<Opened> {
  const { onEvent, onChanged, dryRun = false, withoutCluster = false, follow = false, destination } = options;
  const masters = mastersFrom(config, onEvent);
  const {
    sink,
    spreadMs,
    close: closeSink,
  } = destination ?? sinkFrom({ sinkDir: flags.sinkDir, kv: config.kv }, process.env);
  // One process of a data directory writes: they all have its writer id, and could not tell each other apart.
  const unlock = dryRun || destination ? undefined : await lockDataDir(config.dataDir, 'writer');
  const close = async (): Promise<void> => {
    await Promise.all([masters.close(), closeSink(), unlock?.()]);
  };
  try {
    const changed = onChanged ?? (dryRun ? undefined : loggedIn(config));
    const outlet: Outlet = {
      sink: config.plan === 'free' && !dryRun ? counted(sink, config, onEvent) : sink,
      spreadMs,
      key: await signingKeyFrom(config, { absent: dryRun ? 'pretend' : 'make', onEvent }),
      writerId: await loadOrMakeWriterId(config.dataDir, { pretend: dryRun }),
      onEvent,
      ...(changed && { onChanged: changed }),
      dryRun,
      replaceOtherKey: flags.newKey === true,
    };
    const sources = withoutCluster ? NONE : recordSourcesFrom(flags, config, masters, { onEvent, follow });
    return {
      outlet,
      source: sources.main,
      open: (term) => openOffices(config, { outlet, sources, term }),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

function counted(sink: Sink, { dataDir }: AgentConfig, onEvent: OnEvent): Sink {
  return createCountedSink(sink, createQuotaFile(join(dataDir, 'quota.json'), { now: Date.now, onEvent }));
}

const NONE: RecordSources = { main: NO_CLUSTER, variants: NO_VARIANTS, beginRound: () => undefined };

/** One office over all variants of the zone, each with a snapshot of its own. */
function openOffices(
  config: AgentConfig,
  { outlet, sources, term }: { outlet: Outlet; sources: RecordSources; term: Term | undefined },
): Office {
  const main = openOffice(config, { outlet, source: sources.main, term });
  if (sources.variants.size === 0) return main;
  const { onChanged: _, ...own } = outlet;
  const others = Array.from(sources.variants, ([variant, source]) => {
    const onEvent = tellsOf(variant, outlet.onEvent);
    return openOffice(config, { outlet: { ...own, onEvent }, source, term, variant });
  });
  return joinOffices(main, others, sources.beginRound);
}

type Opening = { outlet: Outlet; source: RecordSource; term: Term | undefined; variant?: string };

function openOffice(config: AgentConfig, { outlet, source, term, variant }: Opening): Office {
  const publisher = publisherFrom(config, { ...outlet, variant }, term);
  const sync = createSync({
    source,
    settings: recordSettings(config),
    guard: config.guard,
    rrsets: rrsetSettings(config),
    publisher,
    sinkName: outlet.sink.name,
    onEvent: outlet.onEvent,
    now: Date.now,
    monotonicMs: () => performance.now(),
  });
  return { sync, publisher };
}

export function changeLogOf({ dataDir }: AgentConfig): ReturnType<typeof createChangeLog> {
  return createChangeLog(join(dataDir, 'changes.jsonl'));
}

/** Each push that changes anything in the change log; one that can't be written costs no push. */
function loggedIn(config: AgentConfig): (change: Change) => void {
  const log = changeLogOf(config);
  let last = Promise.resolve();
  return (change) => {
    last = last
      .then(() => log.note(change, Date.now()))
      .catch((error: unknown) => note(`the change log: ${error instanceof Error ? error.message : ''}`));
  };
}
