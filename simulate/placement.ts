import { bridgeAddress, containerAddress, containerAddress6 } from './address.ts';
import type {
  PortRange,
  SimulatedAgent,
  SimulatedApp,
  SimulatedFramework,
  SimulatedTask,
} from './cluster-snapshot.ts';
import type { Random } from './random.ts';

/** Frameworks whose executors report no address at all: readers must fall back to the agent's. */
const SILENT_KINDS: ReadonlySet<SimulatedFramework['kind']> = new Set(['chronos', 'jenkins']);

/** Where a new task runs. */
type Place = Pick<SimulatedTask, 'agent' | 'hostPorts' | 'addresses'>;

/** Where tasks go: agents in turn for the instances of an app, host ports that are free, fresh addresses. */
export type Placement = {
  /** `avoid` is the task that the new one replaces: neither its agent, if there is another, nor its ports. */
  readonly place: (app: SimulatedApp, avoid: SimulatedTask | undefined) => Place;
  /** Gives back the host ports of a task that ended. */
  readonly release: (task: SimulatedTask) => void;
  /** Agents that take no new tasks, until they do again. Where none does, tasks go anywhere. */
  readonly close: (agent: SimulatedAgent) => void;
  readonly open: (agent: SimulatedAgent) => void;
};

/** An agent, and what was taken of it so far. */
type Room = { readonly agent: SimulatedAgent; readonly usedPorts: Set<number>; placedCount: number };

/** Places tasks on agents, of which there must be one at least. */
export function createPlacement(agents: readonly SimulatedAgent[], random: Random): Placement {
  const rooms = agents.map((agent): Room => ({ agent, usedPorts: new Set(), placedCount: 0 }));
  const roomOf = new Map(rooms.map((room) => [room.agent, room]));
  const turns = new Map<SimulatedApp, number>();
  const closed = new Set<SimulatedAgent>();
  let containerCount = 0;

  const nextRoom = (app: SimulatedApp, avoid: SimulatedAgent | undefined): Room => {
    let turn = turns.get(app) ?? random.int(0, rooms.length - 1);
    if (agents[turn % agents.length] === avoid) turn++;
    for (let step = 0; step < rooms.length && closed.size > 0; step++) {
      const agent = agents[turn % agents.length];
      if (agent === undefined || (!closed.has(agent) && agent !== avoid)) break;
      turn++;
    }
    turns.set(app, turn + 1);
    const room = rooms[turn % rooms.length];
    if (room === undefined) throw new RangeError('a cluster has at least one agent');
    return room;
  };
  const takePort = ({ agent, usedPorts }: Room, avoid: readonly number[]): number => {
    const size = agent.portRanges.reduce((sum, [first, last]) => sum + last - first + 1, 0);
    const start = random.int(0, size - 1);
    for (let step = 0; step < size; step++) {
      const port = portAt(agent.portRanges, (start + step) % size);
      if (usedPorts.has(port) || avoid.includes(port)) continue;
      usedPorts.add(port);
      return port;
    }
    throw new RangeError(`agent ${agent.id} has no free port`);
  };
  const takeAddresses = (app: SimulatedApp, room: Room): readonly string[] => {
    const index = room.placedCount++;
    if (app.network === 'bridge') return [bridgeAddress(index)];
    if (app.network === 'host') return SILENT_KINDS.has(app.framework.kind) ? [] : [room.agent.ip];
    const address = containerAddress(++containerCount);
    return app.dualStack ? [address, containerAddress6(containerCount)] : [address];
  };
  return {
    place: (app, avoid) => {
      const room = nextRoom(app, avoid?.agent);
      const ports = app.network === 'container' ? [] : app.ports;
      const hostPorts = ports.map(() => takePort(room, avoid?.hostPorts ?? []));
      return { agent: room.agent, hostPorts, addresses: takeAddresses(app, room) };
    },
    release: (task) => {
      for (const port of task.hostPorts) roomOf.get(task.agent)?.usedPorts.delete(port);
    },
    close: (agent) => closed.add(agent),
    open: (agent) => closed.delete(agent),
  };
}

function portAt(ranges: readonly PortRange[], index: number): number {
  let left = index;
  for (const [first, last] of ranges) {
    if (left <= last - first) return first + left;
    left -= last - first + 1;
  }
  throw new RangeError(`no port ${index} in these ranges`);
}
