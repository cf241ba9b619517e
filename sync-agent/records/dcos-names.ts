import { type Instance, readInstance } from './instance.ts';
import { toLabel } from './label.ts';

/** Where DC/OS's names are made, whatever zones they are published in (`dcos-zones.ts`). */
export const DCOS_ORIGIN = 'thisdcos.directory';

/** Whose address a name has: the agent's, the container's own, or the one of both that is reached. */
export type DcosKind = 'agentip' | 'containerip' | 'autoip';
/** Where a port is: names that one task has alone are made of these two. */
export type DcosSite = Exclude<DcosKind, 'autoip'>;

const SITES: readonly DcosSite[] = ['agentip', 'containerip'];
const MAX_LABEL = 63;

/** `agentip.dcos.thisdcos.directory`, without its final dot. */
function dcosDomain(kind: DcosKind): string {
  return `${kind}.dcos.${DCOS_ORIGIN}`;
}

/** `web.marathon.agentip.dcos.thisdcos.directory.`; both parts are one label (dcos-net `dcos_dns_mesos.erl`). */
export function dcosName(task: string, framework: string, kind: DcosKind): string {
  return `${task}.${framework}.${dcosDomain(kind)}.`;
}

/** A task's own name, which DC/OS does not have: SRV records lead there. Cut so that it is a label. */
export function dcosInstanceName(
  { label, tail }: { readonly label: string; readonly tail: string },
  framework: string,
  site: DcosSite,
): string {
  const head = label.slice(0, Math.max(0, MAX_LABEL - tail.length)).replace(/-+$/, '');
  return dcosName(head + tail, framework, site);
}

/** The masters' names: `leader.dcos.thisdcos.directory.`. */
export function dcosMastersName(name: 'leader' | 'master'): string {
  return `${name}.dcos.${DCOS_ORIGIN}.`;
}

/** `web.marathon.l4lb.thisdcos.directory.`; both parts may have dots (dcos-net `dcos_l4lb_lashup_vip_listener.erl`). */
export function vipName(vip: string, framework: string): string {
  return `${vip}.${framework}.l4lb.${DCOS_ORIGIN}.`;
}

export function isVipName(name: string): boolean {
  return name.endsWith(`.l4lb.${DCOS_ORIGIN}.`);
}

/** The VIP's name of that of its service: `_web._tcp.marathon.l4lb.…` gives `web.marathon.l4lb.…`. */
export function vipOfService(service: string): string {
  return service.replace(/^_/, '').replace(/\._(?:tcp|udp)\./, '.');
}

/** A task's own name read back: as an instance, the names it shares, and where it is. */
export type DcosInstance = { readonly instance: Instance; readonly site: DcosSite };

export function readDcosInstance(name: string): DcosInstance | undefined {
  for (const site of SITES) {
    const instance = readInstance(name, dcosDomain(site));
    if (instance) return { instance, site };
  }
  return undefined;
}

/** A framework's part of names as DC/OS has it beside a task's: one label, and none of its dots. */
export function dcosFramework(part: string): string {
  return toLabel(part, 'rfc1123');
}

/** Is this one of DC/OS's names, which no zone of Mesos's has? */
export function isDcosName(name: string): boolean {
  return name.endsWith(`.${DCOS_ORIGIN}.`);
}

/**
 * The name in Mesos's own zone that the same tasks have: what keeps one from being there keeps the other. Undefined
 * for VIPs and the masters' names.
 */
export function mesosTwin(
  name: string,
  domain: string,
): { readonly name: string; readonly kind: DcosKind; readonly rest: string } | undefined {
  for (const kind of [...SITES, 'autoip'] as const) {
    const suffix = `.${dcosDomain(kind)}.`;
    if (!name.endsWith(suffix)) continue;
    const rest = name.slice(0, -suffix.length);
    const isOnAgent = kind !== 'containerip' && !rest.startsWith('_');
    return { name: `${rest}.${isOnAgent ? 'slave.' : ''}${domain}.`, kind, rest };
  }
  return undefined;
}
