import { ConfigError } from '../config.ts';
import type { Device } from '../client/device.ts';
import { type DohUrl, readDohUrl } from '../client/doh-url.ts';
import type { ClientFinding } from './client-finding.ts';

/** One place where a browser is told which resolver to ask, and what it says there. */
export type BrowserSettings = {
  readonly browser: 'Firefox' | 'Chrome';
  /** The file or files. */
  readonly place: string;
  /** The DoH URLs it may ask; they may hold tokens. */
  readonly urls: readonly string[];
  /** `off`: never; `fallback`: and other resolvers where ours fails; `only`: nobody else; undefined: not said. */
  readonly mode: 'off' | 'fallback' | 'only' | undefined;
  /** Firefox: are answers with private addresses taken? */
  readonly takesPrivate: boolean;
  /** Firefox: is the resolver not tried with a name of the world first? */
  readonly skipsConfirmation: boolean;
};

export type BrowserFacts = {
  readonly url: DohUrl;
  /** Are names of the world answered? Undefined: not known. */
  readonly forwards: boolean | undefined;
  /** Do the cluster's names have private addresses? */
  readonly hasPrivate: boolean;
};

const FIREFOX_POLICIES = [
  '/etc/firefox/policies/policies.json',
  '/etc/firefox-esr/policies/policies.json',
  '/usr/lib/firefox/distribution/policies.json',
  '/usr/lib/firefox-esr/distribution/policies.json',
  '/usr/lib64/firefox/distribution/policies.json',
  '/opt/firefox/distribution/policies.json',
  '/Applications/Firefox.app/Contents/Resources/distribution/policies.json',
];
const FIREFOX_PROFILES = [
  '.mozilla/firefox',
  '.config/mozilla/firefox',
  'snap/firefox/common/.mozilla/firefox',
  '.var/app/org.mozilla.firefox/.mozilla/firefox',
  'Library/Application Support/Firefox/Profiles',
];
const CHROME_POLICIES = [
  '/etc/chromium/policies/managed',
  '/etc/opt/chrome/policies/managed',
  '/etc/opt/edge/policies/managed',
  '/etc/brave/policies/managed',
];
const CHROME_PROFILES = [
  '.config/chromium',
  '.config/google-chrome',
  '.config/microsoft-edge',
  '.config/BraveSoftware/Brave-Browser',
  'Library/Application Support/Google/Chrome',
  'Library/Application Support/Microsoft Edge',
];

// A value begins with something other than a blank: there is one way to read a line, however many blanks it has.
const PREFERENCE = /^user_pref\("(network\.trr\.[\w.-]{1,64})",[ \t]{0,16}(\S.{0,4095}?)\);/gm;

/** Settings of browsers in the usual places that name any resolver. */
export async function readBrowsers({
  read,
  list,
  home,
}: Pick<Device, 'read' | 'list' | 'home'>): Promise<BrowserSettings[]> {
  const found: (BrowserSettings | undefined)[] = [];
  for (const place of FIREFOX_POLICIES) found.push(firefoxPolicy(place, await read(place)));
  for (const folder of FIREFOX_PROFILES)
    for (const name of await list(`${home}/${folder}`)) {
      const place = `${home}/${folder}/${name}`;
      found.push(firefoxProfile(place, [await read(`${place}/prefs.js`), await read(`${place}/user.js`)]));
    }
  for (const folder of CHROME_POLICIES)
    for (const name of (await list(folder)).filter((file) => file.endsWith('.json'))) {
      const place = `${folder}/${name}`;
      const policy = jsonObject(await read(place));
      found.push(chromeSettings(place, policy['DnsOverHttpsMode'], policy['DnsOverHttpsTemplates']));
    }
  for (const folder of CHROME_PROFILES) {
    const place = `${home}/${folder}/Local State`;
    const own = asObject(jsonObject(await read(place))['dns_over_https']);
    found.push(chromeSettings(place, own['mode'], own['templates']));
  }
  return found.filter((settings) => settings !== undefined);
}

function firefoxPolicy(place: string, text: string | undefined): BrowserSettings | undefined {
  const policies = asObject(jsonObject(text)['policies']);
  const own = asObject(policies['DNSOverHTTPS']);
  const preferences = asObject(policies['Preferences']);
  const url = own['ProviderURL'];
  if (typeof url !== 'string') return undefined;
  const preference = (name: string): unknown => {
    const given = preferences[name];
    return typeof given === 'object' ? asObject(given)['Value'] : given;
  };
  return {
    browser: 'Firefox',
    place,
    urls: [url],
    mode: own['Enabled'] === true ? (own['Fallback'] === false ? 'only' : 'fallback') : 'off',
    takesPrivate: preference('network.trr.allow-rfc1918') === true,
    skipsConfirmation: preference('network.trr.confirmationNS') === 'skip',
  };
}

/** Preferences as prefs.js and user.js have them, the later file's first. */
function firefoxProfile(place: string, texts: readonly (string | undefined)[]): BrowserSettings | undefined {
  const preferences = new Map<string, string>();
  for (const text of texts)
    for (const [, name = '', value = ''] of (text ?? '').matchAll(PREFERENCE))
      preferences.set(name, value.replaceAll(/^"|"$/g, ''));
  const urls = ['network.trr.uri', 'network.trr.custom_uri'].flatMap((name) => preferences.get(name) || []);
  if (urls.length === 0) return undefined;
  const mode = preferences.get('network.trr.mode') ?? '';
  return {
    browser: 'Firefox',
    place,
    // The first one counts; the other is what the settings page remembers.
    urls: urls.slice(0, 1),
    mode: ({ '2': 'fallback', '3': 'only' } as const)[mode] ?? (mode === '' ? undefined : 'off'),
    takesPrivate: preferences.get('network.trr.allow-rfc1918') === 'true',
    skipsConfirmation: preferences.get('network.trr.confirmationNS') === 'skip',
  };
}

function chromeSettings(place: string, mode: unknown, templates: unknown): BrowserSettings | undefined {
  if (typeof templates !== 'string' || templates.trim() === '') return undefined;
  const modes: Readonly<Record<string, BrowserSettings['mode']>> = {
    off: 'off',
    automatic: 'fallback',
    secure: 'only',
  };
  return {
    browser: 'Chrome',
    place,
    urls: templates.trim().split(/\s+/),
    mode: modes[String(mode)],
    takesPrivate: true,
    skipsConfirmation: true,
  };
}

/** What browsers are told about our resolver; one line a browser where none is. */
export function judgeBrowsers(
  all: readonly BrowserSettings[],
  facts: BrowserFacts,
): readonly ClientFinding[] {
  return (['Firefox', 'Chrome'] as const).flatMap((browser): readonly ClientFinding[] => {
    const ours = all.filter(
      (one) => one.browser === browser && one.urls.some((text) => isOurs(text, facts.url)),
    );
    const command = `mesos-doh connect ${browser.toLowerCase()}`;
    if (ours.length === 0)
      return [
        {
          about: browser,
          verdict: 'skipped',
          says: `no policy or profile names this resolver; to set it up: ${command}`,
        },
      ];
    return ours.flatMap((settings) => judgeBrowser(settings, facts, command));
  });
}

function judgeBrowser(
  settings: BrowserSettings,
  { url, forwards, hasPrivate }: BrowserFacts,
  command: string,
): readonly ClientFinding[] {
  const { browser, place, mode } = settings;
  const findings: ClientFinding[] = [];
  const say = (verdict: 'wrong' | 'advice', says: string, mend: string): void =>
    void findings.push({ about: browser, verdict, says: `${place}: ${says}`, mend });
  if (!settings.urls.some((text) => hasSameToken(text, url)))
    say('wrong', 'its token is not the one given here', `Write the new one in: ${command}`);
  if (mode === 'off')
    say('wrong', 'this resolver is named, and DNS over HTTPS is off', `Turn it on: ${command}`);
  if (mode === undefined)
    say(
      'advice',
      'this resolver is named, and no mode is',
      browser === 'Firefox'
        ? 'Set network.trr.mode to 2 or 3'
        : 'Set DnsOverHttpsMode to secure or automatic',
    );
  if (!settings.takesPrivate)
    say(
      hasPrivate ? 'wrong' : 'advice',
      'answers with private addresses are thrown away',
      `Set network.trr.allow-rfc1918 to true: ${command}`,
    );
  if (forwards === false && mode === 'only')
    say(
      'wrong',
      'nothing but this resolver is asked, and it refuses all other names: the web is gone',
      'Let it fall back to the system, or ask for a view that forwards',
    );
  else if (forwards === false && !settings.skipsConfirmation)
    say(
      'wrong',
      'Firefox tries a resolver with a name of the world first, which this one refuses',
      'Set network.trr.confirmationNS to skip',
    );
  else if (mode === 'fallback' && browser === 'Chrome')
    say('advice', 'mode automatic asks other resolvers where this one fails', 'secure asks this one alone');
  if (findings.length > 0) return findings;
  return [
    {
      about: browser,
      verdict: 'well',
      says: `${place} asks this resolver${mode === 'only' ? ' alone' : ''}`,
    },
  ];
}

/** The same host, port and path, whatever the token. */
function isOurs(text: string, url: DohUrl): boolean {
  const other = readOther(text);
  return other !== undefined && other.host === url.host && other.port === url.port && other.path === url.path;
}

function hasSameToken(text: string, url: DohUrl): boolean {
  return readOther(text)?.token === url.token;
}

function readOther(text: string): DohUrl | undefined {
  try {
    return readDohUrl(text);
  } catch (error) {
    if (error instanceof ConfigError) return undefined;
    throw error;
  }
}

function jsonObject(text: string | undefined): Readonly<Record<string, unknown>> {
  try {
    return asObject(JSON.parse(text ?? '{}'));
  } catch {
    return {};
  }
}

function asObject(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? Object.fromEntries(Object.entries(value))
    : {};
}
