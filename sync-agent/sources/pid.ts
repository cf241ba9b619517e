import { FormatError } from '../../zone/format-error.ts';
import type { Endpoint } from '../cluster.ts';

/** Service names Go's resolver knows without a services file; Mesos itself only ever writes numbers. */
const SERVICES = new Set(
  'domain ftp ftps gopher http https imap2 imap3 imaps pop3 pop3s smtp ssh telnet'.split(' '),
);

/** The endpoint of a libprocess pid `id@host:port`. Throws `FormatError` saying what is wrong with it. */
export function parsePid(pid: string): Endpoint {
  const what = `pid ${JSON.stringify(pid)}`;
  const parts = pid.split('@');
  if (parts.length !== 2) throw new FormatError(what, 'is not id@host:port');
  return parseEndpoint(parts[1] ?? '', what);
}

/** `host:port`, the host of IPv6 in brackets, the port empty, a number up to 65535, or a service's name. */
export function parseEndpoint(text: string, what = `address ${JSON.stringify(text)}`): Endpoint {
  const match = /^(?:\[([^[\]]*)\]|([^:[\]]*)):([^:[\]]*)$/.exec(text);
  if (!match) throw new FormatError(what, 'is not host:port (IPv6 in brackets)');
  const [, bracketed, plain = '', port = ''] = match;
  if (/^\d+$/.test(port) ? Number(port) > 65535 : port !== '' && !SERVICES.has(port.toLowerCase())) {
    throw new FormatError(what, `has no valid port`);
  }
  return { host: bracketed ?? plain, port };
}
