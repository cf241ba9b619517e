import type { ClientName, Target } from '../../connect/kit.ts';
import { ConfigError } from '../config.ts';
import { isBrowser } from './kits.ts';
import type { Probed } from './probe.ts';

/**
 * The target with what is known of its forwarding. A browser's is asked for, where no flag says it: Firefox falls back
 * on the system where there is no answer, and for Chrome and its kin that throws `ConfigError`, which names the flags.
 * `ask` is missing where nothing may be asked.
 */
export async function withForwarding(
  client: ClientName,
  target: Target,
  { ask, note }: { readonly ask: (() => Promise<Probed>) | undefined; readonly note: (line: string) => void },
): Promise<Target> {
  if (!isBrowser(client)) {
    if (target.forwards !== undefined)
      note(`--forwards and --no-forwards are for browsers: they change nothing for ${client}`);
    return target;
  }
  if (target.forwards !== undefined) return target;
  const probed: Probed = ask ? await ask() : { kind: 'unanswered', says: 'nothing is asked for an image' };
  if (probed.kind === 'answered') {
    note('the resolver answers public names too: as --forwards');
    return { ...target, forwards: true };
  }
  if (probed.kind === 'refused') {
    note('the resolver answers its zones alone: as --no-forwards');
    return { ...target, forwards: false };
  }
  const unknown = `it is not known whether the resolver answers public names (${probed.says})`;
  if (client !== 'firefox')
    throw new ConfigError(`${unknown}: give --forwards if it does, or --no-forwards if not`);
  note(`${unknown}: as --no-forwards, which is right for both`);
  return target;
}
