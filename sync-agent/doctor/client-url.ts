import { isToken } from '../../zone/access-document.ts';
import type { DohUrl } from '../client/doh-url.ts';
import type { ClientFinding } from './client-finding.ts';

/** The URL as it is written. */
export function judgeUrl({ protocol, path, token, shown, isLoopback }: DohUrl): readonly ClientFinding[] {
  const about = 'URL';
  const findings: ClientFinding[] = [];
  if (protocol === 'http:' && !isLoopback) {
    const says = `${shown} is plain HTTP: names can be read and changed on the way`;
    findings.push({ about, verdict: 'wrong', says, mend: 'Say https://' });
  }
  if (path !== '/dns-query') {
    const shownPath = path.split('?', 1)[0] ?? '';
    const says = `the path is ${shownPath === '/' ? 'missing' : shownPath}`;
    findings.push({ about, verdict: 'wrong', says, mend: 'It is /dns-query, or /t/TOKEN/dns-query' });
  }
  if (token !== undefined && !isToken(token)) {
    const says = 'what stands in place of the token has not the form of one';
    const mend = 'It is mdt_ and 32 small letters and digits: was it cut off, or its case changed?';
    findings.push({ about, verdict: 'wrong', says, mend });
  }
  if (findings.length > 0) return findings;
  return [{ about, verdict: 'well', says: `${shown}, ${token === undefined ? 'no token' : 'with a token'}` }];
}
