import { FormatError } from '../zone/format-error.ts';

/** Where ZooKeeper is: `zk://[user:password@]host:port,host:port/path`, as Mesos writes it. */
export type ZooKeeperUrl = {
  /** `host:port,host:port`, all with a port. */
  readonly servers: string;
  /** Absolute, without a slash at its end; `/` alone is none. */
  readonly path: string;
  /** `user:password` for digest authentication. */
  readonly credentials: string | undefined;
  /** For people: the URL without its user and password. */
  readonly name: string;
};

const DEFAULT_PORT = 2181;

/** Throws `FormatError` saying what is wrong, never with the password in it. */
export function parseZooKeeperUrl(url: string): ZooKeeperUrl {
  const refuse = (reason: string): never => {
    throw new FormatError(
      'ZooKeeper URL',
      `${reason}; it should be zk://[user:password@]host:port,host:port/path`,
    );
  };
  const match = /^zk:\/\/(?:(?<credentials>.*)@)?(?<hosts>[^/@]*)(?<path>\/.*)?$/s.exec(url);
  const { credentials, hosts = '', path = '/' } = match?.groups ?? {};
  if (!match) refuse('does not begin with zk://');
  if (credentials !== undefined && !/^[^:]+:.+$/s.test(credentials))
    refuse('has no user:password before its @');
  if (hosts.includes('['))
    refuse('has an IPv6 address, which the ZooKeeper client does not take: give a host name');
  const servers = hosts.split(',').map((server, i) => {
    const parts = /^([A-Za-z0-9._-]+)(?::(\d{1,5}))?$/.exec(server);
    const port = Number(parts?.[2] ?? DEFAULT_PORT);
    if (!parts || port < 1 || port > 65535)
      // Not what stands there: where the host was forgotten it is the password.
      refuse(`has something else than a host and port as server ${i + 1}`);
    return `${parts?.[1]}:${port}`;
  });
  const tidy = path.replace(/\/+$/, '');
  if (/\/\/|\/\.{1,2}(\/|$)|\p{C}/u.test(tidy)) refuse(`has a path that can't be a ZooKeeper path`);
  const list = servers.join(',');
  return { servers: list, path: tidy || '/', credentials, name: `zk://${list}${tidy}` };
}

/**
 * The URL with the user and password of a file or the environment, `user:password`, one line. Throws
 * `FormatError` saying what is wrong with what `place` names, never with the password in it.
 */
export function withZooKeeperCredentials(url: ZooKeeperUrl, text: string, place: string): ZooKeeperUrl {
  if (url.credentials !== undefined)
    throw new FormatError(place, 'the ZooKeeper URL has a user and password too: take them out of the URL');
  const credentials = text.replace(/^\uFEFF/, '').replace(/\r?\n$/, '');
  if (!/^[^:\r\n]+:[^\r\n]+$/.test(credentials))
    throw new FormatError(place, 'should hold user:password, on one line');
  return { ...url, credentials };
}
