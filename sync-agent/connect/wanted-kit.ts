import type { ClientName, Kit, Target } from '../../connect/kit.ts';
import { FormatError } from '../../zone/format-error.ts';
import { ConfigError } from '../config.ts';
import { withForwarding } from './forwarding.ts';
import { type PlainClient, plainKit } from './kits.ts';
import { type OpenHttp, probePublic } from './probe.ts';
import { kitForSystemd } from './systemd.ts';
import { readTarget, type TargetFlags } from './target.ts';

/** What a person wants connected, and how. */
export type ConnectFlags = Omit<TargetFlags, 'token'> & {
  /** The files are for an image of a Linux system in this directory. */
  readonly root?: string;
  /** The new file that it is wanted in. */
  readonly out?: string;
  readonly systemdVersion?: number;
  readonly stubCommand?: string;
  readonly listen?: string;
  readonly networkd?: boolean;
};

/** Where it is wanted. `note` takes what was found out and is worth saying. */
export type Surroundings = {
  readonly env: NodeJS.ProcessEnv;
  readonly platform: string;
  readonly open: OpenHttp;
  readonly note: (line: string) => void;
  readonly signal: AbortSignal;
};

export type Wanted = { readonly target: Target; readonly kit: Kit };

/** The client's kit for these flags. Throws `ConfigError` for those that no client could use. */
export async function wantedKit(
  client: ClientName,
  flags: ConnectFlags,
  { env, platform, open, note, signal }: Surroundings,
): Promise<Wanted> {
  const { root, out, systemdVersion, stubCommand, listen, networkd = false } = flags;
  const named = readTarget({
    ...flags,
    url: flags.url ?? urlOf(env),
    token: env['MESOS_DOH_TOKEN'] || undefined,
  });
  const ask = root === undefined ? () => probePublic(named, { open, signal }) : undefined;
  const target = await withForwarding(client, named, { ask, note });
  if (client === 'systemd') {
    const machine = { root: root ?? '', systemdVersion, stubCommand, listen, networkd };
    return { target, kit: await kitForSystemd(target, machine, { note, signal }) };
  }
  return {
    target,
    kit: plainKitFor(client, target, { platform: root === undefined ? platform : 'linux', out }),
  };
}

/** Needs no URL: commands that undo have none in them. */
const UNNAMED_URL = 'https://doh.example.com/dns-query';
const UNNAMED_ADDRESS = '192.0.2.1';

/** The kit of a client whose files are not written here, to tell how it is undone. */
export function kitToUndo(
  client: PlainClient,
  flags: ConnectFlags,
  { env, platform }: Pick<Surroundings, 'env' | 'platform'>,
): Kit {
  const address = flags.address ?? (client === 'dnsdist' ? [UNNAMED_ADDRESS] : undefined);
  const target = readTarget({
    ...flags,
    url: flags.url ?? urlOf(env) ?? UNNAMED_URL,
    address,
    forwards: true,
  });
  return plainKitFor(client, target, { platform, out: flags.out });
}

function urlOf(env: NodeJS.ProcessEnv): string | undefined {
  return env['MESOS_DOH_URL'] || undefined;
}

function plainKitFor(...[client, target, where]: Parameters<typeof plainKit>): Kit {
  try {
    return plainKit(client, target, where);
  } catch (error) {
    if (error instanceof FormatError) throw new ConfigError(error.message, { cause: error });
    throw error;
  }
}
