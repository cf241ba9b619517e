import * as v from 'valibot';
import { seconds } from './config-values.ts';
import { DCOS_ORIGIN } from './records/dcos-names.ts';

/** Zones of DC/OS's names. All hold the same; those of `dcos.…` have the cluster's crypto id in front. */
const DCOS_ZONES = ['thisdcos.directory', 'thisdcos.global', 'dcos.directory', 'dcos.global'] as const;

const DEFAULT_TTL = 5;
const DEFAULT_NEGATIVE_TTL = 1;

export const dcosSchema = v.strictObject({
  zones: v.optional(
    v.pipe(
      v.array(v.picklist(DCOS_ZONES)),
      v.check((zones) => new Set(zones).size === zones.length, 'should name each zone once'),
    ),
  ),
  /** The cluster's public key in z-base-32, as DC/OS shows it. */
  cryptoId: v.optional(
    v.pipe(
      v.string(),
      v.transform((text) => text.toLowerCase()),
      v.regex(
        /^[a-z0-9]{1,63}$/,
        'should be the cluster\u2019s id, letters and digits: the zbase32_public_key of /navstar/lashup/key',
      ),
    ),
  ),
  ttl: v.optional(seconds(0), DEFAULT_TTL),
  negativeTtl: v.optional(seconds(0), DEFAULT_NEGATIVE_TTL),
});

/** Of a configuration, what DC/OS's names hang on. */
export type DcosConfig = {
  readonly domain: string;
  readonly records: { readonly profile: string };
  readonly dcos?: v.InferOutput<typeof dcosSchema> | undefined;
};

/** The zones that are published, without final dots; none unless the profile or the configuration names DC/OS. */
export function dcosOrigins({ records, dcos }: DcosConfig): readonly string[] {
  if (!dcos && records.profile !== 'dcos') return [];
  const { zones, cryptoId } = dcos ?? {};
  const usual = cryptoId === undefined ? [DCOS_ORIGIN] : [DCOS_ORIGIN, 'dcos.directory'];
  return (zones ?? usual).map((zone) => (zone.startsWith('dcos.') ? `${cryptoId ?? ''}.${zone}` : zone));
}

/** Seconds that records of these zones live, and that their absence does. */
export function dcosTtls({ dcos }: Pick<DcosConfig, 'dcos'>): {
  readonly ttl: number;
  readonly negativeTtl: number;
} {
  return { ttl: dcos?.ttl ?? DEFAULT_TTL, negativeTtl: dcos?.negativeTtl ?? DEFAULT_NEGATIVE_TTL };
}

/** What does not go together; undefined where all does. */
export function dcosProblem(config: DcosConfig): string | undefined {
  const { domain, dcos } = config;
  const origins = dcosOrigins(config);
  if (dcos?.cryptoId === undefined && dcos?.zones?.some((zone) => zone.startsWith('dcos.')) === true)
    return 'dcos.zones names one under the cluster\u2019s crypto id: dcos.cryptoId should give it';
  const isWithin = (name: string, zone: string): boolean => name === zone || name.endsWith(`.${zone}`);
  const clash = [...origins, ...(origins.length > 0 ? [DCOS_ORIGIN] : [])].find(
    (origin) => isWithin(domain, origin) || isWithin(origin, domain),
  );
  return clash === undefined ? undefined : `domain ${domain} should not be at, in or above ${clash}`;
}
