import type { Command } from 'commander';
import { fromMarathonLbFlags } from '../marathon-lb-flags.ts';
import { fromMesosConsulFlags, type Imported } from '../mesos-consul-flags.ts';
import { print } from './print.ts';
import { note } from './terminal.ts';

const EXAMPLES = `
Examples:
  mesos-doh import mesos-consul -- --zk=zk://10.0.0.1:2181/mesos --whitelist '^prod-' > config.json
  mesos-doh import marathon-lb -- sse --group external -m http://10.0.0.1:8080 > config.json`;

export function addImportCommand(program: Command): void {
  const command = program
    .command('import')
    .description("another program's command line as our configuration (docs/labels.md)")
    .addHelpText('after', EXAMPLES);
  add(command, 'mesos-consul', fromMesosConsulFlags);
  add(command, 'marathon-lb', fromMarathonLbFlags);
}

/** The configuration on stdout, and on stderr what has no meaning here. */
function add(command: Command, name: string, read: (args: readonly string[]) => Imported): void {
  command
    .command(name)
    .description(`what ${name} was started with, behind --`)
    .argument('[flags...]', `the flags of ${name}`)
    .action(async (args: readonly string[]) => {
      const { config, ignored, notes } = read(args);
      for (const { flag, why } of ignored) note(`${flag} has no meaning here: ${why}`);
      for (const line of notes) note(line);
      await print(`${JSON.stringify(config, undefined, 2)}\n`);
    });
}
