import type { Command } from 'commander';
import { escapedJson } from '../client/json-text.ts';
import { parseConfig, readJsonFile } from '../config.ts';
import { askAgent, ControlError } from '../control/client.ts';
import { print } from './print.ts';
import { stopSignal } from './terminal.ts';

type Flags = { readonly config?: string; readonly dataDir?: string; readonly json?: boolean };

const EXAMPLES = `
Examples:
  mesos-doh ctl status --config /etc/mesos-doh/config.json
  mesos-doh ctl held --json
  mesos-doh ctl release --data-dir /var/lib/mesos-doh

Run it on the agent's machine, as the agent's user. To roll back: mesos-doh rollback.`;

const WORDS = {
  status: 'what the agent does, and how it is',
  held: 'names that are gone from the cluster and kept by the guard, and why',
  release: 'let go what the guard holds',
  force: 'publish what is read next, guard aside',
  unpin: 'end a rollback: publish the cluster again',
} as const;

export function addCtlCommand(program: Command): void {
  const ctl = program
    .command('ctl')
    .description('ask or order the agent that runs on this machine')
    .addHelpText('after', EXAMPLES);
  for (const order of ['status', 'held', 'release', 'force', 'unpin'] as const) {
    ctl
      .command(order)
      .description(WORDS[order])
      .option('--config <file>', "the agent's configuration, for its data directory")
      .option('--data-dir <dir>', "the agent's data directory")
      .option('--json', 'print the answer as JSON')
      .exitOverride()
      .action(async (flags: Flags) => {
        const dataDir = dataDirFrom(flags);
        const answer =
          order === 'status' || order === 'held'
            ? await askAgent(dataDir, { path: `/${order}` }, stopSignal())
            : await askAgent(dataDir, { path: `/${order}` }, stopSignal());
        if (answer === undefined)
          throw new ControlError(`no agent runs with the data directory ${dataDir} (--config, --data-dir)`);
        await print(flags.json === true ? `${escapedJson(JSON.stringify(answer))}\n` : renderAnswer(answer));
      });
  }
}

function dataDirFrom({ config, dataDir }: Flags): string {
  if (dataDir !== undefined) return dataDir;
  return config === undefined
    ? parseConfig({}, 'flags').dataDir
    : parseConfig(readJsonFile(config), config).dataDir;
}

/** JSON for people: a line for each value, what is inside indented. */
export function renderAnswer(value: unknown, indent = ''): string {
  if (Array.isArray(value)) {
    if (value.length === 0) return `${indent}none\n`;
    return value
      .map((item: unknown) => `${indent}- ${renderAnswer(item, `${indent}  `).trimStart()}`)
      .join('');
  }
  if (typeof value !== 'object' || value === null) return `${indent}${scalar(value)}\n`;
  return Object.entries(value)
    .map(([key, item]: [string, unknown]) => {
      const isNested = typeof item === 'object' && item !== null;
      return `${indent}${key}:${isNested ? `\n${renderAnswer(item, `${indent}  `)}` : ` ${scalar(item)}\n`}`;
    })
    .join('');
}

/** Names in answers come from the cluster: none of them may steer the terminal. */
function scalar(value: unknown): string {
  return value === null ? '-' : String(value).replaceAll(/\p{C}/gu, '\uFFFD');
}
