import * as v from 'valibot';
import {
  address,
  filePath,
  parseHttpUrl,
  portNumber,
  readable,
  seconds,
  timerSeconds,
} from './config-values.ts';
import { parseZooKeeperUrl } from './zookeeper-url.ts';

/** A path of ZooKeeper: absolute, no slash at its end. */
const nodePath = v.pipe(
  v.string(),
  v.regex(/^(?:\/[^/\p{C}]+)+$/u, 'should be a path of ZooKeeper such as /aurora'),
  v.check((path) => !/\/\.{1,2}(?:\/|$)/.test(path), 'should be a path of ZooKeeper without . and ..'),
);
/** As Aurora writes it; its own rule for each part is `[\w.-]+` (`api.thrift`, GOOD_IDENTIFIER_PATTERN). */
const jobKey = v.pipe(
  v.string(),
  v.regex(
    /^[\w.-]+\/[\w.-]+\/[\w.-]+$/,
    'should be a job such as vagrant/test/http_example: role/environment/job',
  ),
);
const headerName = v.pipe(
  v.string(),
  v.regex(/^[A-Za-z0-9-]{1,64}$/, 'should be the name of an HTTP header'),
  v.transform((name) => name.toLowerCase()),
);

/** `aurora`: where Aurora's jobs announce themselves (docs/aurora.md). */
export const auroraSchema = v.strictObject({
  zk: v.optional(readable(parseZooKeeperUrl)),
  credentialsFile: v.optional(filePath),
  root: v.optional(nodePath),
  paths: v.optional(v.record(nodePath, jobKey), {}),
  frameworkName: v.optional(v.pipe(v.string(), v.nonEmpty()), 'Aurora'),
  stabilizeSeconds: v.optional(seconds(0, 3600), 10),
  schedulerUrls: v.optional(v.array(readable((text) => parseHttpUrl(text))), []),
  schedulerCredentialsFile: v.optional(filePath),
  pollSeconds: v.optional(timerSeconds(), 60),
  webhook: v.optional(
    v.strictObject({
      host: v.optional(address, '127.0.0.1'),
      port: portNumber,
      path: v.optional(
        v.pipe(v.string(), v.regex(/^\/[\w./-]*$/, 'should be a path such as /aurora')),
        '/aurora',
      ),
      header: v.optional(headerName, 'x-mesos-doh-secret'),
      secretFile: v.optional(filePath),
    }),
  ),
});

/** What keys of `aurora` do not go together; undefined where nothing is wrong. */
export function auroraProblem(aurora: v.InferOutput<typeof auroraSchema>): string | undefined {
  const { zk, schedulerUrls, webhook, credentialsFile, root, paths, schedulerCredentialsFile } = aurora;
  const fromScheduler = schedulerUrls.length > 0;
  if (zk === undefined && !fromScheduler)
    return 'aurora should have zk, the announcers\u2019 ensemble, or schedulerUrls';
  if (zk !== undefined && fromScheduler)
    return 'aurora has both zk and schedulerUrls: give zk where executors announce themselves (--announcer-ensemble), else schedulerUrls';
  if (webhook && !fromScheduler) return 'aurora.webhook is for aurora.schedulerUrls: ServerSets are watched';
  if (schedulerCredentialsFile !== undefined && !fromScheduler)
    return 'aurora.schedulerCredentialsFile is for aurora.schedulerUrls';
  if (fromScheduler && (credentialsFile !== undefined || root !== undefined || Object.keys(paths).length > 0))
    return 'aurora.credentialsFile, root and paths are for aurora.zk';
  return undefined;
}
