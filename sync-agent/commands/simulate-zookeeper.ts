import type { SimulatedMasters } from '../../simulate/server.ts';
import { masterInfo } from '../../simulate/state-v1.ts';
import { openZooKeeper, type ZooKeeper } from '../zookeeper.ts';
import { parseZooKeeperUrl } from '../zookeeper-url.ts';
import { note } from './terminal.ts';

const SESSION_TIMEOUT_MS = 10_000;

/** Where simulated masters stand in a ZooKeeper. */
export type MasterPlaces = {
  /** Gives up the place of one master, which then stands last. Never throws. */
  readonly restart: (master: number) => Promise<void>;
  /** Gives up all places. Never throws. */
  readonly close: () => Promise<void>;
};

type RegisterOptions = {
  readonly running: SimulatedMasters;
  readonly mesosVersion: string;
  readonly signal: AbortSignal;
};

/**
 * Registers masters as Mesos does: a session each, and in it an ephemeral `json.info_<n>` with where it listens.
 * The first has the lowest number, so it leads. Throws what the URL or the servers have against it.
 */
export async function registerMasters(
  zk: string,
  { running, mesosVersion, signal }: RegisterOptions,
): Promise<MasterPlaces> {
  const url = parseZooKeeperUrl(zk);
  const sessions: (ZooKeeper | undefined)[] = [];
  const register = async (master: number): Promise<void> => {
    const address = running.addresses[master];
    if (address === undefined) throw new RangeError(`no master ${master}`);
    const options = { sessionTimeoutMs: SESSION_TIMEOUT_MS, monotonicMs: () => performance.now() };
    const session = await openZooKeeper(url, options, signal);
    sessions[master] = session;
    const info = Buffer.from(JSON.stringify(masterInfo(address, mesosVersion)));
    await session.makePath(url.path, signal);
    await session.createEphemeralSequential(`${url.path}/json.info_`, info, signal);
  };
  const close = async (): Promise<void> => {
    await Promise.all(sessions.map((session) => session?.close()));
  };
  try {
    for (const master of running.addresses.keys()) await register(master);
  } catch (error) {
    await close();
    throw error;
  }
  return {
    restart: async (master) => {
      try {
        await sessions[master]?.close();
        await register(master);
      } catch (error) {
        if (!signal.aborted) note(`a simulated master is not in ${url.name}: ${String(error)}`);
      }
    },
    close,
  };
}
