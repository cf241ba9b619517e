import type { ClusterState } from '../cluster.ts';
import { dcosFramework, isVipName, mesosTwin } from './dcos-names.ts';
import { containerWhyNot, serviceWhyNot } from './dcos-reach-why-not.ts';
import { vipWhyNot } from './dcos-vip-why-not.ts';
import { partsOf } from './framework-alias.ts';
import { toFrameworkPart } from './label.ts';
import { type WhyNot, whyNot, type WhyNotOptions } from './why-not.ts';

/** Everything in a state that would give one of DC/OS's names (lower case, with its final dot) and does not. Pure. */
export function dcosWhyNot(state: ClusterState, name: string, options: WhyNotOptions): WhyNot[] {
  if (isVipName(name)) return vipWhyNot(state, name, options);
  const { settings } = options;
  const twin = mesosTwin(name, settings.domain);
  if (!twin) return [];
  const found = twinNames(state, twin.name, options).flatMap((each) => whyNot(state, each, options));
  if (found.length > 0) return found;
  if (twin.rest.startsWith('_')) return serviceWhyNot(state, name, options);
  return twin.kind === 'containerip' ? containerWhyNot(state, name, options) : [];
}

/** A framework is one label in DC/OS's names, and has its dots in Mesos's own: the twin by each way to write it. */
function twinNames(
  state: ClusterState,
  twin: string,
  { settings }: Pick<WhyNotOptions, 'settings'>,
): readonly string[] {
  const names = new Set([twin]);
  for (const { name } of state.frameworks) {
    for (const part of partsOf(toFrameworkPart(name, settings.labelRules), settings)) {
      for (const domain of [`.slave.${settings.domain}.`, `.${settings.domain}.`]) {
        const ending = `.${dcosFramework(part)}${domain}`;
        if (twin.endsWith(ending)) names.add(`${twin.slice(0, -ending.length)}.${part}${domain}`);
      }
    }
  }
  return [...names];
}
