import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { ConfigError } from '../config.ts';
import { codeOf } from './files.ts';
import { output } from './this-machine.ts';

/** Throws `ConfigError` that says what to do if no stub can listen there: UDP and TCP, `127.0.0.1:5354`. */
export async function needFree(listen: string, signal: AbortSignal): Promise<void> {
  const [, address = '', port = ''] = /^\[?(.+?)\]?:(\d+)$/.exec(listen) ?? [];
  const place = { address, port: Number(port) };
  try {
    await bindUdp(place);
    await bindTcp(place);
  } catch (cause) {
    throw new ConfigError(await adviceFor(listen, { code: codeOf(cause), port, signal }), { cause });
  }
}

type Place = { readonly address: string; readonly port: number };

async function bindUdp({ address, port }: Place): Promise<void> {
  const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
  try {
    socket.bind({ address, port, exclusive: true });
    await once(socket, 'listening');
  } finally {
    socket.close();
  }
}

async function bindTcp({ address, port }: Place): Promise<void> {
  const server = createServer();
  try {
    server.listen({ host: address, port, exclusive: true });
    await once(server, 'listening');
  } finally {
    server.close();
  }
}

async function adviceFor(
  listen: string,
  { code, port, signal }: { readonly code: string; readonly port: string; readonly signal: AbortSignal },
): Promise<string> {
  if (code !== 'EADDRINUSE')
    return `the stub can't listen at ${listen} (${code}): give an address of this machine with --listen`;
  const holder = await holderOf(port, signal);
  return (
    `${listen}, where the stub would listen, is taken${holder === undefined ? '' : ` by ${holder}`}. End that ` +
    '(where it is the stub of deploy/mesos-doh-stub.service, have one or the other: ' +
    'systemctl disable --now mesos-doh-stub), or give another place: --listen 127.0.0.1:5355'
  );
}

/** The unit or the program that has the port, where ss knows. */
async function holderOf(port: string, signal: AbortSignal): Promise<string | undefined> {
  const sockets = await output(`ss -Hlntup 'sport = :${port}'`, signal).catch(() => '');
  const [, program, pid] = /users:\(\("([^"]+)",pid=(\d+)/.exec(sockets) ?? [];
  if (program === undefined) return undefined;
  const cgroup = await readFile(`/proc/${pid}/cgroup`, 'utf8').catch(() => '');
  const unit = /\/([^/\n]+\.service)$/m.exec(cgroup)?.[1];
  return unit ?? `${program} (process ${pid})`;
}
