import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { appleKit } from '../../connect/apple.ts';
import { chromiumKit } from '../../connect/chromium.ts';
import { curlKit } from '../../connect/curl.ts';
import { dnsdistKit } from '../../connect/dnsdist.ts';
import { firefoxKit } from '../../connect/firefox.ts';
import { curlValue, luaText, powershellText, shellWord, xmlText } from '../../connect/quote.ts';
import { readTarget } from '../../connect/resolver.ts';
import { windowsKit } from '../../connect/windows.ts';
import { installed, run } from '../system/served-page.ts';

/** Texts with everything that could end a quoted one somewhere; no line ends, which targets can't have. */
const ODD = [...`'"\`\\$;&|<>(){}[]%#!?*~^= ,:@é\u2018\u2019\u201a\u201b-]]--/*a0`];
const oddText = fc.array(fc.constantFrom(...ODD), { maxLength: 12 }).map((characters) => characters.join(''));
const target = fc.record({ path: oddText, caFile: oddText }).map(({ path, caFile }) => ({
  dohUrl: `https://doh.example/${path.replaceAll(/[?#]/g, '')}/dns-query`,
  zones: ['mesos'],
  forwards: true,
  addresses: ['203.0.113.10'],
  caFile: `/${caFile}`,
}));

/** By each language's own grammar of one text: it ends where it should, and stands for what was given. */
describe('a quoted text', () => {
  it.each([
    [
      'PowerShell',
      powershellText,
      /^'((?:[^'\u2018-\u201b]|''|\u2018\u2018|\u2019\u2019|\u201a\u201a|\u201b\u201b)*)'$/,
      /(['\u2018-\u201b])\1/g,
    ],
    ['Lua', luaText, /^'((?:[^'\\]|\\['\\])*)'$/, /\\(.)/g],
    ['curl', curlValue, /^"((?:[^"\\]|\\["\\])*)"$/, /\\(.)/g],
  ] as const)('of %s is one text and the same', (_, quote, whole, escape) => {
    fc.assert(
      fc.property(oddText, (text) => {
        const [, inner] = whole.exec(quote(text)) ?? [];
        expect(inner?.replaceAll(escape, '$1')).toBe(text);
      }),
    );
  });

  it('of a shell is one word and the same, asked of sh', () => {
    const texts = fc.sample(oddText, 200);
    const said = execFileSync('sh', ['-c', `printf '%s\\n' ${texts.map(shellWord).join(' ')}`]).toString();
    expect(said.split('\n').slice(0, -1)).toEqual(texts);
  });

  it('of XML holds no mark-up', () => {
    fc.assert(fc.property(oddText, (text) => !/[<>"']|&(?!(?:amp|lt|gt|quot|apos);)/.test(xmlText(text))));
  });
});

describe('with any URL and path', () => {
  it('browser policies are JSON that holds them', () => {
    fc.assert(
      fc.property(target, (odd) => {
        const { url, template } = readTarget(odd);
        const [firefox] = firefoxKit(odd).files;
        const { policies } = JSON.parse(firefox?.text ?? '');
        expect(policies.DNSOverHTTPS.ProviderURL).toBe(url);
        expect(policies.Certificates.Install).toEqual([odd.caFile]);
        const [chromium] = chromiumKit(odd).files;
        const { DnsOverHttpsTemplates } = JSON.parse(chromium?.text ?? '');
        expect(JSON.parse(DnsOverHttpsTemplates).servers[0].template).toBe(template);
      }),
    );
  });

  it('curl has its two options, one a line', () => {
    fc.assert(
      fc.property(target, (odd) => {
        const lines = curlKit(odd).files[0]?.text.split('\n');
        expect(lines).toEqual([
          `doh-url = ${curlValue(readTarget(odd).url)}`,
          `cacert = ${curlValue(odd.caFile)}`,
          '',
        ]);
      }),
    );
  });

  it('every command of Windows is one line, its quotes closed', () => {
    fc.assert(
      fc.property(target, (odd) => {
        const { apply, undo } = windowsKit(odd);
        const browser = chromiumKit(odd, { browser: 'edge', system: 'windows' });
        for (const command of [...apply, ...undo, ...browser.apply, ...browser.undo]) {
          const rest = command.replaceAll(/'(?:[^'\u2018-\u201b]|(['\u2018-\u201b])\1)*'/g, 'Q');
          // What is left is ours: nothing of the URL or the path.
          expect(rest).toMatch(/^[\w :$[\].,|()+/-]*$/);
          expect(command).not.toMatch(/[\r\n]/);
        }
      }),
    );
  });

  it('dnsdist has the path as one text', () => {
    fc.assert(
      fc.property(target, (odd) => {
        const text = dnsdistKit(odd).files[0]?.text ?? '';
        expect(text).toContain(`dohPath=${luaText(readTarget(odd).path)}, validate`);
        expect(text).toContain(`caStore=${luaText(odd.caFile)},\n`);
      }),
    );
  });

  it('a profile is a property list that holds the URL, read by plistlib', async (context) => {
    const python = await installed(context, ['python3'], ['--version']);
    const targets = fc.sample(target, 100);
    const script =
      'import sys,json,plistlib\n' +
      'for t in json.load(sys.stdin): print(plistlib.loads(t.encode())["PayloadContent"][0]["DNSSettings"]["ServerURL"])';
    const input = JSON.stringify(targets.map((odd) => appleKit(odd).files[0]?.text));
    const { stdout } = await run(python, ['-c', script], { input });
    expect(stdout.toString().split('\n').slice(0, -1)).toEqual(targets.map((odd) => readTarget(odd).url));
  });
});
