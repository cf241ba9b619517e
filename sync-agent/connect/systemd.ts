import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { Kit, Target } from '../../connect/kit.ts';
import { canBeNative, systemdKit } from '../../connect/systemd.ts';
import { ConfigError } from '../config.ts';
import { hasNegativeAnchors, nsswitchAdvice, output, stubCommand, systemdVersion } from './this-machine.ts';

export type SystemdFlags = {
  readonly root: string;
  readonly systemdVersion: number | undefined;
  readonly stubCommand: string | undefined;
  readonly listen: string | undefined;
  readonly networkd: boolean;
};

/** Where packages put the program. */
const PACKAGED = '/usr/bin/mesos-doh';
const CHECK_TRIES = 8;
const CHECK_PAUSE_MS = 750;

/** The kit for this machine, or for an image of one; `note` takes what was found out and is worth saying. */
export async function kitForSystemd(
  target: Target,
  flags: SystemdFlags,
  { note, signal }: { readonly note: (line: string) => void; readonly signal: AbortSignal },
): Promise<Kit> {
  const version = flags.systemdVersion ?? (await systemdVersion(signal));
  const found = canBeNative(target, version) ? await addressesOf(target, note) : target.addresses;
  const machine = {
    systemdVersion: version,
    isNetworkd: flags.networkd,
    stubCommand: flags.stubCommand ?? (flags.root === '' ? stubCommand() : PACKAGED),
    hasNegativeAnchors: await hasNegativeAnchors(flags.root),
    ...(flags.listen !== undefined && { listen: flags.listen }),
  };
  const advice = await nsswitchAdvice(flags.root);
  if (advice !== undefined) note(advice);
  try {
    return systemdKit({ ...target, addresses: found ?? [] }, machine);
  } catch (error) {
    if (error instanceof RangeError) throw new ConfigError(error.message, { cause: error });
    throw error;
  }
}

/** Given ones, else those the DoH host has now. */
async function addressesOf(target: Target, note: (line: string) => void): Promise<readonly string[]> {
  const given = target.addresses ?? [];
  if (given.length > 0) return given;
  const hostname = new URL(target.dohUrl).hostname.replaceAll(/^\[|\]$/g, '');
  if (isIP(hostname) !== 0) return [hostname];
  const found = await lookup(hostname, { all: true }).catch(() => []);
  const addresses = found.map(({ address }) => address);
  if (addresses.length > 0)
    note(`${hostname} is at ${addresses.join(', ')} now, and is asked there until you connect again`);
  else note(`${hostname} can't be looked up now (--address says where it is), so the stub will ask it`);
  return addresses;
}

/** Asks as a program would until there is an answer. Gives its first line; throws with what was said instead. */
export async function firstAnswer({ check }: Kit, signal: AbortSignal): Promise<string> {
  for (let tries = 1; ; tries++) {
    try {
      const [line = ''] = (await output(check, signal)).split('\n');
      return line.replaceAll(/\s+/g, ' ').trim();
    } catch (error) {
      if (tries >= CHECK_TRIES) throw error;
      await delay(CHECK_PAUSE_MS, undefined, { signal });
    }
  }
}
