import { nameToWire, parseName } from '../../../zone/name.ts';
import { type RRset, TYPE } from '../../../zone/record.ts';
import { addresses, services, type TestKey, publishToKv } from '../publish-to-kv.ts';
import type { Grants } from './door.ts';
import type { MemoryKv } from './memory-kv.ts';

/**
 * A store with several zones and variants, views of it, and what each view should show: worked out here from the
 * texts of names, and not by anything of the Worker's.
 */
export const START_MS = Date.UTC(2026, 7, 1);

function pointers(owner: string, targets: readonly string[]): RRset {
  const rdata = targets.map((target) => nameToWire(parseName(target)));
  return { owner: parseName(owner), type: TYPE.PTR, ttl: 30, rdata, sources: 1 };
}

type Published = { readonly origin: string; readonly variant: string; readonly rrsets: readonly RRset[] };

const PUBLISHED: readonly Published[] = [
  {
    origin: 'mesos',
    variant: 'main',
    rrsets: [
      addresses('mesos', ['10.9.9.1']),
      addresses('slave.mesos', ['10.9.9.2']),
      addresses('leader.mesos', ['10.9.9.3']),
      services('_leader._tcp.mesos', ['leader.mesos:5050']),
      addresses('marathon.mesos', ['10.1.0.1']),
      addresses('web.marathon.mesos', ['10.1.0.2']),
      addresses('web.marathon.mesos', ['2001:db8::2']),
      addresses('web-abcde-s0.marathon.slave.mesos', ['10.1.0.3']),
      services('_web._tcp.marathon.mesos', [
        'web-abcde-s0.marathon.slave.mesos:31000',
        'secret-fghij-s0.chronos.slave.mesos:31001',
      ]),
      services('_away._tcp.marathon.mesos', ['secret-fghij-s0.chronos.slave.mesos:31001']),
      services('_lab._tcp.marathon.mesos', ['box.lab.example:1', 'www.example.org:2']),
      pointers('ptr.marathon.mesos', ['leader.mesos']),
      addresses('xmarathon.mesos', ['10.9.9.5']),
      addresses('shadowed.dc1.mesos', ['10.9.9.8']),
      services('_dc1._tcp.mesos', ['box.dc1.mesos:1', 'leader.mesos:2']),
      addresses('secret.chronos.mesos', ['10.9.9.6']),
      addresses('secret-fghij-s0.chronos.slave.mesos', ['10.9.9.7']),
      services('_secret._tcp.chronos.mesos', ['secret-fghij-s0.chronos.slave.mesos:31001']),
    ],
  },
  { origin: 'dc1.mesos', variant: 'main', rrsets: [addresses('box.dc1.mesos', ['10.4.0.1'])] },
  { origin: 'mesos', variant: 'outside', rrsets: [addresses('web.marathon.mesos', ['198.51.100.1'])] },
  {
    origin: 'lab.example',
    variant: 'main',
    rrsets: [
      addresses('box.lab.example', ['10.3.0.1']),
      services('_box._tcp.lab.example', ['leader.mesos:5050']),
    ],
  },
];

export const ZONES = 'mesos,lab.example,dc1.mesos';

type ViewJson = {
  readonly zones: readonly {
    readonly origin: string;
    readonly variant?: string;
    readonly names?: readonly string[];
    readonly frameworks?: readonly string[];
  }[];
  readonly forwarding: boolean;
  readonly enumeration?: boolean;
};

export const VIEWS: Readonly<Record<string, ViewJson>> = {
  all: {
    zones: [{ origin: 'mesos' }, { origin: 'lab.example' }, { origin: 'dc1.mesos' }],
    forwarding: false,
    enumeration: true,
  },
  mesos: { zones: [{ origin: 'mesos' }], forwarding: false, enumeration: true },
  framework: { zones: [{ origin: 'mesos', frameworks: ['marathon'] }], forwarding: false, enumeration: true },
  names: { zones: [{ origin: 'mesos', names: ['leader.mesos', '_leader._tcp.mesos'] }], forwarding: false },
  outside: { zones: [{ origin: 'mesos', variant: 'outside' }], forwarding: false },
  lab: { zones: [{ origin: 'lab.example' }], forwarding: false },
  nothing: { zones: [], forwarding: false },
};

/** Each view is a team's of the same name, with a token of the same name. */
export const GRANTS: Grants = {
  teams: Object.fromEntries(Object.keys(VIEWS).map((view) => [view, { view }])),
  views: VIEWS,
  tokens: {
    ...Object.fromEntries(Object.keys(VIEWS).map((view) => [view, { team: view }])),
    override: { team: 'all', view: 'names' },
    expired: { team: 'all', expiresAtMs: START_MS },
  },
};

export async function publishWorld({ kv }: MemoryKv, key: TestKey): Promise<void> {
  for (const zone of PUBLISHED) await publishToKv(kv, { ...zone, key, createdAtMs: START_MS });
}

/** Publishes what a view shows as if there had never been more, as `main`; gives its ZONES. */
export async function publishViewAlone({ kv }: MemoryKv, view: ViewJson, key: TestKey): Promise<string> {
  for (const { origin, variant = 'main' } of view.zones) {
    const { rrsets = [] } = PUBLISHED.find((it) => it.origin === origin && it.variant === variant) ?? {};
    const seen = rrsets
      .filter(({ owner }) => isSeen(owner, view))
      .map((rrset) => withTargetsSeen(rrset, view));
    const left = seen.filter(({ rdata }) => rdata.length > 0);
    // A name that has lost all its values still exists; here it does as one above another.
    const emptied = seen.filter(({ rdata }) => rdata.length === 0).map(({ owner }) => owner);
    const below = emptied.map((owner) => addresses(`zz-below.${owner}`, ['10.0.0.1']));
    await publishToKv(kv, { origin, rrsets: [...left, ...below], key, createdAtMs: START_MS });
  }
  return view.zones.map(({ origin }) => origin).join(',') || 'nothing.invalid';
}

/** Is a name of our zones in the view? */
function isSeen(owner: string, { zones }: ViewJson): boolean {
  const isIn = (origin: string): boolean => owner === origin || owner.endsWith(`.${origin}`);
  const nearest = ZONES.split(',')
    .filter(isIn)
    .toSorted((a, b) => b.length - a.length)[0];
  return zones.some(({ origin, names, frameworks }) => {
    if (origin !== nearest) return false;
    const subtrees =
      names || frameworks
        ? [
            ...(names ?? []),
            ...(frameworks ?? []).flatMap((it) => [`${it}.${origin}`, `${it}.slave.${origin}`]),
          ]
        : [origin];
    return subtrees.some((subtree) => owner === subtree || owner.endsWith(`.${subtree}`));
  });
}

function withTargetsSeen(rrset: RRset, view: ViewJson): RRset {
  if (rrset.type !== TYPE.SRV && rrset.type !== TYPE.PTR) return rrset;
  const rdata = rrset.rdata.filter((value) => {
    const labels: string[] = [];
    for (let at = rrset.type === TYPE.SRV ? 6 : 0; value[at]; at += 1 + (value[at] ?? 0))
      labels.push(new TextDecoder().decode(value.subarray(at + 1, at + 1 + (value[at] ?? 0))));
    const target = labels.join('.');
    const isOurs = ZONES.split(',').some((origin) => target === origin || target.endsWith(`.${origin}`));
    return !isOurs || isSeen(target, view);
  });
  return { ...rrset, rdata };
}
