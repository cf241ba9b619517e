import { parseAddress } from '../../zone/address.ts';
import type { Connected } from '../client/device.ts';
import { judgeConnections, judgeLookUp, judgeTls } from './client-connection.ts';
import type { ClientOptions, Report } from './client-options.ts';

const MOST_ADDRESSES = 6;

/** DNS, TCP and TLS to the DoH host, up to what fails: is it reached, and trusted? */
export async function reachHost(
  options: Pick<ClientOptions, 'url' | 'address' | 'caFile' | 'device' | 'now'>,
  { asksStub, report }: { readonly asksStub: boolean; readonly report: Report },
  signal: AbortSignal,
): Promise<boolean> {
  const { url, caFile, device } = options;
  const { host, port } = url;
  const addresses = await findAddresses(options, { asksStub, report }, signal);
  if (addresses.length === 0) return false;
  const connecting = addresses.slice(0, MOST_ADDRESSES).map(async (address) => ({
    address,
    connected: await device.connect({ address, port }, signal),
  }));
  const tried: readonly { readonly address: string; readonly connected: Connected }[] =
    await Promise.all(connecting);
  await report(judgeConnections(tried, port));
  const first = tried.find(({ connected }) => connected.kind === 'connected');
  if (!first) return false;
  if (url.protocol === 'http:') {
    await report({ about: 'TLS', verdict: 'skipped', says: 'plain HTTP, on this machine alone' });
    return true;
  }
  const shaken = await device.handshake({ address: first.address, port, host }, signal);
  const findings = judgeTls(shaken, { host, caFile, nowMs: options.now() });
  await report(...findings);
  return findings.every(({ verdict }) => verdict !== 'wrong');
}

async function findAddresses(
  { url, address, device }: Pick<ClientOptions, 'url' | 'address' | 'device'>,
  { asksStub, report }: { readonly asksStub: boolean; readonly report: Report },
  signal: AbortSignal,
): Promise<readonly string[]> {
  const { host, isLoopback } = url;
  if (parseAddress(host)) {
    await report({ about: 'DNS', verdict: 'well', says: `${host} is an address: nothing to look up` });
    return [address ?? host];
  }
  const found = await device.lookUp(host, signal);
  const finding = judgeLookUp(found, { host, isLoopback, pinned: address, asksStub });
  await report(finding);
  if (address !== undefined) return [address];
  return found.kind === 'found' && finding.verdict !== 'wrong' ? found.addresses : [];
}
