import { inUrl } from '../client/doh-url.ts';
import type { PlainServer } from '../client/device.ts';
import type { ClientFinding } from './client-finding.ts';

/** The stub on this machine: what is asked there over UDP and TCP. */
export type StubTried = {
  readonly server: PlainServer;
  /** Does something send names there? Else it need not be there at all. */
  readonly isUsed: boolean;
  readonly udp: StubReply;
  readonly tcp: StubReply;
};

/** The zone's serial as the stub has it; or in words why it has none. */
export type StubReply = { readonly serial: number } | { readonly code: string } | { readonly says: string };

export function judgeStub({ server, isUsed, udp, tcp }: StubTried, zone: string): ClientFinding {
  const about = 'stub';
  const where = `${inUrl(server.address)}:${server.port}`;
  if ('serial' in udp && 'serial' in tcp)
    return {
      about,
      verdict: 'well',
      says: `${where} answers over UDP and TCP: ${zone}, serial ${udp.serial}`,
    };
  if ('code' in udp && 'code' in tcp) {
    if (!isUsed && udp.code === 'ECONNREFUSED')
      return { about, verdict: 'skipped', says: `nothing listens at ${where}` };
    const says = `${where}${isUsed ? ', which this machine asks,' : ''} does not answer (${udp.code})`;
    return {
      about,
      verdict: 'wrong',
      says,
      mend: 'Start it: systemctl start mesos-doh.service, or mesos-doh stub; its log says more',
    };
  }
  const words = (reply: StubReply): string =>
    'serial' in reply ? 'answers' : 'says' in reply ? reply.says : reply.code;
  const says = `${where}: over UDP ${words(udp)}, over TCP ${words(tcp)}`;
  const mend =
    'Its log says more: journalctl -u mesos-doh. Has it the URL and token that work here, and --zone?';
  return { about, verdict: isUsed || 'says' in udp || 'says' in tcp ? 'wrong' : 'advice', says, mend };
}
