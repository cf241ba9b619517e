import * as v from 'valibot';

const seconds = (least: number, most: number): v.GenericSchema<number> =>
  v.pipe(v.number(), v.integer(), v.minValue(least), v.maxValue(most));
const filePath = v.pipe(v.string(), v.nonEmpty());
const LABEL = /^[a-z0-9](?:[a-z0-9_-]*[a-z0-9])?$/i;
const isLabels = (text: string): boolean =>
  text.length < 200 && text.split('.').every((label) => label.length <= 63 && LABEL.test(label));
const ttl = seconds(0, 0x7fffffff);
export const wanSchema = v.picklist(['never', 'other-datacenters', 'always']);

/** `consul`: Consul's catalogue, in a zone of its own. */
export const consulSchema = v.strictObject({
  url: v.optional(
    v.pipe(
      v.string(),
      v.check(
        (text) => URL.canParse(text) && /^https?:$/.test(new URL(text).protocol),
        'should be the URL of a Consul agent or server, such as https://consul.example:8501',
      ),
      v.check((text) => !text.includes('@'), 'holds a name or password (before an @), which is never sent'),
      v.check((text) => !/[?#]/.test(text), 'should end before any ? or #'),
    ),
  ),
  domain: v.optional(
    v.pipe(
      v.string(),
      v.check(isLabels, 'should be labels of letters, digits and dashes, such as consul'),
      v.transform((text) => text.toLowerCase()),
    ),
    'consul',
  ),
  datacenters: v.optional(
    v.pipe(
      v.array(
        v.pipe(
          v.string(),
          v.check(
            (text) => isLabels(text) && !text.includes('.'),
            'should be the name of a datacentre, such as dc1',
          ),
          v.transform((text) => text.toLowerCase()),
        ),
      ),
      v.check((names) => new Set(names).size === names.length, 'should name each datacentre once'),
    ),
    [],
  ),
  tokenFile: v.optional(filePath),
  caCertFile: v.optional(filePath),
  certFile: v.optional(filePath),
  keyFile: v.optional(filePath),
  serverName: v.optional(v.pipe(v.string(), v.nonEmpty())),
  consistency: v.optional(v.picklist(['stale', 'default', 'consistent']), 'stale'),
  onlyPassing: v.optional(v.boolean(), false),
  wan: v.optional(wanSchema, 'never'),
  serviceTtl: v.optional(
    v.record(v.pipe(v.string(), v.regex(/^[^*]*\*?$/, 'a * stands at the end alone')), ttl),
    {},
  ),
  nodeTtl: v.optional(ttl),
  waitSeconds: v.optional(seconds(1, 600), 55),
  timeoutSeconds: v.optional(seconds(1, 3600), 30),
  concurrency: v.optional(seconds(1, 64), 8),
});

type ConsulSection = v.InferOutput<typeof consulSchema>;
/** `consul` where it names a Consul. */
export type ConsulConfig = ConsulSection & { readonly url: string };

/** The Consul that is read; undefined where none is named. */
export function consulOf({
  consul,
}: {
  readonly consul?: ConsulSection | undefined;
}): ConsulConfig | undefined {
  return consul?.url === undefined ? undefined : { ...consul, url: consul.url };
}

type Beside = {
  readonly domain: string;
  readonly consul?: ConsulSection | undefined;
  readonly records: { readonly profile: string };
};

/** The zone that has Mesos's tasks as Consul's services: with the profile `consul`, where no Consul has it. */
export function taskZoneName({ consul, records }: Omit<Beside, 'domain'>): string | undefined {
  if (records.profile !== 'consul' || consul?.url !== undefined) return undefined;
  return consul?.domain ?? 'consul';
}

/** What is wrong with it beside the rest of the configuration. */
export function consulProblem(
  config: Beside & {
    readonly variants: Readonly<
      Record<string, { readonly consulWan?: unknown; readonly consulServices?: unknown }>
    >;
  },
): string | undefined {
  const { domain, consul, variants } = config;
  const zone = consul?.url === undefined ? taskZoneName(config) : consul.domain;
  if (zone === domain)
    return `consul.domain and domain are both ${domain}: each zone needs a name of its own`;
  if (consul && (consul.certFile === undefined) !== (consul.keyFile === undefined))
    return 'consul.certFile and consul.keyFile belong together: a client certificate and its key';
  if (consul?.url !== undefined) return undefined;
  if (consul && zone === undefined)
    return 'consul.url should name a Consul agent or server (or records.profile be consul)';
  const [name] =
    Object.entries(variants).find(
      ([, { consulWan, consulServices }]) => consulWan !== undefined || consulServices !== undefined,
    ) ?? [];
  return name === undefined ? undefined : `variants.${name} speaks of Consul, and there is no consul.url`;
}
