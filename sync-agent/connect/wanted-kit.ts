import type { ClientName, Kit } from '../../connect/kit.ts';
import { FormatError } from '../../zone/format-error.ts';
import { ConfigError } from '../config.ts';
import { plainKit } from './kits.ts';
import { kitForSystemd } from './systemd.ts';
import { readTarget, type TargetFlags } from './target.ts';

/** What a person wants connected, and how. */
export type ConnectFlags = Omit<TargetFlags, 'token'> & {
  /** The files are for an image of a Linux system in this directory. */
  readonly root?: string;
  readonly systemdVersion?: number;
  readonly stubCommand?: string;
  readonly listen?: string;
  readonly networkd?: boolean;
};

/** Where it is wanted. `note` takes what was found out and is worth saying. */
export type Surroundings = {
  readonly env: NodeJS.ProcessEnv;
  readonly platform: string;
  readonly note: (line: string) => void;
  readonly signal: AbortSignal;
};

/** The client's kit for these flags. Throws `ConfigError` for those that no client could use. */
export async function wantedKit(
  client: ClientName,
  flags: ConnectFlags,
  { env, platform, note, signal }: Surroundings,
): Promise<Kit> {
  const url = flags.url ?? (env['MESOS_DOH_URL'] || undefined);
  const target = readTarget({ ...flags, url, token: env['MESOS_DOH_TOKEN'] || undefined });
  const { root, systemdVersion, stubCommand, listen, networkd = false } = flags;
  if (client === 'systemd') {
    const machine = { root: root ?? '', systemdVersion, stubCommand, listen, networkd };
    return kitForSystemd(target, machine, { note, signal });
  }
  try {
    return await plainKit(client, target, root === undefined ? platform : 'linux');
  } catch (error) {
    if (error instanceof FormatError) throw new ConfigError(error.message, { cause: error });
    throw error;
  }
}
