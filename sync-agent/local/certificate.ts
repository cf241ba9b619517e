import { createHash, type KeyObject, randomBytes, sign } from 'node:crypto';

/**
 * X.509 certificates (RFC 5280) of the two kinds a loopback server needs, in DER, with P-256 keys. Node reads
 * certificates but can't make them, and packages that can bring a megabyte or more of ASN.1 for these lines.
 */

/** A certificate's life, in milliseconds since 1970. */
export type Validity = { readonly fromMs: number; readonly untilMs: number };

/** What names a certificate is for, or an authority may vouch for: host names, and octets of IP addresses. */
export type CertificateNames = {
  readonly hosts: readonly string[];
  readonly addresses: readonly Uint8Array[];
};

/** Issuer of a certificate: its common name, and its keys. */
export type Issuer = { readonly name: string; readonly publicKey: KeyObject; readonly privateKey: KeyObject };

/**
 * An authority's own certificate. It may vouch for `names` alone (RFC 5280 §4.2.1.10; an address is followed by
 * its mask there), so that whoever gets at its key can't pass for any other site.
 */
export function authorityCertificate(issuer: Issuer, validity: Validity, names: CertificateNames): string {
  return certificate({
    issuer,
    subject: issuer.name,
    publicKey: issuer.publicKey,
    validity,
    extensions: [
      extension(OID.basicConstraints, sequence(TRUE, integer(Uint8Array.of(0))), 'critical'),
      // keyCertSign and cRLSign.
      extension(OID.keyUsage, tlv(TAG.bitString, Uint8Array.of(1, 0x06)), 'critical'),
      extension(OID.nameConstraints, sequence(tlv(0xa0, ...subtrees(names))), 'critical'),
      extension(OID.subjectKeyIdentifier, tlv(TAG.octetString, keyIdentifier(issuer.publicKey))),
    ],
  });
}

/** A TLS server's certificate for `names`. */
export function serverCertificate(
  issuer: Issuer,
  {
    publicKey,
    validity,
    names,
  }: { readonly publicKey: KeyObject; readonly validity: Validity; readonly names: CertificateNames },
): string {
  return certificate({
    issuer,
    subject: names.hosts[0] ?? 'server',
    publicKey,
    validity,
    extensions: [
      extension(OID.basicConstraints, sequence(), 'critical'),
      // digitalSignature: all that ECDHE asks of a server's key.
      extension(OID.keyUsage, tlv(TAG.bitString, Uint8Array.of(7, 0x80)), 'critical'),
      extension(OID.extendedKeyUsage, sequence(identifier(OID.serverAuth))),
      extension(OID.subjectAltName, sequence(...generalNames(names))),
      extension(OID.subjectKeyIdentifier, tlv(TAG.octetString, keyIdentifier(publicKey))),
      extension(OID.authorityKeyIdentifier, sequence(tlv(0x80, keyIdentifier(issuer.publicKey)))),
    ],
  });
}

/** Names a public key: the first 160 bits of its SHA-256 (RFC 7093 §2). */
export function keyIdentifier(publicKey: KeyObject): Uint8Array {
  return createHash('sha256').update(subjectPublicKeyInfo(publicKey)).digest().subarray(0, 20);
}

type CertificateFacts = {
  readonly issuer: Issuer;
  readonly subject: string;
  readonly publicKey: KeyObject;
  readonly validity: Validity;
  readonly extensions: readonly Uint8Array[];
};

function certificate({ issuer, subject, publicKey, validity, extensions }: CertificateFacts): string {
  const algorithm = sequence(identifier(OID.ecdsaWithSha256));
  const facts = sequence(
    tlv(0xa0, integer(Uint8Array.of(2))),
    // RFC 5280 §4.1.2.2: positive, at most 20 octets, never given twice.
    integer(Uint8Array.of(0x40, ...randomBytes(15))),
    algorithm,
    commonName(issuer.name),
    sequence(time(validity.fromMs), time(validity.untilMs)),
    commonName(subject),
    subjectPublicKeyInfo(publicKey),
    tlv(0xa3, sequence(...extensions)),
  );
  const signature = sign('sha256', facts, issuer.privateKey);
  const der = sequence(facts, algorithm, tlv(TAG.bitString, Uint8Array.of(0), signature));
  const lines =
    Buffer.from(der)
      .toString('base64')
      .match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
}

function subjectPublicKeyInfo(publicKey: KeyObject): Uint8Array {
  return publicKey.export({ type: 'spki', format: 'der' });
}

function commonName(name: string): Uint8Array {
  return sequence(tlv(TAG.set, sequence(identifier(OID.commonName), tlv(TAG.utf8String, utf8(name)))));
}

function extension(id: string, value: Uint8Array, critical?: 'critical'): Uint8Array {
  return sequence(identifier(id), ...(critical ? [TRUE] : []), tlv(TAG.octetString, value));
}

function subtrees(names: CertificateNames): Uint8Array[] {
  return generalNames(names).map((name) => sequence(name));
}

/** RFC 5280 §4.2.1.6: dNSName is [2], iPAddress [7]. */
function generalNames({ hosts, addresses }: CertificateNames): Uint8Array[] {
  return [...hosts.map((host) => tlv(0x82, utf8(host))), ...addresses.map((address) => tlv(0x87, address))];
}

/** RFC 5280 §4.1.2.5: two digits of the year until 2049, four from 2050 on. */
function time(ms: number): Uint8Array {
  const digits = new Date(ms).toISOString().replaceAll(/[-:T]|\.\d+/g, '');
  return digits < '2050' ? tlv(TAG.utcTime, utf8(digits.slice(2))) : tlv(TAG.generalizedTime, utf8(digits));
}

const OID = {
  commonName: '2.5.4.3',
  ecdsaWithSha256: '1.2.840.10045.4.3.2',
  subjectKeyIdentifier: '2.5.29.14',
  keyUsage: '2.5.29.15',
  subjectAltName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  nameConstraints: '2.5.29.30',
  authorityKeyIdentifier: '2.5.29.35',
  extendedKeyUsage: '2.5.29.37',
  serverAuth: '1.3.6.1.5.5.7.3.1',
} as const;

const TAG = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  objectIdentifier: 0x06,
  utf8String: 0x0c,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
} as const;

const TRUE = tlv(TAG.boolean, Uint8Array.of(0xff));

function sequence(...parts: readonly Uint8Array[]): Uint8Array {
  return tlv(TAG.sequence, ...parts);
}

function integer(octets: Uint8Array): Uint8Array {
  return tlv(TAG.integer, octets);
}

/** X.690 §8.19: two arcs in the first octet, the others in groups of seven bits. */
function identifier(dotted: string): Uint8Array {
  const [first = 0, second = 0, ...arcs] = dotted.split('.').map(Number);
  const octets = arcs.flatMap((arc) => {
    const groups = [arc & 0x7f];
    for (let rest = arc >> 7; rest > 0; rest >>= 7) groups.unshift(0x80 | (rest & 0x7f));
    return groups;
  });
  return tlv(TAG.objectIdentifier, Uint8Array.of(first * 40 + second, ...octets));
}

/** Tag, length, value (X.690 §8.1). Values here are shorter than 64 KiB. */
function tlv(tag: number, ...parts: readonly Uint8Array[]): Uint8Array {
  const value = Buffer.concat(parts);
  const { length } = value;
  const header =
    length < 0x80
      ? [tag, length]
      : length < 0x100
        ? [tag, 0x81, length]
        : [tag, 0x82, length >> 8, length & 0xff];
  return Buffer.concat([Uint8Array.from(header), value]);
}

function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
