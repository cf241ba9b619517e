import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { join } from 'node:path';
import { Argument, type Command, InvalidArgumentError } from 'commander';
import { type ClientName, CLIENTS, type Kit } from '../../connect/kit.ts';
import { ConfigError } from '../config.ts';
import { applyKit } from '../connect/apply.ts';
import { isWrittenHere } from '../connect/kits.ts';
import { readManifest } from '../connect/manifest.ts';
import type { OpenHttp } from '../connect/probe.ts';
import { needReady } from '../connect/ready.ts';
import { portableText, renderKit, undoText } from '../connect/render.ts';
import { firstAnswer } from '../connect/systemd.ts';
import { createRun } from '../connect/this-machine.ts';
import { commandsOf, undoManifest } from '../connect/undo.ts';
import { withJournal } from '../connect/unit-journal.ts';
import { type ConnectFlags, kitToUndo, type Wanted, wantedKit } from '../connect/wanted-kit.ts';
import { httpFor, readCa } from './client-input.ts';
import { collect } from './inputs.ts';
import { print } from './print.ts';
import { toPositive } from './simulate.ts';
import { note, stopSignal } from './terminal.ts';

type Flags = ConnectFlags & {
  readonly urlFile?: string;
  readonly dryRun?: boolean;
  readonly undo?: boolean;
  readonly unchecked?: boolean;
  readonly json?: boolean;
};

const CONNECT_TIMEOUT_MS = 5_000;

const EXAMPLES = `
Examples:
  read -rs MESOS_DOH_URL; export MESOS_DOH_URL
  sudo --preserve-env=MESOS_DOH_URL mesos-doh connect systemd
  sudo mesos-doh connect systemd --url-file /root/doh-url
  mesos-doh connect systemd --url https://doh.example.com/dns-query --dry-run
  sudo mesos-doh connect systemd --undo
  sudo --preserve-env=MESOS_DOH_URL mesos-doh connect firefox
  mesos-doh connect apple --out mesos.mobileconfig

The URL from MESOS_DOH_URL or --url-file, a token for its path from MESOS_DOH_TOKEN, where ps does not show them.
Files of systemd and of browsers on Linux are written; what other clients need is printed. A page each: docs/connect/`;

export function addConnectCommand(program: Command): void {
  program
    .command('connect')
    .description('make a client ask a DoH URL: write its files, or print what it needs')
    .addArgument(new Argument('<client>', 'what to connect').choices(CLIENTS))
    .option('--url <url>', 'the DoH URL; ps shows it: with a token better MESOS_DOH_URL or --url-file')
    .option('--url-file <file>', 'the file that holds it, - for stdin')
    .option('--zone <zone>', 'a zone to ask it for; repeatable (default: mesos)', collect)
    .option('--ca <file>', "PEM file of the authority that signed the DoH host's certificate")
    .option('--address <ip>', 'of the DoH host, where it can not be looked up; repeatable', collect)
    .option('--forwards', 'browsers: it answers names outside the zones too (default: it is asked)')
    .option('--no-forwards', 'browsers: it answers the zones alone')
    .option('--dry-run', 'print files and commands, and do nothing')
    .option('--undo', 'take out what connect wrote')
    .option('--root <dir>', 'write below this directory, and run nothing: for images')
    .option('--out <file>', 'write what is printed into a new file')
    .option('--unchecked', 'systemd: do not ask the URL first whether it answers')
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
    .action(async (client: ClientName, given: Flags) => {
      const flags = withUrl(given);
      if (flags.undo === true) return undo(client, flags);
      const { env, platform } = process;
      const open = opener(flags);
      const wanted = await wantedKit(client, flags, { env, platform, open, note, signal: stopSignal() });
      const { kit } = wanted;
      if (flags.json === true) return print(`${JSON.stringify(kit, undefined, 1)}\n`);
      if (kit.files.length === 0 && kit.apply.length === 0)
        throw new Error(`nothing was written: ${kit.notes.join(' ')}`);
      if (flags.dryRun === true) return print(renderKit(kit));
      if (flags.out === undefined && isWrittenHere(client, flags.root === undefined ? platform : 'linux'))
        return apply(wanted, flags);
      await hand(kit, flags.out);
    });
}

/** The URL from a file, where one is named. Throws `ConfigError`, without what stands in it. */
function withUrl(flags: Flags): Flags {
  const { url, urlFile } = flags;
  if (urlFile === undefined) return flags;
  if (url !== undefined) throw new ConfigError('give --url or --url-file, not both');
  let text = '';
  try {
    text = readFileSync(urlFile === '-' ? 0 : urlFile, 'utf8').trim();
  } catch (cause) {
    throw new ConfigError(`--url-file ${urlFile} can't be read`, { cause });
  }
  if (text === '')
    throw new ConfigError(`--url-file ${urlFile} is empty: the DoH URL should be all it holds`);
  return { ...flags, url: text };
}

/** Authorities are added to those that Node brings, as the stub does. */
function opener({ ca }: Flags): OpenHttp {
  return (url, address) => httpFor({ url, address, ca: readCa(ca), connectTimeoutMs: CONNECT_TIMEOUT_MS });
}

async function apply({ kit, target }: Wanted, flags: Flags): Promise<void> {
  const { root, unchecked: isUnchecked = false } = flags;
  const signal = stopSignal();
  if (root === undefined) {
    needRoot();
    if (kit.client === 'systemd') await needReady(kit, target, { open: opener(flags), signal, isUnchecked });
  }
  const run = withJournal(createRun(signal), signal);
  const commands = root === undefined ? { run, takeBack: createRun() } : undefined;
  const { written, kept } = await applyKit(kit, { root: root ?? '', commands });
  for (const path of written) note(`wrote ${path}`);
  for (const path of kept)
    note(`kept ${path}: it was changed since, and is not needed now; take it out by hand`);
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

async function undo(client: ClientName, flags: Flags): Promise<void> {
  const { root, dryRun } = flags;
  const manifest = await readManifest(root ?? '', client);
  const platform = root === undefined ? process.platform : 'linux';
  if (!manifest && client !== 'systemd' && !isWrittenHere(client, platform)) {
    note(`connect printed what ${client} needs and wrote nothing here; so it is taken out there:`);
    await print(undoText(kitToUndo(client, flags, { env: process.env, platform })));
    if (client === 'windows') note('connected with --address or --ca? Say --undo with them, too');
    return;
  }
  if (!manifest)
    throw new ConfigError(`connect wrote nothing for ${client} here, or what it wrote is taken out`);
  if (dryRun === true) {
    const { undo: first, forget, afterUndo } = commandsOf(manifest);
    const lines = [
      ...first,
      ...forget,
      ...manifest.files.map(({ path, before }) => `${before ? 'restore' : 'rm'} ${path}`),
    ];
    return print([...lines, ...afterUndo, ''].join('\n'));
  }
  if (root === undefined) needRoot();
  const run = root === undefined ? createRun() : undefined;
  const { kept, troubles } = await undoManifest(manifest, { root: root ?? '', run });
  for (const trouble of troubles) note(trouble);
  for (const { path } of kept)
    note(`${join(root ?? '', path)} was changed since, and stays as it is: take out by hand what is ours`);
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
