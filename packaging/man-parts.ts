/** What the manual page says beside the commands' own definitions: titles and paragraphs, or terms with what they are. */
export type ManPart = {
  readonly title: string;
  readonly text?: readonly string[];
  readonly terms?: readonly (readonly [term: string, description: string])[];
};

export const BEFORE_COMMANDS: readonly ManPart[] = [
  {
    title: 'DESCRIPTION',
    text: [
      'Answers the names of an Apache Mesos cluster over DNS over HTTPS (RFC 8484), as mesos-dns names them. An agent in the cluster (sync) reads the masters and publishes signed snapshots to Cloudflare Workers KV; a Worker answers from them.',
      'Results go to standard output, everything else to standard error. Each command has --help, with examples.',
    ],
  },
];

export const AFTER_COMMANDS: readonly ManPart[] = [
  {
    title: 'EXIT STATUS',
    terms: [
      ['0', 'Done.'],
      ['1', 'Failed.'],
      ['2', 'Wrong usage or configuration.'],
      ['3', 'Done, but for names that the guard holds back.'],
      ['130', 'Stopped before it was done.'],
    ],
  },
  {
    title: 'ENVIRONMENT',
    terms: [
      ['CLOUDFLARE_API_TOKEN', 'May write the KV namespace. Needed by all that reads or writes Workers KV.'],
      ['CLOUDFLARE_API_TOKEN_FILE', 'A file with it, for deploy/run-agent.'],
      ['MESOS_PRINCIPAL, MESOS_SECRET', 'Who the agent is to the masters.'],
      ['MESOS_ZK_CREDENTIALS', "ZooKeeper's user, as user:password."],
      ['AURORA_ZK_CREDENTIALS', "The user of Aurora's ZooKeeper, as user:password."],
      ['AURORA_WEBHOOK_SECRET', "What Aurora's scheduler sends with each notice."],
      ['CONSUL_HTTP_TOKEN', 'The ACL token for Consul.'],
      [
        'MESOS_DOH_URL',
        'The DoH URL that is asked where no --url says another. Not seen by ps, as flags are.',
      ],
      ['MESOS_DOH_TOKEN', "A team's token, sent with questions, for a DoH URL that has none in its path."],
      ['LOG_LEVEL', 'Of the agent: error, warn, info (the default) or debug.'],
    ],
  },
  {
    title: 'FILES',
    terms: [
      [
        '/etc/mesos-doh/config.json',
        "The agent's configuration, as the units and images have it; say --config to use it.",
      ],
      [
        '/var/lib/mesos-doh',
        'Its dataDir, as the units and images have it: signing.pem (the key; back it up), the change log, agent.sock for ctl.',
      ],
      [
        '.mesos-doh',
        'The data directory of up, unless --data-dir says another: keys, the local KV, ca.pem of the local authority.',
      ],
    ],
  },
  {
    title: 'EXAMPLES',
    terms: [
      ['mesos-doh up', 'A simulated cluster, the agent and the Worker, all on this machine.'],
      ['mesos-doh lookup search.marathon.mesos --url https://doh.example.com/dns-query', 'Ask for a name.'],
      [
        'mesos-doh sync --config /etc/mesos-doh/config.json --dry-run',
        'What would be published, without doing so.',
      ],
      ['mesos-doh doctor --config /etc/mesos-doh/config.json', 'What is wrong, and how to mend it.'],
    ],
  },
  {
    title: 'SEE ALSO',
    text: [
      'The pages in docs/ of the package: deploy.md, deploy-agent.md, configuration.md, operate.md, record-names.md.',
      'dig(1), resolvectl(1), wrangler',
    ],
  },
];
