import { writeFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { Argument, type Command, InvalidArgumentError } from 'commander';
import type { ClientName, Kit } from '../../connect/kit.ts';
import { ConfigError } from '../config.ts';
import { applyKit } from '../connect/apply.ts';
import { CLIENTS, isWrittenHere } from '../connect/kits.ts';
import { readManifest } from '../connect/manifest.ts';
import { portableText, renderKit } from '../connect/render.ts';
import { firstAnswer } from '../connect/systemd.ts';
import { createRun, needResolved } from '../connect/this-machine.ts';
import { undoManifest } from '../connect/undo.ts';
import { type ConnectFlags, wantedKit } from '../connect/wanted-kit.ts';
import { collect } from './inputs.ts';
import { print } from './print.ts';
import { toPositive } from './simulate.ts';
import { note, stopSignal } from './terminal.ts';

type Flags = ConnectFlags & {
  readonly dryRun?: boolean;
  readonly undo?: boolean;
  readonly out?: string;
  readonly json?: boolean;
};

const EXAMPLES = `
Examples:
  sudo mesos-doh connect systemd --url https://doh.example.com/t/mdt_…/dns-query
  mesos-doh connect systemd --url https://doh.example.com/dns-query --dry-run
  sudo mesos-doh connect systemd --undo
  sudo mesos-doh connect firefox --url https://doh.example.com/t/mdt_…/dns-query
  mesos-doh connect apple --url https://doh.example.com/t/mdt_…/dns-query --out mesos.mobileconfig

The URL also from MESOS_DOH_URL, a token for its path from MESOS_DOH_TOKEN, where ps does not show them.
Files of systemd and of browsers on Linux are written; what other clients need is printed. A page each: docs/connect/`;

export function addConnectCommand(program: Command): void {
  program
    .command('connect')
    .description('make a client ask a DoH URL: write its files, or print what it needs')
    .addArgument(new Argument('<client>', 'what to connect').choices(CLIENTS))
    .option('--url <url>', 'the DoH URL, also from MESOS_DOH_URL')
    .option('--zone <zone>', 'a zone to ask it for; repeatable (default: mesos)', collect)
    .option('--ca <file>', "PEM file of the authority that signed the DoH host's certificate")
    .option('--address <ip>', 'of the DoH host, where it can not be looked up; repeatable', collect)
    .option('--forwards', 'it answers names outside the zones too')
    .option('--no-forwards', 'it answers the zones alone')
    .option('--dry-run', 'print files and commands, and do nothing')
    .option('--undo', 'take out what connect wrote')
    .option('--root <dir>', 'write below this directory, and run nothing: for images')
    .option('--out <file>', 'write what is printed into a new file')
    .option('--json', 'print files and commands as JSON, and do nothing')
    .option('--systemd-version <n>', "systemd: for this version instead of the machine's", toPositive)
    .option('--networkd', 'systemd: let systemd-networkd make the link')
    .option(
      '--listen <address:port>',
      'systemd: where the stub listens (default: 127.0.0.1:5354)',
      readListen,
    )
    .option('--stub-command <command>', 'systemd: how the unit starts mesos-doh, by its whole path')
    .addHelpText('after', EXAMPLES)
    .action(async (client: ClientName, flags: Flags) => {
      if (flags.undo === true) return undo(client, flags);
      const { env, platform } = process;
      const kit = await wantedKit(client, flags, { env, platform, note, signal: stopSignal() });
      if (flags.json === true) return print(`${JSON.stringify(kit, undefined, 1)}\n`);
      if (flags.dryRun === true) return print(renderKit(kit));
      if (flags.out === undefined && isWrittenHere(client, flags.root === undefined ? platform : 'linux'))
        return apply(kit, flags);
      await hand(kit, flags.out);
    });
}

async function apply(kit: Kit, { root }: Flags): Promise<void> {
  if (kit.files.length > 0) {
    if (root === undefined) await needMachine(kit);
    const commands = root === undefined ? { run: createRun(stopSignal()), takeBack: createRun() } : undefined;
    for (const path of await applyKit(kit, { root: root ?? '', commands })) note(`wrote ${path}`);
  }
  for (const line of kit.notes) note(line);
  if (root !== undefined) {
    for (const command of kit.apply) note(`on the machine itself, run: ${command}`);
    return;
  }
  if (kit.client !== 'systemd') return note(`to see that it works: ${kit.check}`);
  try {
    await print(`${await firstAnswer(kit, stopSignal())}\n`);
  } catch (cause) {
    const said = cause instanceof Error ? cause.message : String(cause);
    throw new Error(
      `all is written, and there is no answer yet: ${said}. See journalctl -u mesos-doh, or say mesos-doh doctor --client`,
      { cause },
    );
  }
}

async function undo(client: ClientName, { root, dryRun }: Flags): Promise<void> {
  const manifest = await readManifest(root ?? '', client);
  if (!manifest)
    throw new ConfigError(`connect wrote nothing for ${client} here, or what it wrote is taken out`);
  if (dryRun === true) {
    const lines = [
      ...manifest.undo,
      ...manifest.files.map(({ path, before }) => `${before ? 'restore' : 'rm'} ${path}`),
    ];
    return print([...lines, ...manifest.afterUndo, ''].join('\n'));
  }
  if (root === undefined) needRoot();
  const run = root === undefined ? createRun() : undefined;
  const { kept, troubles } = await undoManifest(manifest, { root: root ?? '', run });
  for (const trouble of troubles) note(trouble);
  for (const path of kept)
    note(`${path} was changed since, and stays as it is: take out by hand what is ours`);
  if (kept.length > 0 || troubles.length > 0) throw new Error('not all could be taken out: see above');
  note(`what connect wrote for ${client} is taken out`);
}

/** What another machine needs, to stdout or a new file; what a person should know, to stderr. */
async function hand(kit: Kit, out: string | undefined): Promise<void> {
  const text = portableText(kit);
  if (out === undefined) await print(text);
  else
    await writeFile(out, text, { mode: 0o600, flag: 'wx' }).catch((cause: unknown) => {
      throw new ConfigError(`${out} can't be written, or is there already`, { cause });
    });
  if (kit.files.length > 0) for (const command of kit.apply) note(`then: ${command}`);
  note(`to see that it works: ${kit.check}`);
  for (const line of kit.notes) note(line);
}

async function needMachine({ client }: Kit): Promise<void> {
  needRoot();
  if (client === 'systemd') await needResolved(stopSignal());
}

function needRoot(): void {
  if (process.getuid?.() === 0) return;
  throw new ConfigError(
    'this writes to /etc: say it with sudo (sudo --preserve-env=MESOS_DOH_URL,MESOS_DOH_TOKEN mesos-doh connect …), ' +
      'or with --dry-run to see what would be written',
  );
}

function readListen(text: string): string {
  const [, host = '', port = ''] = /^\[?([\da-f.:]+?)\]?:(\d+)$/i.exec(text) ?? [];
  if (isIP(host) !== 0 && Number(port) > 0 && Number(port) < 65_536) return text;
  throw new InvalidArgumentError('It should be an address and a port, such as 127.0.0.1:5354.');
}
