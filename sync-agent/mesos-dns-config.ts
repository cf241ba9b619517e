import { ConfigError, type ConfigInput, parseConfig } from './config.ts';
import { nearest } from './nearest.ts';

/** A mesos-dns `config.json` in our terms, and which of its keys have no meaning here, with the reason. */
export type MesosDnsConfig = {
  readonly config: ConfigInput;
  readonly ignored: readonly { readonly key: string; readonly why: string }[];
  /** `listener` was `0.0.0.0`: the name server's addresses are those of the machine. */
  readonly listensOnAllAddresses: boolean;
  /** `externalon`: names outside the domain are forwarded. What `up` does; a deployed Worker has UPSTREAMS. */
  readonly forwards: boolean;
};

/** Keys that mean nothing here, in lower case, and what takes their place. */
const NO_MEANING: Readonly<Record<string, string>> = {
  port: 'DNS is answered by the Worker',
  httpport: 'HTTP is answered by the Worker',
  httplistener: 'HTTP is answered by the Worker',
  dnson: 'DNS is always answered',
  httpon: 'HTTP is always answered',
  resolvers: 'forwarding is set by UPSTREAMS of the Worker',
  zoneresolvers: 'forwarding is set by UPSTREAMS of the Worker',
  timeout: 'forwarding is set by UPSTREAMS of the Worker',
  settruncatebit: 'answers over HTTPS are not truncated at 512 octets',
  enumerationon:
    'lists of all names are the Worker’s, off as shipped: its variable ENUMERATION (docs/http-api.md)',
  zkdetectiontimeout: 'a lost leader never ends the agent',
  soaminttl: 'mesos-dns does not use it either: the negative TTL is ttl',
};

/** mesos-dns's own defaults (`records/config.go`), where they differ from ours. */
const DEFAULT_TTL = 60;

/** Holds a secret, which is read from their file when it is needed, and never becomes part of a configuration. */
const CREDENTIALS = 'mesoscredentials';

type Kind = 'string' | 'number' | 'boolean' | 'list';

/** Keys that are taken over, with the type mesos-dns wants of them. */
const KEYS = {
  domain: 'string',
  masters: 'list',
  zk: 'string',
  refreshseconds: 'number',
  statetimeoutseconds: 'number',
  ttl: 'number',
  srvrecorddefaultweight: 'number',
  ipsources: 'list',
  enforcerfc952: 'boolean',
  recurseon: 'boolean',
  externalon: 'boolean',
  listener: 'string',
  soamname: 'string',
  soarname: 'string',
  soarefresh: 'number',
  soaretry: 'number',
  soaexpire: 'number',
  mesoshttpson: 'boolean',
  cacertfile: 'string',
  certfile: 'string',
  keyfile: 'string',
  mesosauthentication: 'string',
  iamconfigfile: 'string',
} as const satisfies Record<string, Kind>;

/** Maps a mesos-dns configuration; its keys match without regard to case. Throws `ConfigError`. */
export function fromMesosDnsConfig(json: unknown, place: string): MesosDnsConfig {
  if (typeof json !== 'object' || json === null || Array.isArray(json))
    throw new ConfigError(`${place} is no JSON object`);
  const given = new Map<string, unknown>();
  const ignored: { key: string; why: string }[] = [];
  let hasCredentials = false;
  for (const [key, value] of Object.entries(json)) {
    const lower = key.toLowerCase();
    const why = Object.hasOwn(NO_MEANING, lower) ? NO_MEANING[lower] : undefined;
    if (why !== undefined) ignored.push({ key, why });
    else if (lower === CREDENTIALS) hasCredentials = true;
    else if (Object.hasOwn(KEYS, lower)) given.set(lower, checked(key, value, place));
    else ignored.push({ key, why: `mesos-dns has no such key${nearest(lower, Object.keys(KEYS))}` });
  }
  const text = (key: keyof typeof KEYS): string => String(given.get(key) ?? '');
  const number = (key: keyof typeof KEYS, fallback: number): number => Number(given.get(key) ?? fallback);
  const list = (key: keyof typeof KEYS): string[] => {
    const value = given.get(key);
    return Array.isArray(value) ? value.map(String) : [];
  };

  const authentication = authenticationOf(text('mesosauthentication'), place);
  const ttl = number('ttl', DEFAULT_TTL);
  const listener = text('listener') || '0.0.0.0';
  const scheme = given.get('mesoshttpson') === true ? 'https://' : '';
  const config: ConfigInput = {
    domain: text('domain') || 'mesos',
    mesos: {
      masters: list('masters').map((master) => scheme + master),
      ...optional('zk', text('zk')),
      ...(given.get('mesoshttpson') === true && { scheme: 'https' as const }),
      authentication,
      ...(authentication === 'basic' && hasCredentials && { credentialsFile: place }),
      ...(authentication === 'iam' && optional('dcosServiceAccountFile', text('iamconfigfile'))),
      pollSeconds: number('refreshseconds', 60),
      timeoutSeconds: number('statetimeoutseconds', 300),
      ...optional('caCertFile', text('cacertfile')),
      ...optional('certFile', text('certfile')),
      ...optional('keyFile', text('keyfile')),
    },
    records: {
      profile: 'mesos-dns',
      ttl,
      negativeTtl: ttl,
      srvWeight: number('srvrecorddefaultweight', 1),
      labelRules: given.get('enforcerfc952') === true ? 'rfc952' : 'rfc1123',
      ...(given.has('ipsources') && { ipSources: ipSources(list('ipsources'), place) }),
      nameServer: text('soamname') || 'ns1.mesos',
      hostmaster: (text('soarname') || 'root.ns1.mesos').replaceAll('@', '.'),
      nameServerAddresses: listener === '0.0.0.0' ? [] : [listener],
      refresh: number('soarefresh', 60),
      retry: number('soaretry', 600),
      expire: number('soaexpire', 86400),
      recursionAvailable: given.get('recurseon') === false ? 'never' : 'always',
    },
  };
  return {
    config,
    ignored,
    listensOnAllAddresses: listener === '0.0.0.0',
    forwards: given.get('externalon') !== false,
  };
}

/** What differs silently else: lines for the operator, who gave the name server's addresses or did not. */
export function silentDifferences(
  { listensOnAllAddresses, forwards }: Pick<MesosDnsConfig, 'listensOnAllAddresses' | 'forwards'>,
  { hasAddresses }: { readonly hasAddresses: boolean },
): readonly string[] {
  const lines: string[] = [];
  if (listensOnAllAddresses && !hasAddresses)
    lines.push(
      "listener is 0.0.0.0: the name server's own name (ns1) has no address: say those of mesos-dns's machine by --local-addresses",
    );
  if (!forwards)
    lines.push(
      'externalon is false: `up` alone heeds that; a Worker you deploy forwards, unless its wrangler.toml has UPSTREAMS = ""',
    );
  return lines;
}

/** Our names for what can be wrong with a value of theirs, and theirs. */
const THEIR_NAMES: readonly (readonly [string, string])[] = [
  ['mesos.zk', 'zk'],
  ['mesos.masters', 'masters'],
  ['mesos.pollSeconds', 'refreshSeconds'],
  ['mesos.timeoutSeconds', 'stateTimeoutSeconds'],
  ['records.srvWeight', 'srvRecordDefaultWeight'],
  ['records.negativeTtl', 'ttl'],
  ['records.ttl', 'ttl'],
  ['records.ipSources', 'IPSources'],
  ['records.nameServerAddresses.0', 'listener'],
  ['records.nameServer', 'SOAMname'],
  ['records.hostmaster', 'SOARname'],
  ['records.refresh', 'SOARefresh'],
  ['records.retry', 'SOARetry'],
  ['records.expire', 'SOAExpire'],
];

/** Refuses a value that can't be used, by the name it has in their file. Throws `ConfigError`. */
export function parseMesosDnsConfig(config: ConfigInput, place: string): void {
  try {
    parseConfig(config, place);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    let message = error.message;
    for (const [ours, theirs] of THEIR_NAMES)
      message = message.replace(`${place}: ${ours}`, `${place}: ${theirs}`);
    throw new ConfigError(message, { cause: error });
  }
}

/** By mesos-dns's names for it (`httpcli/auth.go`). */
function authenticationOf(text: string, place: string): 'none' | 'basic' | 'iam' {
  if (text === '' || text === 'none') return 'none';
  if (text === 'basic' || text === 'iam') return text;
  throw new ConfigError(`${place}: mesosAuthentication: should be basic or iam, or empty for none`);
}

type IpSources = NonNullable<NonNullable<ConfigInput['records']>['ipSources']>;

function ipSources(names: readonly string[], place: string): IpSources {
  return names.map((name) => {
    if (name === 'host' || name === 'netinfo' || name === 'docker' || name === 'mesos') return name;
    throw new ConfigError(
      `${place}: IPSources: unknown source ${JSON.stringify(name)} (host, netinfo, docker or mesos)`,
    );
  });
}

function checked(key: string, value: unknown, place: string): unknown {
  const kind = KEYS[key.toLowerCase() as keyof typeof KEYS];
  if (value === null) return undefined;
  const fits =
    kind === 'list'
      ? Array.isArray(value) && value.every((item) => typeof item === 'string')
      : typeof value === kind;
  if (!fits)
    throw new ConfigError(`${place}: ${key}: should be a ${kind === 'list' ? 'list of strings' : kind}`);
  return value;
}

function optional<Key extends string>(key: Key, text: string): { readonly [key in Key]?: string } {
  return text === '' ? {} : ({ [key]: text } as { [key in Key]: string });
}
