import type { Team } from '../../zone/access-document.ts';
import { isObject } from './jwt.ts';
import { type Method, unauthorized } from './method.ts';
import { createTeamIndex } from './team-index.ts';

/**
 * Whose certificate a client showed, as Cloudflare's edge found it in the TLS handshake (`request.cf`). Headers
 * that claim such things are not looked at: anybody can send them. A subject is compared in the form of
 * RFC 2253, where a comma inside a value can't pass for one between values.
 */
export function createClientCertificates(): Method {
  const teamOf = createTeamIndex(namesOfTeam);
  return async (request, access) => {
    const shown: unknown = request.cf?.['tlsClientAuth'];
    const certificate = isObject(shown) ? shown : {};
    if (certificate['certPresented'] !== '1') return undefined;
    const {
      certVerified,
      certRevoked,
      certFingerprintSHA256: print,
      certSubjectDNRFC2253: subject,
    } = certificate;
    // A revoked certificate is a verified one.
    const isGood = certVerified === 'SUCCESS' && certRevoked === '0';
    if (!isGood || typeof print !== 'string' || typeof subject !== 'string') throw unauthorized();
    const team = teamOf(access, [`print ${folded(print)}`, `subject ${subject}`]);
    if (team === undefined) throw unauthorized();
    return { team };
  };
}

function namesOfTeam({ certificates = {} }: Team): string[] {
  const { fingerprintsSha256 = [], subjects = [] } = certificates;
  const prints = fingerprintsSha256.map((print) => folded(print));
  return [
    ...prints.filter((print) => /^[0-9a-f]{64}$/.test(print)).map((print) => `print ${print}`),
    ...subjects.filter((subject) => subject !== '').map((subject) => `subject ${subject}`),
  ];
}

/** As `openssl x509 -fingerprint` prints it, or as Cloudflare does. */
function folded(print: string): string {
  return print.replaceAll(':', '').toLowerCase();
}
