import { parseAddress } from '../../zone/address.ts';
import { pointsInside } from '../../zone/private-address.ts';
import { TYPE } from '../../zone/record.ts';
import type { Connected, Handshake, LookedUp } from '../client/device.ts';
import { isUnknownAuthority } from '../client/doh.ts';
import type { ClientFinding } from './client-finding.ts';

export type LookUpFacts = {
  readonly host: string;
  readonly isLoopback: boolean;
  /** Given by --address: looking up is then not needed. */
  readonly pinned: string | undefined;
  /** Does the system's resolver itself ask the stub, which asks this host? */
  readonly asksStub: boolean;
};

/** How the DoH host looks up. */
export function judgeLookUp(found: LookedUp, facts: LookUpFacts): ClientFinding {
  const about = 'DNS';
  const { host, pinned } = facts;
  if (found.kind === 'failed') {
    const says = failedLookUp(host, found.code);
    if (pinned !== undefined)
      return { about, verdict: 'advice', says, mend: `${pinned} is asked instead, as --address says` };
    return { about, verdict: 'wrong', says, mend: mendLookUp(found.code, facts) };
  }
  const addresses = found.addresses;
  const says = `${host} is ${addresses.join(', ')}`;
  if (addresses.some((address) => address === '0.0.0.0' || address === '::'))
    return { about, verdict: 'wrong', says, mend: 'A DNS filter on this network blocks it: have it allowed' };
  if (!facts.isLoopback && addresses.some((address) => isLoopback(address)))
    return {
      about,
      verdict: 'wrong',
      says: `${says}: this machine itself`,
      mend: 'A hosts file or a DNS filter says so: take it out (getent hosts shows it)',
    };
  if (!facts.isLoopback && addresses.some((address) => isInside(address)))
    return {
      about,
      verdict: 'advice',
      says: `${says}: an address of some internal network`,
      mend: 'Right for a resolver inside; else this network answers with its own page',
    };
  if (pinned !== undefined && !addresses.includes(pinned))
    return {
      about,
      verdict: 'advice',
      says: `${says}, not ${pinned}`,
      mend: '--address is asked: is it still right?',
    };
  return { about, verdict: 'well', says };
}

function failedLookUp(host: string, code: string): string {
  if (code === 'ENOTFOUND' || code === 'ENODATA') return `${host} is not found`;
  if (code === 'ETIMEDOUT') return `nobody said in time what ${host} is`;
  return `${host} could not be looked up (${code || 'unknown reason'})`;
}

function mendLookUp(code: string, { asksStub }: LookUpFacts): string {
  if (asksStub)
    return "This machine's resolver asks the stub, which waits for this very name: give the stub the host's address, --bootstrap IP";
  if (code === 'ENOTFOUND' || code === 'ENODATA')
    return 'Check how the host is written; a new custom domain needs some minutes';
  return 'Is this machine online, and does its own resolver answer? --address IP does without it';
}

/** Which of the host's addresses can be connected to. */
export function judgeConnections(
  tried: readonly { readonly address: string; readonly connected: Connected }[],
  port: number,
): ClientFinding {
  const about = 'connection';
  const lists = (of: typeof tried): string => of.map(({ address }) => address).join(', ');
  const good = tried.filter(({ connected }) => connected.kind === 'connected');
  const bad = tried.filter(({ connected }) => connected.kind === 'failed');
  const codes = [...new Set(bad.map(({ connected }) => (connected.kind === 'failed' ? connected.code : '')))];
  if (good.length === 0) {
    const says = `port ${port} of ${lists(bad)}: ${codes.map((code) => wordsFor(code)).join(', ')}`;
    return { about, verdict: 'wrong', says, mend: mendConnection(codes) };
  }
  const slowest = Math.max(
    ...good.map(({ connected }) => (connected.kind === 'connected' ? connected.elapsedMs : 0)),
  );
  const says = `${lists(good)}, port ${port}, in ${slowest} ms`;
  if (bad.length === 0) return { about, verdict: 'well', says };
  const words = `${says}; not ${lists(bad)}: ${codes.map((code) => wordsFor(code)).join(', ')}`;
  const isIPv6 = bad.every(({ address }) => address.includes(':'));
  // Without any route clients give an address up at once.
  if (isIPv6 && codes.every((code) => code === 'ENETUNREACH' || code === 'EADDRNOTAVAIL'))
    return { about, verdict: 'well', says: `${says} (no IPv6 here)` };
  const mend = isIPv6
    ? 'IPv6 is set up here and does not work: clients lose time with it. Mend it or turn it off'
    : "Some clients try only one: is the address still the host's?";
  return { about, verdict: 'advice', says: words, mend };
}

const WORDS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'connection reset',
  ETIMEDOUT: 'no answer in time',
  EHOSTUNREACH: 'host unreachable',
  ENETUNREACH: 'no route',
  EADDRNOTAVAIL: 'no route',
  EACCES: 'forbidden by this machine',
  EPERM: 'forbidden by this machine',
};

/** A failure's code in words. */
export function wordsFor(code: string): string {
  return WORDS[code] ?? (code || 'unknown reason');
}

function mendConnection(codes: readonly string[]): string {
  if (codes.includes('ECONNREFUSED'))
    return 'The host is there: is the port right, and does the resolver run?';
  if (codes.includes('EACCES') || codes.includes('EPERM')) return "Look at this machine's firewall";
  if (codes.every((code) => wordsFor(code) === 'no route')) return 'Is this machine online?';
  return 'Is this machine online? A firewall on the way may let no port 443 by, or only through a proxy';
}

export type TlsFacts = {
  readonly host: string;
  /** The file of --ca, if one is given. */
  readonly caFile: string | undefined;
  readonly nowMs: number;
};

const DAY_MS = 86_400_000;
const SOON_MS = 3 * DAY_MS;

/** TLS to the DoH host; the first finding that is wrong ends the way. */
export function judgeTls(shaken: Handshake, facts: TlsFacts): readonly ClientFinding[] {
  const about = 'TLS';
  if (shaken.kind === 'failed') {
    const isPlain =
      shaken.code === 'ERR_SSL_WRONG_VERSION_NUMBER' || shaken.code === 'ERR_SSL_PACKET_LENGTH_TOO_LONG';
    const says = isPlain ? 'that port does not speak TLS' : `no TLS: ${wordsFor(shaken.code)}`;
    const mend = isPlain
      ? 'Is the port right?'
      : 'Something on the way may break TLS off; try another network';
    return [{ about, verdict: 'wrong', says, mend }];
  }
  const { version, alpn, problem, certificate } = shaken;
  if (problem !== undefined) return [judgeCertificate(problem, shaken, facts)];
  const until = day(certificate.untilMs);
  const findings: ClientFinding[] = [
    {
      about,
      verdict: 'well',
      says: `${version}, certificate for ${facts.host} by ${certificate.issuer || 'itself'} until ${until}`,
    },
  ];
  if (certificate.untilMs - facts.nowMs < SOON_MS)
    findings.push({
      about,
      verdict: 'advice',
      says: `the certificate ends on ${until}`,
      mend: 'Renewal should have happened by now: tell whoever runs the resolver',
    });
  if (alpn !== 'h2')
    findings.push({
      about,
      verdict: 'advice',
      says: 'no HTTP/2 is offered',
      mend: 'Browsers and the stub get slower, and dig, kdig and dnsdist can not ask: does a proxy stand between?',
    });
  return findings;
}

function judgeCertificate(
  problem: string,
  { certificate }: Extract<Handshake, { kind: 'shaken' }>,
  { host, caFile, nowMs }: TlsFacts,
): ClientFinding {
  const wrong = (says: string, mend: string): ClientFinding => ({
    about: 'TLS',
    verdict: 'wrong',
    says,
    mend,
  });
  const { names, issuer, fromMs, untilMs } = certificate;
  const now = new Date(nowMs).toISOString().slice(0, 16).replace('T', ' ');
  if (problem === 'CERT_HAS_EXPIRED')
    return wrong(
      `the certificate ended on ${day(untilMs)}`,
      `It has to be renewed; unless this machine's clock is wrong: it says ${now} UTC`,
    );
  if (problem === 'CERT_NOT_YET_VALID')
    return wrong(
      `the certificate begins on ${day(fromMs)}`,
      `This machine's clock says ${now} UTC: set it right`,
    );
  if (problem === 'ERR_TLS_CERT_ALTNAME_INVALID')
    return wrong(
      `the certificate is for ${names.slice(0, 5).join(', ')}, not ${host}`,
      "Check the URL's host; another machine, or a sign-in page, answers there",
    );
  if (!isUnknownAuthority(problem))
    return wrong(`the certificate is not trusted (${problem})`, 'Tell whoever runs the resolver');
  if (caFile !== undefined)
    return wrong(
      `the certificate is by ${issuer || 'itself'}, which is not in ${caFile}`,
      "Give the resolver's own authority as --ca",
    );
  return wrong(
    `the certificate is by ${issuer || 'itself'}, which Node does not know`,
    "Give its certificate: --ca FILE (of npm start: ca.pem in its data directory). If this network's proxy opens TLS, the file is the proxy's",
  );
}

/** This machine's clock against the server's. */
export function judgeClock(dateMs: number, nowMs: number): ClientFinding {
  const about = 'clock';
  const offSeconds = Math.round((nowMs - dateMs) / 1000);
  if (Math.abs(offSeconds) <= 60) return { about, verdict: 'well', says: `as the server's` };
  const says = `this machine is ${Math.abs(offSeconds)} s ${offSeconds > 0 ? 'ahead of' : 'behind'} the server`;
  return { about, verdict: 'advice', says, mend: 'Set it right: certificates are checked by it' };
}

/** An address of a network that is not the world's. */
export function isInside(address: string): boolean {
  const octets = parseAddress(address);
  return octets !== undefined && pointsInside(octets.length === 4 ? TYPE.A : TYPE.AAAA, octets);
}

function isLoopback(address: string): boolean {
  return address.startsWith('127.') || address === '::1';
}

function day(ms: number): string {
  return Number.isFinite(ms) ? new Date(ms).toISOString().slice(0, 10) : 'a day that can not be read';
}
