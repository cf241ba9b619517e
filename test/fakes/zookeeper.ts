import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const JAR = '/usr/share/java/zookeeper.jar';

/** Why no real ZooKeeper can be started here; undefined where it can (Debian: libzookeeper-java and a headless Java). */
export function zooKeeperMissing(): string | undefined {
  if (!existsSync(JAR)) return `the Debian package libzookeeper-java is not installed (${JAR})`;
  return spawnSync('java', ['-version']).status === 0 ? undefined : 'there is no java';
}

/** A real ZooKeeper on loopback, its data in a directory of its own. */
export type RunningZooKeeper = {
  /** `127.0.0.1:port,…`: all of its servers. */
  readonly servers: string;
  /** Ends one server at once, without a word to anybody. */
  readonly kill: (index: number) => Promise<void>;
  /** Starts one that was ended, with its data; resolves when it serves, for which it needs a majority. */
  readonly start: (index: number) => Promise<void>;
  readonly stop: () => Promise<void>;
};

const READY_LIMIT_MS = 30_000;

/**
 * Starts one server, or an ensemble of so many; resolves when clients are served. Sessions last from 2 to 20
 * ticks: an agent as configured wants 20 s, so a `tickMs` of 1000.
 */
export async function startZooKeeper({ servers = 1, tickMs = 250 } = {}): Promise<RunningZooKeeper> {
  const directory = await mkdtemp(join(tmpdir(), 'mesos-doh-zookeeper-'));
  const ports = await freePorts(servers * 3);
  const clientPorts = ports.slice(0, servers);
  const ensemble =
    servers === 1
      ? []
      : clientPorts.map(
          (_, i) => `server.${i + 1}=127.0.0.1:${ports[servers + i]}:${ports[servers * 2 + i]}`,
        );
  const processes: ChildProcess[] = [];
  const launch = (i: number): void => {
    const home = join(directory, String(i + 1));
    const flags = ['-Xmx96m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-cp', `${home}:${JAR}`];
    const main = 'org.apache.zookeeper.server.quorum.QuorumPeerMain';
    processes[i] = spawn('java', [...flags, main, join(home, 'zoo.cfg')], { stdio: 'ignore', cwd: home });
  };
  for (const [i, port] of clientPorts.entries()) {
    const home = join(directory, String(i + 1));
    await mkdir(home);
    await writeFile(join(home, 'myid'), `${i + 1}\n`);
    const settings = [
      `tickTime=${tickMs}`,
      'initLimit=40',
      'syncLimit=20',
      `dataDir=${home}`,
      `clientPort=${port}`,
      'clientPortAddress=127.0.0.1',
      'admin.enableServer=false',
      '4lw.commands.whitelist=srvr',
      'forceSync=no',
      ...ensemble,
    ];
    await writeFile(join(home, 'zoo.cfg'), `${settings.join('\n')}\n`);
    // Its own logging would go to /var/log.
    await writeFile(join(home, 'log4j.properties'), 'log4j.rootLogger=OFF\n');
    launch(i);
  }
  const kill = async (index: number): Promise<void> => {
    const server = processes[index];
    if (!server || server.exitCode !== null || server.signalCode !== null) return;
    const gone = new Promise((resolve) => server.once('exit', resolve));
    server.kill('SIGKILL');
    await gone;
  };
  const stop = async (): Promise<void> => {
    await Promise.all(processes.map((_, i) => kill(i)));
    await rm(directory, { recursive: true, force: true });
  };
  try {
    await Promise.all(clientPorts.map((port) => serves(port)));
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    servers: clientPorts.map((port) => `127.0.0.1:${port}`).join(','),
    kill,
    start: async (index) => {
      await kill(index);
      launch(index);
      await serves(clientPorts[index] ?? 0);
    },
    stop,
  };
}

/** A way to a server that can be cut: then octets go nowhere and connections stay open, as in a cut network. */
export type CuttableWay = {
  readonly address: string;
  readonly isUsed: () => boolean;
  readonly cut: () => void;
  /** New connections pass again; those that were cut are reset. */
  readonly mend: () => void;
  readonly close: () => void;
};

export async function wayTo(address: string): Promise<CuttableWay> {
  const [host = '', port = ''] = address.split(':');
  const open = new Set<Socket>();
  let isCut = false;
  const server = createServer((near) => {
    open.add(near);
    near.on('error', () => undefined).on('close', () => open.delete(near));
    if (isCut) return;
    const far = connect({ host, port: Number(port) }).on('error', () => near.destroy());
    far.on('data', (octets) => isCut || near.write(octets)).on('close', () => isCut || near.destroy());
    near.on('data', (octets) => isCut || far.write(octets)).on('close', () => isCut || far.destroy());
    open.add(far);
  });
  const reset = (): void => {
    for (const socket of open) socket.destroy();
    open.clear();
  };
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    address: `127.0.0.1:${portOf(server)}`,
    isUsed: () => open.size > 0,
    cut: () => {
      isCut = true;
    },
    mend: () => {
      isCut = false;
      reset();
    },
    close: () => {
      reset();
      server.close();
    },
  };
}

async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer());
  await Promise.all(
    servers.map((server) => new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))),
  );
  const ports = servers.map((server) => portOf(server));
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

function portOf(server: Server): number {
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

/** Resolves when a server answers that it serves: it is the only one, leads or follows. */
async function serves(port: number): Promise<void> {
  const deadline = Date.now() + READY_LIMIT_MS;
  while (!/^Mode: /m.test(await askStatus(port))) {
    if (Date.now() > deadline) throw new Error(`ZooKeeper on port ${port} does not serve`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

function askStatus(port: number): Promise<string> {
  return new Promise((resolve) => {
    let answer = '';
    const socket = connect({ host: '127.0.0.1', port }, () => socket.write('srvr'));
    socket.setTimeout(1000, () => socket.destroy());
    socket.on('data', (octets) => (answer += octets.toString()));
    socket.on('error', () => undefined).on('close', () => resolve(answer));
  });
}
