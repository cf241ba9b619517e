import { join } from 'node:path';
import { ConfigError } from '../config.ts';

/** `sun_path` of unix(7) and of macOS, less the zero octet at its end. */
const MAX_PATH_OCTETS = process.platform === 'linux' ? 107 : 103;

/** Where the agent of a data directory listens. Throws `ConfigError` for a path too long to be a socket's. */
export function controlSocketPath(dataDir: string): string {
  const path = join(dataDir, 'agent.sock');
  const octets = Buffer.byteLength(path);
  if (octets <= MAX_PATH_OCTETS) return path;
  throw new ConfigError(
    `the control socket ${path} has a path of ${octets} octets, and ${MAX_PATH_OCTETS} is the most a socket's may ` +
      'have: choose a shorter dataDir',
  );
}
