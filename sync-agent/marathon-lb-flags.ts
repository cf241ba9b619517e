import { type ConfigInput, parseConfig } from './config.ts';
import { type ForeignFlag, readForeignFlags } from './foreign-flags.ts';
import type { Imported } from './mesos-consul-flags.ts';

const PROGRAM = 'marathon-lb';
const NO_PROXY = 'there is no proxy here: clients go to the tasks';
const OWN_SECRETS = 'secrets are in files: marathon.credentialsFile, mesos.credentialsFile';
const proxy = { takes: 'text', noMeaning: NO_PROXY } as const;
const proxySwitch = { takes: 'nothing', noMeaning: NO_PROXY } as const;

/** Flags of marathon-lb (`marathon_lb.py`, get_arg_parser). */
const FLAGS: Readonly<Record<string, ForeignFlag>> = {
  marathon: { takes: 'texts', short: 'm' },
  group: { takes: 'text' },
  'strict-mode': { takes: 'nothing' },
  'health-check': {
    takes: 'nothing',
    short: 'H',
    noMeaning:
      'tasks that Mesos calls unhealthy are left out (records.health); checks of Marathon itself are not in its state',
  },
  sse: { takes: 'nothing', short: 's', noMeaning: 'the event stream is always listened to' },
  'haproxy-config': proxy,
  command: { ...proxy, short: 'c' },
  'max-reload-retries': proxy,
  'reload-interval': proxy,
  'archive-versions': { takes: 'text', noMeaning: 'history.keep says how many snapshots are kept' },
  'lru-cache-capacity': proxy,
  'haproxy-map': proxySwitch,
  'dont-bind-http-https': proxySwitch,
  'group-https-by-vhost': proxySwitch,
  'ssl-certs': proxy,
  'skip-validation': proxySwitch,
  dry: { takes: 'nothing', short: 'd', noMeaning: 'mesos-doh diff tells what would change' },
  'min-serv-port': proxy,
  'max-serv-port': proxy,
  'marathon-ca-cert': { takes: 'text', noMeaning: 'give it by NODE_EXTRA_CA_CERTS' },
  'auth-credentials': { takes: 'text', noMeaning: OWN_SECRETS },
  'dcos-auth-credentials': {
    takes: 'text',
    noMeaning: 'mesos.dcosServiceAccountFile has the service account',
  },
  'marathon-auth-credential-file': { takes: 'text', noMeaning: OWN_SECRETS },
  'syslog-socket': { takes: 'text', noMeaning: 'logs go to stderr' },
  'log-format': { takes: 'text', noMeaning: 'logs are lines of JSON' },
  'log-level': { takes: 'text', noMeaning: 'there are no log levels' },
};

/** marathon-lb's command line as our configuration: its vhosts become names. Throws `ConfigError`. */
export function fromMarathonLbFlags(args: readonly string[]): Imported {
  // Its container takes how it listens in front.
  const [mode, ...rest] = args;
  const flags = readForeignFlags(mode === 'sse' || mode === 'poll' ? rest : args, {
    program: PROGRAM,
    flags: FLAGS,
  });
  const groups = flags.texts('group').flatMap((group) => group.split(','));
  const urls = flags.texts('marathon').flatMap((url) => url.split(','));
  const config: ConfigInput = {
    ...(urls.length > 0 && { marathon: { urls } }),
    records: {
      haproxy: { ...(groups.length > 0 && { groups }), strict: flags.isSet('strict-mode') },
      aliases: { within: 'zone' },
    },
  };
  parseConfig(config, PROGRAM);
  return {
    config,
    ignored: flags.ignored,
    notes: [
      'add where the cluster is: mesos.zk or mesos.masters',
      'vhosts outside the domain are reported, unless records.aliases.zones names a zone that holds them (docs/labels.md)',
      'records.aliases.within: "zone" lets any task with such a label take any name in the domain but those of the cluster itself, other tasks’ too; where not all who start tasks may do that, take it out: labels then give names below their framework alone (docs/labels.md)',
      'tasks without these labels keep their names; records.publish: "labelled" hides them',
    ],
  };
}
