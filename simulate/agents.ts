import { agentAddress } from './address.ts';
import type { PortRange, SimulatedAgent } from './cluster-snapshot.ts';
import type { Random } from './random.ts';
import { roundToMicrosecond } from './time.ts';

/** How many tasks an agent runs unless more are asked for. */
export const TASKS_PER_AGENT = 40;

/** Mesos's own default. */
const FEW_PORTS: readonly PortRange[] = [[31_000, 32_000]];
/** As DC/OS has it: all from 1025 on but the ports of its own services. */
const MANY_PORTS: readonly PortRange[] = [
  [1_025, 2_180],
  [2_182, 3_887],
  [3_889, 5_049],
  [5_052, 8_079],
  [8_082, 8_180],
  [8_182, 32_000],
];

type AgentsOptions = {
  readonly count: number;
  readonly tasksPerAgent: number;
  readonly masterId: string;
  readonly startedSeconds: number;
  readonly random: Random;
};

/** The machines, large enough for their tasks: every fourth has a name, every tenth is public. */
export function makeAgents(options: AgentsOptions): readonly SimulatedAgent[] {
  const { count, tasksPerAgent, masterId, startedSeconds, random } = options;
  // More tasks than usual find larger machines.
  const size = Math.max(1, Math.ceil(tasksPerAgent / 60));
  const portRanges = tasksPerAgent > 2 * TASKS_PER_AGENT ? MANY_PORTS : FEW_PORTS;
  return Array.from({ length: count }, (_, index) => {
    const ip = agentAddress(index);
    return {
      // As Mesos numbers agents: by the master that first registered them.
      id: `${masterId}-S${index}`,
      hostname: index % 4 === 3 ? `ip-${ip.replaceAll('.', '-')}.sim.internal` : ip,
      ip,
      port: 5051,
      region: 'sim/west-1',
      zone: `sim/west-1${'abc'.charAt(index % 3)}`,
      attributes: index % 10 === 9 ? { public_ip: 'true' } : {},
      registeredSeconds: roundToMicrosecond(startedSeconds + 10 + random.fraction() * 600),
      cpus: random.pick([32, 48, 64]) * size,
      memMiB: 257_000 * size,
      diskMiB: 1_900_000 * size,
      portRanges,
    };
  });
}
