import { readFile, readlink } from 'node:fs/promises';

/** Sockets that a service manager has opened for us (sd_listen_fds(3)). */
export type InheritedSocket = {
  readonly fd: number;
  readonly transport: 'udp' | 'tcp';
  readonly isIPv6: boolean;
};

const FIRST_FD = 3;
const MOST_FDS = 64;
const TABLES = [
  { file: 'udp', transport: 'udp', isIPv6: false },
  { file: 'udp6', transport: 'udp', isIPv6: true },
  { file: 'tcp', transport: 'tcp', isIPv6: false },
  { file: 'tcp6', transport: 'tcp', isIPv6: true },
] as const;

/** The descriptors meant for this process; none where LISTEN_PID is another's. */
export function inheritedFds(env: NodeJS.ProcessEnv, pid: number): number[] {
  const count = Number(env['LISTEN_FDS'] ?? 0);
  if (Number(env['LISTEN_PID'] ?? 0) !== pid || !Number.isSafeInteger(count)) return [];
  return Array.from({ length: Math.min(MOST_FDS, Math.max(0, count)) }, (_, i) => FIRST_FD + i);
}

/**
 * What each descriptor is, as the kernel's tables say: Node asks no socket for its kind. Throws for one that is no
 * UDP or TCP socket.
 */
export async function inheritedSockets(fds: readonly number[]): Promise<InheritedSocket[]> {
  if (fds.length === 0) return [];
  const tables = await Promise.all(
    TABLES.map(async (table) => ({
      ...table,
      inodes: inodesIn(await readFile(`/proc/self/net/${table.file}`, 'utf8').catch(() => '')),
    })),
  );
  return Promise.all(
    fds.map(async (fd) => {
      const inode = /^socket:\[(\d+)\]$/.exec(await readlink(`/proc/self/fd/${fd}`).catch(() => ''))?.[1];
      const table = tables.find(({ inodes }) => inode !== undefined && inodes.has(inode));
      if (!table) throw new Error(`descriptor ${fd} from systemd is no UDP or TCP socket of this network`);
      return { fd, transport: table.transport, isIPv6: table.isIPv6 };
    }),
  );
}

/** The tenth column of /proc/net/udp and its like. */
export function inodesIn(table: string): Set<string> {
  const inodes = new Set<string>();
  for (const line of table.split('\n').slice(1)) {
    const inode = line.trim().split(/\s+/)[9];
    if (inode !== undefined) inodes.add(inode);
  }
  return inodes;
}
