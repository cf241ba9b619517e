import { describe, expect, it } from 'vitest';
import { addressOf, readDohUrl, withoutToken } from '../../../sync-agent/client/doh-url.ts';
import { ConfigError } from '../../../sync-agent/config.ts';

const TOKEN = `mdt_${'ab2c'.repeat(8)}`;
const OTHER = `mdt_${'zz2c'.repeat(8)}`;

describe('a DoH URL', () => {
  it.each([
    ['https://Doh.Example.com/dns-query', undefined, 'https://doh.example.com:443/dns-query', 443],
    ['https://doh.example.com/dns-query{?dns}', undefined, 'https://doh.example.com:443/dns-query', 443],
    [
      ` https://doh.example.com:8443/t/${TOKEN}/dns-query\n`,
      undefined,
      `https://doh.example.com:8443/t/${TOKEN}/dns-query`,
      8443,
    ],
    ['https://doh.example.com/dns-query', TOKEN, 'https://doh.example.com:443/dns-query', 443],
    ['http://[::1]:8787/dns-query', TOKEN, 'http://[::1]:8787/dns-query', 8787],
    ['http://127.0.0.9/dns-query?x=1', undefined, 'http://127.0.0.9:80/dns-query?x=1', 80],
  ])('%s is asked as written', (text, token, asked, port) => {
    const url = readDohUrl(text, token);
    expect(addressOf(url, {})).toBe(asked);
    expect(url.port).toBe(port);
    expect(url.shown).not.toContain('mdt_');
  });

  it('puts a token from beside it where most clients have it, and another address than its host', () => {
    const url = readDohUrl('https://doh.example.com/dns-query', TOKEN);
    expect(addressOf(url, { isTokenInPath: true, address: '2001:db8::1' })).toBe(
      `https://[2001:db8::1]:443/t/${TOKEN}/dns-query`,
    );
  });

  it.each([
    ['ftp://doh.example.com/x', undefined, /should be one such as/],
    ['doh.example.com', undefined, /should be one such as/],
    ['https://user:geheim@doh.example.com/dns-query', undefined, /never sent/],
    [`https://${TOKEN}@doh.example.com/dns-query`, undefined, /never sent/],
    [`http://doh.example.com/t/${TOKEN}/dns-query`, undefined, /plain HTTP/],
    ['http://10.0.0.1/dns-query', TOKEN, /plain HTTP/],
    ['https://doh.example.com/dns-query', 'geheim', /should be mdt_/],
    [`https://doh.example.com/t/${OTHER}/dns-query`, TOKEN, /not the same/],
  ])('refuses %s, without a secret in the words', (text, token, words) => {
    let message = '';
    try {
      readDohUrl(text, token);
    } catch (error) {
      expect(error).toBeInstanceOf(ConfigError);
      message = String(error);
    }
    expect(message).toMatch(words);
    expect(message).not.toMatch(/geheim|2c/);
  });

  it('is hidden in texts by its token, whatever form that has', () => {
    const url = readDohUrl('https://doh.example.com/t/OLDSTYLE/dns-query');
    expect(url.shown).toBe('https://doh.example.com/t/***/dns-query');
    expect(withoutToken('GET /t/OLDSTYLE/x failed', url)).toBe('GET /t/***/x failed');
  });
});
