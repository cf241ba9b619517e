import { html } from 'hono/html';
import type { Health, ZoneHealth } from '../health.ts';
import { conditionsOf, SHOWN, worstOf } from './conditions.ts';
import { durationText } from './duration.ts';
import { icon } from './icon.ts';

/** A zone's health, and whether the view has but a part of its names. */
export type ZoneShown = ZoneHealth & { readonly isPart: boolean };

/** The state of all at a glance, in a shape and words. */
export function headlineOf({
  zones,
  access,
}: Pick<Health, 'access'> & { zones: readonly ZoneShown[] }): unknown {
  const worst = worstOf(zones);
  const [mark, word, headline] = worst ? SHOWN[worst] : (['wait', '', 'Nothing to answer from'] as const);
  const [only, another] = zones;
  const some = zones.filter((zone) => conditionsOf(zone).some(({ kind }) => kind === worst)).length;
  return html`<div class="hero ${mark}">
    ${icon(mark)}
    <div>
      <h1>${headline}</h1>
      <p>
        ${
          !only
            ? html`No zone is in the view of this token: <code>docs/access.md</code>`
            : another
              ? `${word}: ${some} of ${zones.length} zones`
              : html`<b>${only.origin}</b>${factsOf(only)}`
        }
      </p>
      ${access === 'open' && html`<p>${icon('warn')} Anybody who can reach this address may ask it.</p>`}
    </div>
  </div>`;
}

function factsOf({ serial, ageSeconds }: ZoneHealth): string {
  return serial === undefined ? '' : ` · serial ${serial} · ${durationText(ageSeconds ?? 0)} ago`;
}

export function zonesSection(zones: readonly ZoneShown[]): unknown {
  return html`<section aria-labelledby="zones">
    <h2 id="zones">Zones</h2>
    <div class="cards">${zones.map((zone) => cardOf(zone))}</div>
  </section>`;
}

function cardOf(zone: ZoneShown): unknown {
  const { origin, serial, ageSeconds, isPart } = zone;
  return html`<article class="card">
    <h3>${origin}</h3>
    <dl>
      <div>
        <dt>Serial</dt>
        <dd>${serial ?? '–'}</dd>
      </div>
      <div>
        <dt>Vouched for</dt>
        <dd>${ageSeconds === undefined ? 'never' : `${durationText(ageSeconds)} ago`}</dd>
      </div>
      <div>
        <dt>You see</dt>
        <dd>${isPart ? 'a part' : 'all names'}</dd>
      </div>
    </dl>
    <ul class="states">
      ${conditionsOf(zone).map(({ kind, means, problem, mend, page }) => {
        const [mark, word] = SHOWN[kind];
        return html`<li>
          ${icon(mark)}
          <div>
            <b class="${mark}">${word}.</b> ${means}
            ${problem !== undefined && html`<small>${problem}</small>`}
            ${mend !== undefined && html`<p>${mend} <code>docs/${page}</code></p>`}
          </div>
        </li>`;
      })}
    </ul>
  </article>`;
}
