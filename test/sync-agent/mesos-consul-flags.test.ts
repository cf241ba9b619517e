import { describe, expect, it } from 'vitest';
import { type ConfigInput, parseConfig } from '../../sync-agent/config.ts';
import { fromMarathonLbFlags } from '../../sync-agent/marathon-lb-flags.ts';
import { fromMesosConsulFlags } from '../../sync-agent/mesos-consul-flags.ts';

const DEFAULTS: ConfigInput = { mesos: { zk: 'zk://127.0.0.1:2181/mesos' }, records: { profile: 'consul' } };
const config = (...args: string[]): ConfigInput => fromMesosConsulFlags(args).config;
const records = (...args: string[]): unknown => {
  const { profile, ...rest } = config(...args).records ?? {};
  expect(profile).toBe('consul');
  return rest;
};

describe('flags of mesos-consul', () => {
  it('that are not given have its defaults', () => {
    expect(config()).toEqual(DEFAULTS);
  });

  it.each<[string[], ConfigInput['mesos']]>([
    [['--zk', 'zk://a:1,b:2/m'], { zk: 'zk://a:1,b:2/m' }],
    [['--zk=zk://a:1/m'], { zk: 'zk://a:1/m' }],
    [['-zk=zk://a:1/m'], { zk: 'zk://a:1/m' }],
    [['-zk', 'zk://b:1/m', '--zk=zk://a:1/m'], { zk: 'zk://a:1/m' }],
    [['--zk=zk://user:pass@a:1/m'], { zk: 'zk://a:1/m' }],
    [['--zk=zk://a:1/m', '--refresh=1m30s'], { zk: 'zk://a:1/m', pollSeconds: 90 }],
    [['--zk=zk://a:1/m', '--refresh', '500ms'], { zk: 'zk://a:1/m', pollSeconds: 1 }],
    [['--zk=zk://a:1/m', '--refresh', '1.5h'], { zk: 'zk://a:1/m', pollSeconds: 5400 }],
  ])('%j', (args, mesos) => {
    expect(config(...args).mesos).toEqual(mesos);
  });

  it.each<[string[], ConfigInput['records']]>([
    [['--whitelist', '^a', '--whitelist=b'], { include: ['^a', 'b'] }],
    [['--blacklist', '-x'], { exclude: ['-x'] }],
    [['--fw-whitelist=a', '--fw-blacklist=b'], { includeFrameworks: ['a'], excludeFrameworks: ['b'] }],
    [['--shared-service-name', '(KafkaBroker)-.*'], { groups: ['(KafkaBroker)-.*'] }],
    [
      ['--task-tag=Kafka:a,b', '--task-tag', 'kafka:b,c', '--task-tag=web:x:y'],
      { taskTags: { kafka: ['a', 'b', 'c'], web: ['x:y'] } },
    ],
    [['--group-separator='], { groupSeparator: '' }],
    [['--group-separator', '-'], { groupSeparator: '-' }],
    [['--group-separator=_'], { groupSeparator: '-' }],
    [['--service-port-label=ports'], { portLabel: 'ports' }],
    [['--service-port-label='], {}],
    [['--mesos-ip-order', 'docker,host'], { ipSources: ['docker', 'host'] }],
    // Its syntax is ours.
    [['--whitelist', '(?P<n>a)'], { include: ['(?P<n>a)'] }],
    [
      ['--blacklist', String.raw`(?i)\Aa[[:digit:]_]\pL\z`],
      { exclude: [String.raw`(?i)\Aa[[:digit:]_]\pL\z`] },
    ],
  ])('%j', (args, expected) => {
    expect(records(...args)).toEqual(expected);
  });

  it('with a long refresh do not let answers call themselves stale between two reads', () => {
    expect(config('--refresh=1h').staleAfterSeconds).toBe(10_800);
    expect(config('--refresh=14m')).not.toHaveProperty('staleAfterSeconds');
  });

  it.each<[string[], ConfigInput['metrics']]>([
    [['--healthcheck'], { host: '127.0.0.1', port: 24476 }],
    [
      ['--healthcheck', '--healthcheck-ip=0.0.0.0', '--healthcheck-port', '80'],
      { host: '0.0.0.0', port: 80 },
    ],
    [['--healthcheck=false', '--healthcheck-port', '80'], undefined],
    [['--healthcheck-port', '80'], undefined],
  ])('%j', (args, metrics) => {
    expect(config(...args).metrics).toEqual(metrics);
  });

  it.each([
    [
      '--consul',
      '--consul-ip=1',
      '--consul-port',
      '8500',
      '--consul-auth',
      'u:S3CRET',
      '--consul-token=S3CRET',
    ],
    ['--consul-ssl', '--consul-ssl-verify=false', '--consul-ssl-cert=c', '--consul-ssl-cacert', 'd'],
    ['--service-name=m', '--service-tags', 'a,b', '--service-id-prefix=p', '--heartbeats-before-remove', '3'],
    ['--log-level=DEBUG', '--dry-run', '--version', '--help'],
  ])('%s and its like have no meaning here, each with a reason and without its value', (...args) => {
    const { config: made, ignored } = fromMesosConsulFlags(args);
    expect(made).toEqual(DEFAULTS);
    const flags = args.filter((arg) => arg.startsWith('--')).map((arg) => arg.replace(/=.*/, ''));
    expect(ignored.map(({ flag }) => flag)).toEqual(flags);
    expect(ignored.every(({ why }) => why.length > 10)).toBe(true);
    expect(JSON.stringify(ignored)).not.toContain('S3CRET');
  });

  it.each<[string[], string]>([
    [['--whitelst=a'], 'mesos-consul: it has no flag --whitelst (did you mean whitelist?)'],
    [['--nothing-like-it'], 'mesos-consul: it has no flag --nothing-like-it'],
    [['web'], 'mesos-consul: "web" is no flag'],
    [['--'], 'mesos-consul: "--" is no flag'],
    [['--=a'], 'mesos-consul: "--=a" is no flag'],
    [['--whitelist'], 'mesos-consul: --whitelist takes a value'],
    [['--healthcheck=maybe'], 'mesos-consul: --healthcheck is true or false'],
    [
      ['--whitelist=ok', '--whitelist=(a'],
      'mesos-consul: --whitelist: pattern "(a": missing closing ), at character 1',
    ],
    [
      ['--fw-blacklist=a**'],
      'mesos-consul: --fw-blacklist: pattern "a**": invalid nested repetition operator **, at character 2',
    ],
    [
      ['--shared-service-name=Kafka-.*'],
      'mesos-consul: --shared-service-name: pattern "Kafka-.*": has no group',
    ],
    [
      ['--whitelist', 'a(?!b)'],
      'mesos-consul: --whitelist: pattern "a(?!b)": invalid or unsupported Perl syntax (?!, at character 2',
    ],
    [['--task-tag=web'], 'mesos-consul: --task-tag: "web" is not of the form'],
    [['--task-tag=:a'], 'mesos-consul: --task-tag: ":a" is not of the form'],
    [['--refresh=60'], 'mesos-consul: --refresh: "60" is no duration such as 1m or 30s'],
    [['--mesos-ip-order=lan'], 'mesos-consul: --mesos-ip-order: unknown source "lan"'],
    [['--mesos-ip-order=host,host'], 'mesos-consul: --mesos-ip-order: should name each source once'],
    [
      ['--healthcheck', '--healthcheck-ip=localhost'],
      'mesos-consul: --healthcheck-ip: should be an IP address',
    ],
    [['--healthcheck', '--healthcheck-port=x'], 'mesos-consul: --healthcheck-port: "x" is no port'],
    [['--zk=10.0.0.1:2181'], 'mesos-consul: --zk: ZooKeeper URL: does not begin with zk://'],
  ])('%j is refused, with the reason', (args, message) => {
    expect(() => fromMesosConsulFlags(args)).toThrow(message);
  });

  it('with a password in --zk say where it belongs, and not what it is', () => {
    expect(fromMesosConsulFlags(['--group-separator=_.']).notes.join('\n')).toContain('"--" instead');
    const { notes } = fromMesosConsulFlags(['--zk=zk://user:S3CRET@a:1/m']);
    expect(notes.join('\n')).toContain('mesos.zkCredentialsFile');
    expect(notes.join('\n')).not.toContain('S3CRET');
  });
});

describe('flags of marathon-lb', () => {
  it.each<[string[], ConfigInput]>([
    [[], { records: { haproxy: { strict: false }, aliases: { within: 'zone' } } }],
    [
      [
        'sse',
        '--group',
        'external',
        '--group=a,b',
        '-m',
        'http://m1:8080',
        'http://m2:8080',
        '--strict-mode',
      ],
      {
        marathon: { urls: ['http://m1:8080', 'http://m2:8080'] },
        records: { haproxy: { groups: ['external', 'a', 'b'], strict: true }, aliases: { within: 'zone' } },
      },
    ],
    [
      ['poll', '--marathon=http://m1:8080,http://m2:8080', '-H', '--group', '*'],
      {
        marathon: { urls: ['http://m1:8080', 'http://m2:8080'] },
        records: { haproxy: { groups: ['*'], strict: false }, aliases: { within: 'zone' } },
      },
    ],
  ])('%j', (args, expected) => {
    const { config: made } = fromMarathonLbFlags(args);
    expect(made).toEqual(expected);
    parseConfig(made, 'test');
  });

  it('say who may take which names by labels', () => {
    expect(fromMarathonLbFlags([]).notes.join('\n')).toMatch(/within: "zone" lets any task .* take any name/);
  });

  it('that are of a proxy are told of, without their values', () => {
    const { ignored } = fromMarathonLbFlags([
      '--ssl-certs',
      '/a',
      '--auth-credentials=u:S3CRET',
      '-c',
      'reload',
    ]);
    expect(ignored.map(({ flag }) => flag)).toEqual(['--ssl-certs', '--auth-credentials', '--command']);
    expect(JSON.stringify(ignored)).not.toMatch(/S3CRET|reload/);
    expect(() => fromMarathonLbFlags(['--gruop=a'])).toThrow(
      'marathon-lb: it has no flag --gruop (did you mean group?)',
    );
    expect(() => fromMarathonLbFlags(['-m', 'ftp://x'])).toThrow('marathon.urls');
  });
});
