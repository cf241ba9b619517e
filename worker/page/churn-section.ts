import { html, raw } from 'hono/html';
import type { ChurnOfZone } from '../churn.ts';

/** Zones of which changes are counted, for this view. */
export type ChurnShown = { readonly origin: string; readonly churn: ChurnOfZone };

const SERIES = ['added', 'changed', 'gone'] as const;
/** Of the drawing: a half hour's width, and the height of all. */
const STEP = 10;
const HEIGHT = 100;

/** What changed over the last day: above the line what came and what changed, below it what went. */
export function churnSection(zones: readonly ChurnShown[]): unknown {
  if (zones.length === 0) return '';
  return html`<section aria-labelledby="changes">
    <h2 id="changes">Changes of the last day</h2>
    ${zones.map((zone) => zoneOf(zone, zones.length === 1))}
  </section>`;
}

function zoneOf({ origin, churn }: ChurnShown, isAlone: boolean): unknown {
  const { halfHours, sinceSeconds } = churn;
  const first = halfHours[0]?.startSeconds ?? 0;
  const [added, changed, gone] = SERIES.map((series) =>
    halfHours.reduce((sum, each) => sum + each[series], 0),
  );
  const since = sinceSeconds > first ? ` since ${timeText(sinceSeconds)} UTC, when counting began` : '';
  const heading = !isAlone && html`<h3>${origin}</h3>`;
  if (added === 0 && changed === 0 && gone === 0)
    return html`${heading}
      <p class="soft">No name came, changed or went${since}.</p>`;
  return html`${heading}
    <p>
      <b class="added">${added}</b> names came (above), <b class="changed">${changed}</b> changed (hollow,
      above), <b class="gone">${gone}</b> went (below)${since}.
    </p>
    ${plotOf(churn)}
    <p class="axis" aria-hidden="true"><span>24 h ago</span><span>12 h</span><span>now</span></p>
    <details>
      <summary>As a table</summary>
      <table>
        <thead>
          <tr>
            <th scope="col">Half hour from, UTC</th>
            <th scope="col">came</th>
            <th scope="col">changed</th>
            <th scope="col">went</th>
          </tr>
        </thead>
        <tbody>
          ${halfHours
            .filter((each) => SERIES.some((series) => each[series] > 0))
            .map(
              ({ startSeconds, added, changed, gone }) =>
                html`<tr>
                  <td>${timeText(startSeconds)}</td>
                  <td>${added}</td>
                  <td>${changed}</td>
                  <td>${gone}</td>
                </tr>`,
            )}
        </tbody>
      </table>
    </details>`;
}

function plotOf({ halfHours }: ChurnOfZone): unknown {
  const up = Math.max(...halfHours.map(({ added, changed }) => added + changed));
  const down = Math.max(...halfHours.map(({ gone }) => gone));
  const y = (count: number): number => Math.round(((up - count) * HEIGHT * 10) / (up + down)) / 10;
  const bar = (i: number, from: number, to: number): string =>
    from === to ? '' : `M${i * STEP + 1.5} ${y(from)}h${STEP - 3}V${y(to)}h${3 - STEP}z`;
  const paths = { added: '', changed: '', gone: '' };
  for (const [i, { added, changed, gone }] of halfHours.entries()) {
    paths.added += bar(i, 0, added);
    paths.changed += bar(i, added, added + changed);
    paths.gone += bar(i, 0, -gone);
  }
  const width = halfHours.length * STEP;
  // All of it numbers: nothing in it comes as text.
  return raw(
    `<svg class="plot" role="img" aria-label="A bar for each half hour, the highest of ${up} names, the lowest of ${down}; the table has all" viewBox="0 -1 ${width} ${HEIGHT + 2}" preserveAspectRatio="none"><path class="line" d="M0 ${y(0)}h${width}"/>${SERIES.map((series) => `<path class="${series}" d="${paths[series]}"/>`).join('')}</svg>`,
  );
}

function timeText(unixSeconds: number): string {
  return new Date(unixSeconds * 1000).toISOString().slice(11, 16);
}
