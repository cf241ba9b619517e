import type { ClusterState } from '../cluster.ts';
import { vipName } from './dcos-names.ts';
import { type DcosPlacedTask, dcosPlacedTasks, hiddenPort, portWhyNot } from './dcos-placed-tasks.ts';
import { describeRefused, type VipOffer, vipOffers } from './dcos-vip.ts';
import { toFrameworkPart } from './label.ts';
import type { WhyNot, WhyNotOptions } from './why-not.ts';

/** Every label in a state that would give one of the names of VIPs and does not. Pure. */
export function vipWhyNot(state: ClusterState, name: string, options: WhyNotOptions): WhyNot[] {
  const found: WhyNot[] = [];
  const others: WhyNot[] = [];
  let isGiven = false;
  for (const placed of dcosPlacedTasks(state, options)) {
    const suffix = vipName('', placed.part);
    if (!name.endsWith(suffix)) continue;
    const asked = name.slice(0, -suffix.length);
    for (const offer of vipOffers(placed.task, placed.task.discovery?.ports ?? [])) {
      const said = offerWhyNot(offer, { placed, asked });
      if (said === 'given') isGiven = true;
      else if (said) (said.isOther ? others : found).push(said.why);
    }
  }
  // Other ports of a VIP are none of the business of one that has an answer.
  return isGiven ? found : [...found, ...others];
}

/** `isOther`: it gives the VIP, at another port or protocol than was asked for. */
type Said = { readonly why: WhyNot; readonly isOther?: boolean } | 'given' | undefined;

/** `asked`: what is in front of the framework, `web` or `_80._web._tcp`. Undefined for a label of another name. */
function offerWhyNot(
  offer: VipOffer,
  { placed, asked }: { readonly placed: DcosPlacedTask; readonly asked: string },
): Said {
  const { who, absent, reach, isVisible, ports } = placed;
  const vip = /^(?:_\d+\.)?_(.+)\._(?:tcp|udp)$/.exec(asked)?.[1] ?? asked;
  if (offer.kind === 'refused')
    return nameIn(offer.text) === vip
      ? { why: { reason: 'no-port', detail: `${who}: ${describeRefused(offer)}` } }
      : undefined;
  if (offer.vip !== vip) return undefined;
  if (absent) return { why: absent };
  if (!reach || reach.name === '' || reach.framework === '')
    return {
      why: { reason: 'name-not-askable', detail: `${who} has a name of which nothing is left in DNS` },
    };
  const what = `label ${offer.key} (${offer.text})`;
  const services = offer.protocols.map((protocol) => `_${vip}._${protocol}`);
  if (![vip, ...services, ...services.map((each) => `_${offer.port}.${each}`)].includes(asked)) {
    const detail = `${who} offers it by ${what} on port ${offer.port}, over ${offer.protocols.join(' and ')} alone`;
    return { why: { reason: 'no-port', detail }, isOther: true };
  }
  const port = ports.find((each) => each === offer.behind);
  const why =
    port && !isVisible(port)
      ? hiddenPort({ placed, port, what })
      : portWhyNot({ placed, port: offer.behind, what });
  return why ? { why } : 'given';
}

/** What a label that is wrong would name, were it right: of `tcp://web`, `/web:http` and `web:0` it is `web`. */
function nameIn(text: string): string {
  return toFrameworkPart(text.replace(/^[a-z]+:\/\//i, '').replace(/:[^:]*$/, ''), 'rfc1123');
}
