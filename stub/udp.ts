import { createSocket, type Socket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import type { Asker } from './asker.ts';
import type { Counts } from './metrics.ts';

/** A place where questions come in. */
export type Listener = {
  readonly address: string;
  readonly port: number;
  /** Takes no new questions; those taken may still be answered. */
  readonly stop: () => void;
  /** Answers nothing more. */
  readonly close: () => void;
};

/** Where to listen: an address, or a socket that systemd has opened. */
export type UdpPlace =
  { readonly address: string; readonly port: number } | { readonly fd: number; readonly isIPv6: boolean };

/** Bursts wait here while others are answered. The kernel caps it (net.core.rmem_max). */
const RECEIVE_OCTETS = 1 << 20;
/** Replies that the kernel does not take yet. */
const MOST_QUEUED = 1_024;

/** Resolves when it is bound. Rejects as `bind` does. */
export function listenUdp(
  place: UdpPlace,
  { asker, counts }: { readonly asker: Asker; readonly counts: Counts },
): Promise<Listener> {
  const isSix = 'fd' in place ? place.isIPv6 : isIPv6(place.address);
  const socket = createSocket({
    type: isSix ? 'udp6' : 'udp4',
    // Of peers' addresses, which are no names: asking the system for each would cost a turn of the loop.
    lookup: (address, _, done) => done(null, address, isSix ? 6 : 4),
    ...(!('fd' in place) && { ipv6Only: isSix }),
  });
  let isStopped = false;
  let isClosed = false;
  socket.on('message', (octets, { address, port }) => {
    // A reply to port 0 can't be sent.
    if (isStopped || port === 0) return;
    asker(octets, 'udp', (reply) => {
      if (isClosed || !reply) return;
      if (socket.getSendQueueCount() >= MOST_QUEUED) return counts.shed('udp-reply');
      socket.send(reply, port, address, ignore);
    });
  });
  return new Promise((resolve, reject) => {
    socket.once('error', reject);
    socket.once('listening', () => {
      socket.off('error', reject);
      // Such as a peer's ICMP message: the next packet is another's.
      socket.on('error', ignore);
      enlarge(socket);
      const { address, port } = socket.address();
      resolve({
        address,
        port,
        stop: () => {
          isStopped = true;
        },
        close: () => {
          if (!isClosed) socket.close();
          isStopped = isClosed = true;
        },
      });
    });
    if ('fd' in place) socket.bind({ fd: place.fd });
    else socket.bind({ address: place.address, port: place.port });
  });
}

function ignore(): void {}

function enlarge(socket: Socket): void {
  try {
    socket.setRecvBufferSize(RECEIVE_OCTETS);
  } catch {
    // The one it has will do.
  }
}
