import { pino } from 'pino';
import { createAgentState } from '../agent-state.ts';
import { createJobs, type Jobs, type Office, runAgent } from '../agent.ts';
import { type AgentConfig, ConfigError } from '../config.ts';
import { type Controls, openControlServer } from '../control/server.ts';
import { electionFrom } from '../election/from-config.ts';
import type { OnEvent } from '../events.ts';
import { createHttp } from '../http.ts';
import { createLog, newsOnly } from '../log.ts';
import { createMonitor, healthOf } from '../monitor.ts';
import { sleepFor } from '../retry.ts';
import { loadOrMakeWriterId } from '../writer-id.ts';
import { type Opened, openOutlet, type OutputFlags } from './office.ts';
import { marathonFrom } from './marathon-input.ts';
import { candidateFrom } from './outputs.ts';
import { stopSignal } from './terminal.ts';

/** The agent until it is stopped, with its monitor and its control socket. */
export async function runForever(flags: OutputFlags, config: AgentConfig): Promise<void> {
  const monotonicMs = (): number => performance.now();
  const writerId = Buffer.from(await loadOrMakeWriterId(config.dataDir)).toString('hex');
  let opened: Opened | undefined;
  const marathon = config.marathon && marathonFrom(config.marathon, (event) => onEvent(event));
  const state = createAgentState({
    writerId,
    election: config.election.by,
    monotonicMs,
    now: Date.now,
    live: () => opened?.source.status?.(),
    marathon: () => marathon?.status(),
    serverSets: () => opened?.serverSets?.status(),
    consul: () => opened?.consul?.status(),
  });
  const log = newsOnly(createLog(pino.destination(2), logLevel()));
  const onEvent: OnEvent = (event) => {
    state.onEvent(event);
    log(event);
  };
  const closers: (() => Promise<void>)[] = [];
  const keep = <Closable extends { readonly close: () => Promise<void> }>(opened: Closable): Closable => {
    closers.unshift(opened.close);
    return opened;
  };
  try {
    const jobs = createJobs();
    const controls = controlsOf(jobs, { facts: state.facts });
    keep(await openControlServer(config.dataDir, controls));
    if (config.metrics) {
      const { url } = keep(await createMonitor({ ...config.metrics, state }));
      onEvent({ kind: 'monitor', url });
    }
    if (marathon) keep(marathon);
    opened = keep(await openOutlet(flags, config, { onEvent, follow: true }));
    const { source } = opened;
    const http = keep(createHttp());
    const election = keep(electionFrom(config, { http, sleep: sleepFor, monotonicMs }));
    const agent = {
      election,
      candidate: candidateFrom(config, opened.outlet),
      openOffice: opened.open,
      jobs,
      follow: async (onChange: () => void, signal: AbortSignal) => {
        await Promise.all([source.follow?.(onChange, signal), marathon?.follow(onChange, signal)]);
      },
      intervalMs: intervalMs(config),
      settleMs: config.guard.settleSeconds * 1000,
      minPushMs: config.minPushSeconds * 1000,
      resignAfterMs: 3000 * config.livenessSeconds,
      onEvent,
      sleep: sleepFor,
      monotonicMs,
    };
    await runAgent(agent, stopSignal());
  } finally {
    for (const close of closers) await close();
  }
}

/** `LOG_LEVEL`: `debug` tells of every read as well. */
function logLevel(): string {
  const level = process.env['LOG_LEVEL'] || 'info';
  if (['debug', 'info', 'warn', 'error'].includes(level)) return level;
  throw new ConfigError(`LOG_LEVEL is ${JSON.stringify(level)}; it should be debug, info, warn or error`);
}

/** Polled no more often than pushes may follow each other. */
function intervalMs({ mesos, minPushSeconds }: AgentConfig): number {
  return Math.max(mesos.pollSeconds, minPushSeconds) * 1000;
}

/** What people may order, each done between two syncs. Only the agent that writes can do anything. */
function controlsOf(jobs: Jobs, { facts }: Pick<ReturnType<typeof createAgentState>, 'facts'>): Controls {
  const order = async <Result>(job: (office: Office) => Promise<Result>): Promise<Result> => {
    const { role, roleWhy } = facts();
    if (role !== 'writer') throw new Error(`this agent does not write now (${role}: ${roleWhy ?? ''})`);
    return jobs.run(job, stopSignal());
  };
  const force = async (): Promise<unknown> =>
    order((office) => office.sync.once(stopSignal(), { force: true }));
  return {
    status: async () => {
      const { consul, totals } = facts();
      return { ...healthOf(facts()), ...(consul.length > 0 && { consul }), totals };
    },
    held: async () => order(async (office) => office.sync.held()),
    sync: async () => order((office) => office.sync.once(stopSignal())),
    release: force,
    force,
    unpin: async () =>
      order(async ({ publisher, sync }) => {
        if ((await publisher.standing(stopSignal()))?.pin === undefined)
          throw new Error('no rollback is in force; nothing was changed');
        return sync.once(stopSignal(), { unpin: true, force: true });
      }),
    rollback: async (serial) => order((office) => office.sync.rollback(serial, stopSignal())),
  };
}
