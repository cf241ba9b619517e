import { join } from 'node:path';
import type { AgentConfig } from '../config.ts';
import type { Office } from '../agent.ts';
import { createChangeLog } from '../change-log.ts';
import type { Zone } from '../../zone/zone.ts';
import type { Term } from '../election/election.ts';
import type { OnEvent } from '../events.ts';
import type { Change } from '../publish/published.ts';
import { lockDataDir } from '../local/data-dir.ts';
import { createQuotaFile } from '../quota-file.ts';
import { type Follower, publishedBeyond } from '../beyond.ts';
import { consulOf } from '../config-consul.ts';
import { derivedSource, NO_GUARD } from '../derived.ts';
import { derivedZones } from '../derived-zones.ts';
import type { GuardSettings } from '../guard/guard.ts';
import { recordSettings, zoneOf } from '../record-settings.ts';
import type { RecordSource } from '../record-source.ts';
import { createCountedSink } from '../sinks/counted.ts';
import type { Sink } from '../sinks/sink.ts';
import { SourceError } from '../sources/source.ts';
import { createSync, type SyncOptions } from '../sync.ts';
import { loadOrMakeWriterId } from '../writer-id.ts';
import { joinOffices, leadOffices, tellsOf, tellsOfFollower } from '../variants.ts';
import { besideOffices, tellsOfZone } from '../beside.ts';
import { isClusterNamed, mastersFrom, type RecordSources, recordSourcesFrom } from './cluster-input.ts';
import { type ConsulInput, consulInputFrom } from './consul-input.ts';
import type { InputFlags } from './inputs.ts';
import {
  type Outlet,
  publisherFrom,
  rrsetSettings,
  signingKeyFrom,
  sinkFrom,
  SOURCE_CONSUL,
} from './outputs.ts';
import { note } from './terminal.ts';

/** Flags that say where a zone is published. */
export type OutputFlags = InputFlags & { readonly sinkDir?: string; readonly newKey?: boolean };

/** All that publishing takes, opened; `open` is called once a term. */
export type Opened = {
  readonly outlet: Outlet;
  readonly source: RecordSource;
  readonly serverSets?: RecordSources['serverSets'];
  readonly consul?: ConsulInput | undefined;
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
  let consul: ConsulInput | undefined;
  const close = async (): Promise<void> => {
    await Promise.all([masters.close(), consul?.close(), closeSink(), unlock?.()]);
  };
  try {
    const changed = onChanged ?? (dryRun ? undefined : loggedIn(config));
    const hasCluster = isClusterNamed(flags, config);
    // Without Mesos the agent is Consul's alone; beside it, what reads no cluster is about Mesos's zone.
    const named = consulOf(config);
    if (named && !(withoutCluster && hasCluster))
      consul = consulInputFrom(config, named, { onEvent, dryRun: dryRun || withoutCluster });
    const outlet: Outlet = {
      ...(consul && !hasCluster && { origin: consul.zone.origin }),
      sink: config.plan === 'free' && !dryRun ? counted(sink, config, onEvent) : sink,
      spreadMs,
      key: await signingKeyFrom(config, { absent: dryRun ? 'pretend' : 'make', onEvent }),
      writerId: await loadOrMakeWriterId(config.dataDir, { pretend: dryRun }),
      onEvent,
      ...(changed && { onChanged: changed }),
      dryRun,
      replaceOtherKey: flags.newKey === true,
    };
    if (consul && !hasCluster) {
      const alone = consul;
      return {
        outlet,
        consul,
        source: consul.main,
        close,
        open: (term) => openConsul(config, { outlet, consul: alone, term }),
      };
    }
    const sources = withoutCluster
      ? NONE
      : recordSourcesFrom(flags, config, masters, { onEvent, follow, keeps: !dryRun });
    return {
      outlet,
      source: consul ? followBoth(sources.main, consul.main) : sources.main,
      serverSets: sources.serverSets,
      consul,
      open: (term) => {
        const offices = openOffices(config, { outlet, sources, term });
        if (!consul) return offices;
        const { onChanged: _, ...own } = outlet;
        const beside = { ...own, onEvent: tellsOfZone(consul.zone.origin, onEvent) };
        const others = [openConsul(config, { outlet: beside, consul, term })];
        return besideOffices(offices, others, onEvent);
      },
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

/** One variant of the zone, and of those that follow from it. */
function openOffice(config: AgentConfig, opening: Opening): Office {
  const following: Follower[] = [];
  const main = openZone(config, {
    ...opening,
    guard: config.guard,
    beyond: (signal) => publishedBeyond(following, { domain: config.domain, signal }),
  });
  const { onChanged: _, onEvent, ...outlet } = opening.outlet;
  const followers = derivedZones(config).map((derived) => {
    const { zone } = derived;
    const source = derivedSource(derived, main.sync);
    const own = { ...outlet, onEvent: tellsOfFollower(zone.origin, onEvent) };
    const office = openZone(config, { ...opening, outlet: own, source, zone, guard: NO_GUARD });
    const numbers = { srvWeight: rrsetSettings(config).srvWeight, ttl: zone.soa.ttl };
    following.push({ derived, publisher: office.publisher, numbers });
    return office;
  });
  return leadOffices(main, followers);
}

/** Consul's zone in all its variants. */
function openConsul(
  config: AgentConfig,
  { outlet, consul, term }: { outlet: Outlet; consul: ConsulInput; term: Term | undefined },
): Office {
  const { zone, variants, beginRound } = consul;
  const shared = { zone, term, guard: config.guard, sources: SOURCE_CONSUL, sourceName: 'consul' };
  const main = openZone(config, { ...shared, outlet, source: consul.main });
  const { onChanged: _, ...own } = outlet;
  const others = Array.from(variants, ([variant, source]) => {
    const onEvent = tellsOf(variant, outlet.onEvent);
    return openZone(config, { ...shared, outlet: { ...own, onEvent }, source, variant });
  });
  return joinOffices(main, others, beginRound);
}

/** One source whose changes are those of both; what it reads is the first. */
function followBoth(first: RecordSource, second: RecordSource): RecordSource {
  return {
    ...first,
    follow: async (onChange, signal) => {
      await Promise.all([first.follow?.(onChange, signal), second.follow?.(onChange, signal)]);
    },
  };
}

function openZone(
  config: AgentConfig,
  {
    outlet,
    source,
    term,
    variant,
    guard,
    zone = zoneOf(config),
    sources,
    sourceName,
    beyond,
  }: Opening &
    Pick<SyncOptions, 'beyond'> & {
      guard: GuardSettings;
      zone?: Zone;
      sources?: number;
      sourceName?: string;
    },
): Office {
  const isBeside = sources === SOURCE_CONSUL;
  const publisher = publisherFrom(config, { ...outlet, variant, zone, isBeside }, term);
  const sync = createSync({
    source,
    settings: { ...recordSettings(config), domain: zone.origin },
    guard,
    rrsets: { ...rrsetSettings(config), origin: zone.origin, ttl: zone.soa.ttl, ...(sources && { sources }) },
    ...(sourceName !== undefined && { sourceName }),
    ...(beyond && { beyond }),
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
