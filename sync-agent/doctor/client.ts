import { withoutToken } from '../client/doh-url.ts';
import { checkResolver } from './client-asking.ts';
import type { ClientFinding } from './client-finding.ts';
import { checkMachine } from './client-machine.ts';
import { checkNames } from './client-names.ts';
import type { ClientOptions, Learned, Report } from './client-options.ts';
import { asksStubForAll, readResolver } from './client-resolver.ts';
import { judgeUrl } from './client-url.ts';
import { reachHost } from './client-way.ts';

/**
 * Walks the way from this device to a task: URL, DNS, connection, TLS, token, answers, zone, name, route; then how
 * this machine resolves names. What fails ends the way, not the look at the machine. Changes nothing; no finding
 * holds the token. Throws the signal's reason alone.
 */
export async function checkClient(options: ClientOptions, signal: AbortSignal): Promise<void> {
  const { url, device, stub } = options;
  const findings: ClientFinding[] = [];
  const report: Report = async (...found) => {
    for (const { mend, ...finding } of found) {
      const hidden: ClientFinding = {
        ...finding,
        says: withoutToken(finding.says, url),
        ...(mend !== undefined && { mend: withoutToken(mend, url) }),
      };
      findings.push(hidden);
      await options.onFinding(hidden);
    }
  };
  await report(...judgeUrl(url));
  const resolver = await readResolver(device, signal);
  const asksStub = asksStubForAll(resolver, stub);
  const learned = await walk(options, { asksStub, report }, signal);
  await checkMachine(options, { resolver, learned, report, soFar: () => findings }, signal);
}

async function walk(
  options: ClientOptions,
  { asksStub, report }: { readonly asksStub: boolean; readonly report: Report },
  signal: AbortSignal,
): Promise<Learned> {
  const { protocol, isLoopback } = options.url;
  const isReadable = protocol === 'http:' && !isLoopback;
  if (isReadable || !(await reachHost(options, { asksStub, report }, signal))) {
    await report({ about: 'DoH', verdict: 'skipped', says: 'not asked: the lines above come first' });
    return {};
  }
  const { isServed, forwards } = await checkResolver(options, report, signal);
  return { forwards, known: isServed ? await checkNames(options, report, signal) : undefined };
}
