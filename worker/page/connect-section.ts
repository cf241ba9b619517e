import { html } from 'hono/html';
import type { Target } from '../../connect/kit.ts';
import { type Device, DEVICES, PROFILE_NAME } from './devices.ts';
import type { System } from './system.ts';

export type ConnectShown = {
  readonly target: Target;
  /** The visitor came without a token in the path, though clients need one: `TOKEN` is in its place. */
  readonly lacksToken: boolean;
  readonly system: System | undefined;
  readonly base: string;
};

/** How to make a device ask here: what suits the visitor's first, all else behind it. */
export function connectSection(shown: ConnectShown): unknown {
  const { target, lacksToken, system } = shown;
  const fits = ({ systems }: Device): boolean => system !== undefined && systems.includes(system);
  return html`<section aria-labelledby="connect">
    <h2 id="connect">Connect this device</h2>
    <p class="copy">
      <code>${target.dohUrl}</code>
      <button type="button" data-copy hidden aria-live="polite">Copy</button>
    </p>
    ${
      lacksToken
        ? html`<p class="note">
            Put your token in place of <b>TOKEN</b>: you came without one in the path.
            <code>docs/access.md</code>
          </p>`
        : target.dohUrl.includes('/t/') &&
          html`<p class="soft">Your token is in it: keep it like a password.</p>`
    }
    ${
      target.dohUrl.startsWith('https:')
        ? DEVICES.toSorted((a, b) => Number(fits(b)) - Number(fits(a))).map((device) =>
            detailsOf(device, shown, fits(device)),
          )
        : html`<p class="note">
            Clients ask by https only, and you came by http: <code>docs/local-https.md</code>
          </p>`
    }
  </section>`;
}

function detailsOf(
  { title, client, command, says }: Device,
  { target, lacksToken, base }: ConnectShown,
  isOpen: boolean,
): unknown {
  const profile = lacksToken
    ? 'At /t/TOKEN/ this page has a profile to download.'
    : html`<a href="${base}/connect/${PROFILE_NAME}" download>Download the profile.</a>`;
  const run = command?.(target);
  return html`<details ${isOpen ? 'open' : ''}>
    <summary>${title}</summary>
    <p>${says(target, profile)}</p>
    ${run !== undefined && html`<pre>${run}</pre>`}
    ${client !== undefined && html`<p class="soft">All of it: <code>docs/connect/${client}.md</code></p>`}
  </details>`;
}
