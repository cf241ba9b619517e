import { isIP } from 'node:net';

/** A DoH URL in parts. Its path may hold a token, so of all this only `origin` may be shown. */
export type DohUrl = {
  readonly origin: string;
  readonly isTls: boolean;
  /** A name, or an address without brackets. */
  readonly hostname: string;
  readonly port: number;
  readonly authority: string;
  readonly path: string;
};

const TEMPLATE = /\{\?dns\}$/;

/** Reads a DoH URL or RFC 8484's template of one. Throws an `Error` that says what is wrong without repeating it. */
export function parseDohUrl(text: string): DohUrl {
  const plain = text.trim().replace(TEMPLATE, '');
  if (!URL.canParse(plain))
    throw new Error('is no URL; it should be such as https://doh.example.com/dns-query');
  const url = new URL(plain);
  const isTls = url.protocol === 'https:';
  if (!isTls && url.protocol !== 'http:') throw new Error('should begin with https://');
  if (url.username !== '' || url.password !== '')
    throw new Error('has a user or password, which DoH has no use for: a token goes into the path');
  const hostname = url.hostname.replaceAll(/[[\]]/g, '').replace(/\.$/, '');
  if (!isTls && !isLoopback(hostname) && hostname !== 'localhost')
    throw new Error('should begin with https://: plain http:// is for this machine alone');
  return {
    origin: url.origin,
    isTls,
    hostname,
    port: Number(url.port || (isTls ? 443 : 80)),
    authority: url.host,
    path: `${url.pathname}${url.search}`,
  };
}

/** 127.0.0.0/8, ::1, and the former written as the latter. */
export function isLoopback(address: string): boolean {
  if (isIP(address) === 4) return address.startsWith('127.');
  return address === '::1' || /^::ffff:127\./i.test(address);
}
