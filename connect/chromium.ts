import type { Kit, Target } from './kit.ts';
import { profile, PROFILE_REMOVAL } from './profile.ts';
import { powershellText, shellWord } from './quote.ts';
import { nameToTry, readTarget, type Resolver } from './resolver.ts';

export type ChromiumName = 'chrome' | 'chromium' | 'edge';
export type ChromiumSystem = 'linux' | 'windows' | 'macos';

/** Where each reads its policies: a directory, a registry key, a preference domain. */
const PLACES: Readonly<Record<ChromiumName, Readonly<Record<ChromiumSystem, string>>>> = {
  chrome: {
    linux: '/etc/opt/chrome/policies/managed',
    windows: String.raw`HKLM\SOFTWARE\Policies\Google\Chrome`,
    macos: 'com.google.Chrome',
  },
  chromium: {
    linux: '/etc/chromium/policies/managed',
    windows: String.raw`HKLM\SOFTWARE\Policies\Chromium`,
    macos: 'org.chromium.Chromium',
  },
  edge: {
    linux: '/etc/opt/edge/policies/managed',
    windows: String.raw`HKLM\SOFTWARE\Policies\Microsoft\Edge`,
    macos: 'com.microsoft.Edge',
  },
};

/** The file of policies on Linux that is ours. */
export function chromiumFile(browser: ChromiumName): string {
  return `${PLACES[browser].linux}/mesos-doh.json`;
}

type Policies = {
  readonly DnsOverHttpsMode: string;
  readonly DnsOverHttpsTemplates: string;
  readonly CACertificates?: readonly string[];
};

/**
 * Policies of Chrome, Chromium and Edge. None of them can send our zones' names alone here. A resolver that is not known
 * to forward gets no file but a note: `secure` would leave the browser without all other names, and `automatic` never uses
 * a resolver that can't answer the public name it is tried with.
 */
export function chromiumKit(
  target: Target,
  {
    browser = 'chromium',
    system = 'linux',
  }: { readonly browser?: ChromiumName; readonly system?: ChromiumSystem } = {},
): Kit {
  const resolver = readTarget(target);
  const client = browser;
  const check = `http://${nameToTry(resolver)}:5050/`;
  if (target.forwards !== true) {
    const notes = [
      `${browser} sends all names or none, and this resolver answers its own alone: connect the system instead, ${browser} asks it.`,
    ];
    return { client, files: [], apply: [], undo: [], check, notes };
  }
  const policies: Policies = {
    DnsOverHttpsMode: 'secure',
    DnsOverHttpsTemplates: templatesFor(resolver, system),
    ...(resolver.certificates.length > 0 && { CACertificates: resolver.certificates }),
  };
  return {
    client,
    ...inForce(policies, { browser, system, resolver }),
    check,
    notes: [
      `In force at once; ${browser === 'edge' ? 'edge' : 'chrome'}://policy shows it.`,
      'Every name is asked here and nowhere else: without this resolver there is no browsing.',
      'All who have an account on this machine can read the policy, and the token in it.',
      ...(system !== 'linux' || resolver.caFile === undefined || resolver.certificates.length > 0
        ? []
        : [
            `Each user has to trust the authority: certutil -A -d sql:$HOME/.pki/nssdb -n mesos-doh -t C,, -i ${shellWord(resolver.caFile)}`,
          ]),
    ],
  };
}

/**
 * The template, or with addresses the JSON that names them too (Chromium 103 and later), so that the host is never looked
 * up. Not in the registry: Windows PowerShell drops the double quotes of what it gives to a program.
 */
function templatesFor({ template, addresses, host }: Resolver, system: ChromiumSystem): string {
  if (system === 'windows' || addresses.every((address) => address === host)) return template;
  return JSON.stringify({ servers: [{ template, endpoints: [{ ips: addresses }] }] });
}

function inForce(
  policies: Policies,
  {
    browser,
    system,
    resolver,
  }: { readonly browser: ChromiumName; readonly system: ChromiumSystem; readonly resolver: Resolver },
): Pick<Kit, 'files' | 'apply' | 'undo' | 'removal'> {
  const place = PLACES[browser][system];
  if (system === 'linux') {
    const text = `${JSON.stringify(policies, undefined, 2)}\n`;
    return { files: [{ path: chromiumFile(browser), mode: 0o644, text }], apply: [], undo: [] };
  }
  if (system === 'windows') return { files: [], ...inRegistry(policies, place) };
  const text = profile([{ type: place, label: 'policies', content: policies }], {
    identity: `${new URL(resolver.url).origin}\n${place}`,
    name: `${place}: DNS by ${resolver.host}`,
    description: `${place} looks up all names at ${resolver.host}.`,
  });
  const files = [{ path: `mesos-doh-${place}.mobileconfig`, mode: 0o600, text }];
  return { files, apply: [], undo: [], removal: PROFILE_REMOVAL };
}

/** PowerShell, as administrator. A list is a key of its own, its values named 1, 2, … */
function inRegistry(
  { DnsOverHttpsMode, DnsOverHttpsTemplates, CACertificates = [] }: Policies,
  key: string,
): Pick<Kit, 'apply' | 'undo'> {
  const values = [
    [key, 'DnsOverHttpsMode', DnsOverHttpsMode],
    [key, 'DnsOverHttpsTemplates', DnsOverHttpsTemplates],
    ...CACertificates.map(
      (certificate, index) => [`${key}\\CACertificates`, `${index + 1}`, certificate] as const,
    ),
  ] as const;
  return {
    apply: values.map(
      ([at, name, value]) =>
        `reg add ${powershellText(at)} /v ${name} /t REG_SZ /d ${powershellText(value)} /f`,
    ),
    undo: values.map(([at, name]) => `reg delete ${powershellText(at)} /v ${name} /f`),
  };
}
