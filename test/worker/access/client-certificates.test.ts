import { describe, expect, it } from 'vitest';
import { createClientCertificates } from '../../../worker/access/client-certificates.ts';
import { UNAUTHORIZED } from '../../../worker/access/method.ts';
import { documentOf } from './issuer.ts';

const PRINT = 'af363dc85bc942a892d3cee9796190fdb36d89cd588a4f1cb17c74a943439714';
const SUBJECT = 'CN=laptop-7,O=Example\\, Inc.,C=US';
/** What Cloudflare says of a good certificate. */
const GOOD = {
  certPresented: '1',
  certVerified: 'SUCCESS',
  certRevoked: '0',
  certFingerprintSHA256: PRINT,
  certFingerprintSHA1: '933ad5282c560ae3f482a43ecd73bc9de878a190',
  certSubjectDN: 'CN=laptop-7,O=Example, Inc.,C=US',
  certSubjectDNRFC2253: SUBJECT,
  certSubjectDNLegacy: '/C=US/O=Example, Inc./CN=laptop-7',
};
/** What it says where none was shown. */
const NONE = { ...mapped(GOOD, () => ''), certPresented: '0', certVerified: 'NONE', certRevoked: '0' };

const colons = PRINT.toUpperCase().match(/../g)?.join(':') ?? '';
const document = documentOf({
  printed: { certificates: { fingerprintsSha256: ['0'.repeat(64), colons] } },
  named: { certificates: { subjects: ['CN=other', SUBJECT] } },
  careless: { certificates: { fingerprintsSha256: [':', 'undefined', ''], subjects: [''] } },
  none: { certificates: {} },
});

const teamOf = createClientCertificates();
const refused = { name: 'Refused', status: 401, message: UNAUTHORIZED };

function ask(
  tlsClientAuth: unknown,
  headers: Readonly<Record<string, string>> = {},
  access = document,
): Promise<unknown> {
  const cf = tlsClientAuth === undefined ? {} : { tlsClientAuth };
  return teamOf(new Request('https://doh.example/dns-query', { headers, cf }), access);
}

describe('whose certificate a client showed', () => {
  it.each<[string, object, string]>([
    ['by fingerprint, however it is written', GOOD, 'printed'],
    ['by fingerprint in capitals', { ...GOOD, certFingerprintSHA256: PRINT.toUpperCase() }, 'printed'],
    ['by subject', { ...GOOD, certFingerprintSHA256: '1'.repeat(64) }, 'named'],
  ])('%s', async (_, shown, team) => {
    expect(await ask(shown)).toEqual({ team });
  });

  it.each<[string, unknown]>([
    ['nothing is said of TLS', undefined],
    ['there was none', NONE],
    ['what is said is no object', 'SUCCESS'],
    ['what is said is null', null],
  ])('nobody’s, where %s: another method may know', async (_, shown) => {
    expect(await ask(shown)).toBeUndefined();
  });

  it('nobody’s, where Cloudflare says nothing at all', async () => {
    expect(await teamOf(new Request('https://doh.example/dns-query'), document)).toBeUndefined();
  });

  it('headers that claim one are not believed', async () => {
    const headers = {
      'cf-client-cert-sha256': PRINT,
      'cf-client-cert-subject-dn-rfc2253': SUBJECT,
      'x-client-cert-verified': 'SUCCESS',
      'cf-cert-presented': 'true',
      'cf-cert-verified': 'true',
      'cf-cert-revoked': 'false',
      'ssl-client-verify': 'SUCCESS',
      'x-ssl-client-s-dn': SUBJECT,
      'x-forwarded-client-cert': `Hash=${PRINT};Subject="${SUBJECT}"`,
      'client-cert': ':AAAA:',
      tlsclientauth: JSON.stringify(GOOD),
    };
    expect(await ask(undefined, headers)).toBeUndefined();
    expect(await ask(NONE, headers)).toBeUndefined();
    await expect(ask({ ...GOOD, certVerified: 'FAILED' }, headers)).rejects.toMatchObject(refused);
  });

  it.each<[string, object]>([
    ['self-signed', { ...GOOD, certVerified: 'FAILED:self signed certificate' }],
    [
      'of an authority that is not ours',
      { ...GOOD, certVerified: 'FAILED:unable to get local issuer certificate' },
    ],
    ['expired', { ...GOOD, certVerified: 'FAILED:certificate has expired' }],
    ['not checked', { ...GOOD, certVerified: 'NONE' }],
    ['checked in other words', { ...GOOD, certVerified: 'success' }],
    ['revoked', { ...GOOD, certRevoked: '1' }],
    ['revoked, said otherwise', { ...GOOD, certRevoked: true }],
    ['of which it is not said whether it is revoked', { ...GOOD, certRevoked: undefined }],
    ['of no team', { ...GOOD, certFingerprintSHA256: '1'.repeat(64), certSubjectDNRFC2253: 'CN=eve' }],
    ['without a fingerprint or subject', { ...GOOD, certFingerprintSHA256: '', certSubjectDNRFC2253: '' }],
    [
      'of which nothing is said',
      { ...GOOD, certFingerprintSHA256: undefined, certSubjectDNRFC2253: undefined },
    ],
    [
      'with a subject in another case',
      { ...GOOD, certFingerprintSHA256: '', certSubjectDNRFC2253: SUBJECT.toLowerCase() },
    ],
    [
      'with a subject that begins alike',
      { ...GOOD, certFingerprintSHA256: '', certSubjectDNRFC2253: `${SUBJECT},DC=x` },
    ],
    // A value with a comma in it is escaped in RFC 2253, and not in this form.
    [
      'with the subject in another form',
      {
        ...GOOD,
        certFingerprintSHA256: '',
        certSubjectDNRFC2253: '',
        certSubjectDN: SUBJECT,
        certSubjectDNLegacy: SUBJECT,
      },
    ],
    [
      'with the fingerprint as its subject',
      { ...GOOD, certFingerprintSHA256: '', certSubjectDNRFC2253: PRINT },
    ],
  ])('a certificate %s is refused', async (_, shown) => {
    await expect(ask(shown)).rejects.toMatchObject(refused);
  });
});

function mapped(of: Readonly<Record<string, string>>, to: () => string): Record<string, string> {
  return Object.fromEntries(Object.keys(of).map((name) => [name, to()]));
}
