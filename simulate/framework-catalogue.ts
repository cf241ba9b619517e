import {
  type AppSketch,
  auroraJob,
  cassandraNode,
  chronosJob,
  groupedApp,
  hdfsNode,
  jenkinsBuild,
  kafkaBroker,
  marathonApp,
  metronomeRun,
} from './app-catalogue.ts';
import type { SimulatedFramework } from './cluster-snapshot.ts';
import type { Random } from './random.ts';
import { roundToMicrosecond } from './time.ts';

/** A framework that no master knows yet. */
type FrameworkSketch = Pick<SimulatedFramework, 'name' | 'kind' | 'role'> & {
  /** Where its scheduler listens; undefined for one on the HTTP API, which has no PID. */
  readonly port: number | undefined;
};

/** A framework that every cluster has, and what it runs. */
export type FrameworkPlan = FrameworkSketch & {
  /** Of all tasks; 0 for the framework that takes what the others leave. */
  readonly share: number;
  readonly app: (index: number, random: Random) => AppSketch;
};

/** In the order in which they register. */
export const FRAMEWORK_PLANS: readonly FrameworkPlan[] = [
  { name: 'marathon', kind: 'marathon', role: 'slave_public', share: 0, port: 15_101, app: marathonApp },
  { name: 'Aurora', kind: 'aurora', role: 'aurora', share: 0.15, port: undefined, app: auroraJob },
  { name: 'chronos', kind: 'chronos', role: '*', share: 0.05, port: 4_400, app: chronosJob },
  { name: 'kafka', kind: 'sdk', role: 'kafka-role', share: 0.03, port: 15_301, app: kafkaBroker },
  { name: 'marathon-user', kind: 'marathon', role: 'user', share: 0.18, port: 15_201, app: groupedApp },
  { name: 'cassandra', kind: 'sdk', role: 'cassandra-role', share: 0.03, port: 15_401, app: cassandraNode },
  { name: 'hdfs', kind: 'sdk', role: 'hdfs-role', share: 0.02, port: 15_501, app: hdfsNode },
  { name: 'jenkins', kind: 'jenkins', role: '*', share: 0.03, port: 15_601, app: jenkinsBuild },
  { name: 'metronome', kind: 'metronome', role: '*', share: 0.03, port: 15_701, app: metronomeRun },
];

/** The framework that has left by the time anybody looks. */
export const RETIRED_FRAMEWORK: FrameworkSketch = { name: 'spark', kind: 'jenkins', role: '*', port: 15_801 };

type FrameworkOptions = {
  /** Which one it is of those that ever registered. */
  readonly index: number;
  readonly masterId: string;
  readonly startedSeconds: number;
  readonly random: Random;
};

/** Registers a framework, within seconds of the master's start. */
export function makeFramework(
  { name, kind, role, port }: FrameworkSketch,
  { index, masterId, startedSeconds, random }: FrameworkOptions,
): SimulatedFramework {
  const ip = `10.0.0.${10 + index}`;
  return {
    id: `${masterId}-${String(index).padStart(4, '0')}`,
    name,
    kind,
    pid: port === undefined ? undefined : `scheduler-${random.uuid()}@${ip}:${port}`,
    hostname: kind === 'sdk' ? `${name}-scheduler.sim.internal` : ip,
    webuiUrl: kind === 'sdk' ? '' : `http://${ip}:${port ?? 8_081}`,
    role,
    principal: `${name.toLowerCase()}-principal`,
    capabilities: ['TASK_KILLING_STATE', 'PARTITION_AWARE'],
    registeredSeconds: roundToMicrosecond(startedSeconds + 5 + index + random.fraction()),
  };
}
