import { html, raw } from 'hono/html';
import type { Health } from '../health.ts';
import { pageHeaders } from '../security-headers.ts';
import type { ServicesOfView } from '../services.ts';
import { type ChurnShown, churnSection } from './churn-section.ts';
import { type ConnectShown, connectSection } from './connect-section.ts';
import { COPY_SCRIPT } from './copy-script.ts';
import type { LookUp } from './look-up.ts';
import { lookUpSection } from './look-up-section.ts';
import { servicesSection } from './services-section.ts';
import { STYLE } from './style.ts';
import { headlineOf, type ZoneShown, zonesSection } from './zones.ts';

/** All that the page shows. */
export type PageContent = {
  readonly health: Pick<Health, 'access'> & { readonly zones: readonly ZoneShown[] };
  readonly lookUp: LookUp | undefined;
  readonly services: ServicesOfView;
  /** What services are filtered by, as typed. */
  readonly filter: string;
  readonly churn: readonly ChurnShown[];
  readonly connect: ConnectShown;
  /** Unix milliseconds. */
  readonly nowMs: number;
};

/** The page for people. Works without script, loads nothing. */
export function statusPage({
  health,
  lookUp,
  services,
  filter,
  churn,
  connect,
  nowMs,
}: PageContent): Response {
  const { base, target } = connect;
  const [zone] = health.zones;
  const page = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width,initial-scale=1" />
        <meta name="robots" content="noindex" />
        <title>mesos-doh</title>
        ${raw(`<style>${STYLE}</style>`)}
      </head>
      <body>
        <a class="skip" href="#main">Skip to the state of the zones</a>
        <header>
          <b>mesos-doh</b>
          <nav aria-label="On this page">
            <a href="#look-up">Look up</a>
            <a href="#services">Services</a>
            ${churn.length > 0 && html`<a href="#changes">Changes</a>`}
            <a href="#connect">Connect</a>
          </nav>
        </header>
        <main id="main">
          ${headlineOf(health)} ${health.zones.length > 0 && zonesSection(health.zones)}
          ${lookUpSection(lookUp, base, `leader.${zone?.origin ?? 'mesos'}`)}
          ${servicesSection(services, base, filter)} ${churnSection(churn)} ${connectSection(connect)}
        </main>
        <footer>
          As of ${new Date(nowMs).toISOString().slice(0, 19).replace('T', ' ')} UTC ·
          <a href="${base}/health">/health</a> for monitors
        </footer>
        ${raw(`<script>${COPY_SCRIPT}</script>`)}
      </body>
    </html>`;
  return new Response(String(page), { headers: pageHeaders(target.dohUrl) });
}
