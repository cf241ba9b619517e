import { stat } from 'node:fs/promises';
import type { Command } from 'commander';
import { toHex } from '../../zone/hash.ts';
import { ConfigError, parseConfig, readJsonFile } from '../config.ts';
import {
  beginRotation,
  finishRotation,
  forgetRetired,
  type RotationState,
  rotationState,
  verifyKeys,
} from '../key-rotation.ts';
import { keyPlaces, type KeyRing, loadKeyRing, signingKeyPath, writeSigningKey } from '../keys.ts';
import { note } from './terminal.ts';

type Flags = { readonly config?: string; readonly keyFile?: string; readonly json?: boolean };
type RotateFlags = Flags & { readonly finish?: boolean; readonly forget?: boolean };

const EXAMPLES = `
Examples:
  mesos-doh keys show --config /etc/mesos-doh/config.json
  mesos-doh keys rotate --config /etc/mesos-doh/config.json            # makes the next key
  mesos-doh keys rotate --finish --config /etc/mesos-doh/config.json   # once the Workers know both
  mesos-doh keys rotate --forget --config /etc/mesos-doh/config.json   # once all heads are new

All steps, and what to do when a key is lost or stolen: docs/signing-keys.md`;

export function addKeysCommand(program: Command): void {
  const keys = program
    .command('keys')
    .description('make, show and rotate the keys that sign what is published')
    .addHelpText('after', EXAMPLES);
  withFlags(keys.command('make'))
    .description('make a signing key where there is none')
    .action(async (flags: Flags) => {
      const path = pathFrom(flags);
      if (!(await writeSigningKey(path))) {
        const { current } = await loadKeyRing(path);
        throw new ConfigError(
          `there is a signing key in ${path} already (key id ${toHex(current.keyId)}); ` +
            'another one in its place comes from mesos-doh keys rotate',
        );
      }
      await show(path, await loadKeyRing(path), flags);
    });
  withFlags(keys.command('show'))
    .description('print key ids, VERIFY_KEYS, and how far a rotation is')
    .action(async (flags: Flags) => show(pathFrom(flags), await loadKeyRing(pathFrom(flags)), flags));
  withFlags(keys.command('rotate'))
    .description('make the next key; with --finish, go over to it')
    .option('--finish', 'sign with the next key from now on; its public half must be deployed')
    .option('--forget', 'trust retired keys no longer; every head must be signed with the current one')
    .action(async (flags: RotateFlags) => {
      if (flags.finish === true && flags.forget === true)
        throw new ConfigError('give --finish or --forget, not both');
      const path = pathFrom(flags);
      if (flags.finish === true) await show(path, await finishRotation(path, new Date()), flags);
      else if (flags.forget === true) await show(path, await forgetRetired(path), flags);
      else await show(path, await beginRotation(path), flags);
    });
}

function withFlags(command: Command): Command {
  return command
    .option('--config <file>', 'our configuration: its signingKeyFile, or signing.pem in its dataDir')
    .option('--key-file <file>', 'the signing key, wherever the configuration has it')
    .option('--json', 'print as JSON')
    .addHelpText('after', EXAMPLES)
    .exitOverride();
}

function pathFrom({ config, keyFile }: Flags): string {
  if (keyFile !== undefined) return keyFile;
  return signingKeyPath(parseConfig(config === undefined ? {} : readJsonFile(config), config ?? 'flags'));
}

const NEXT_STEP: Readonly<Record<RotationState, (path: string) => string>> = {
  steady: () => 'no rotation is under way; begin one with: mesos-doh keys rotate',
  begun: (path) =>
    'the next key is made, and signs nothing yet. Put VERIFY_KEYS into every Worker and deploy; copy ' +
    `${keyPlaces(path).next} to every other agent of the zone; then: mesos-doh keys rotate --finish`,
  finished: () =>
    'the new key signs as soon as every agent is restarted. Keep VERIFY_KEYS as it is until then and a day ' +
    'longer; with team tokens: mesos-doh access renew; then: mesos-doh keys rotate --forget',
};

async function show(path: string, ring: KeyRing, { json }: Flags): Promise<void> {
  const state = rotationState(ring);
  await warnOfMode(path);
  if (json === true) {
    const shown = {
      file: path,
      keyId: toHex(ring.current.keyId),
      rotation: state,
      nextKeyId: ring.next && toHex(ring.next.keyId),
      retired: ring.retired,
      verifyKeys: verifyKeys(ring),
      nextStep: NEXT_STEP[state](path),
    };
    process.stdout.write(`${JSON.stringify(shown, undefined, 1)}\n`);
    return;
  }
  const lines = [`key ${toHex(ring.current.keyId)} in ${path}`];
  if (ring.next) lines.push(`next key ${toHex(ring.next.keyId)} in ${keyPlaces(path).next}`);
  for (const { publicKeyBase64, retiredAt } of ring.retired)
    lines.push(`retired ${publicKeyBase64} (${retiredAt || 'no date'})`);
  lines.push(`VERIFY_KEYS=${verifyKeys(ring)}`, NEXT_STEP[state](path));
  process.stdout.write(`${lines.join('\n')}\n`);
}

async function warnOfMode(path: string): Promise<void> {
  const { mode } = await stat(path);
  if ((mode & 0o077) === 0) return;
  const octal = (mode & 0o777).toString(8).padStart(4, '0');
  note(`${path} can be read or written by others (mode ${octal}); say: chmod 600 ${path}`);
}
