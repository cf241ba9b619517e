import { describe, expect, it } from 'vitest';
import { COPY_SCRIPT_HASH } from '../../worker/page/copy-script.ts';
import { STYLE_HASH } from '../../worker/page/style.ts';
import { pageHeaders } from '../../worker/security-headers.ts';

const headers = new Headers(pageHeaders('https://doh.example/t/mdt_secret/'));

describe('the headers of a page', () => {
  it('allow one script and one style by their hashes, no frame around it, no form and no base elsewhere', () => {
    const policy = headers.get('content-security-policy')?.split('; ');
    expect(policy).toEqual([
      "default-src 'none'",
      `script-src '${COPY_SCRIPT_HASH}'`,
      `style-src '${STYLE_HASH}'`,
      "form-action 'self'",
      "base-uri 'none'",
      "frame-ancestors 'none'",
    ]);
  });

  it.each([
    ['content-type', 'text/html; charset=utf-8'],
    ['x-content-type-options', 'nosniff'],
    ['referrer-policy', 'no-referrer'],
    ['cache-control', 'no-store'],
    ['strict-transport-security', 'max-age=31536000'],
  ])('have %s: %s', (name, value) => {
    expect(headers.get(name)).toBe(value);
  });

  it('say nothing of HTTPS over HTTP', () => {
    expect(pageHeaders('http://127.0.0.1:8787/')).not.toHaveProperty('strict-transport-security');
    expect(pageHeaders('http://https:8787/')).not.toHaveProperty('strict-transport-security');
  });

  it('hold nothing of the URL', () => {
    expect(JSON.stringify([...headers])).not.toContain('mdt_secret');
  });
});
