import { html } from 'hono/html';
import type { Framework, Service, ServicePort, ServicesOfView, ServicesOfZone } from '../services.ts';
import { lookUpPath } from './look-up-section.ts';

/** What runs, each with the way to its look-up, where the view may list names. */
export function servicesSection(services: ServicesOfView, base: string, filter: string): unknown {
  return html`<section aria-labelledby="services">
    <h2 id="services">Services</h2>
    ${
      services.kind === 'not-allowed'
        ? html`<p class="soft">Names can be looked up here, not listed: ${services.switch} allows it.</p>`
        : html`<form method="get" action="${base}/#services">
              <label class="wide">
                Name has
                <input
                  name="filter"
                  value="${filter}"
                  autocomplete="off"
                  autocapitalize="none"
                  spellcheck="false"
                />
              </label>
              <button>Filter</button>
              ${filter !== '' && html`<a href="${base}/#services">Show all</a>`}
            </form>
            ${services.zones.map((zone) => zoneOf(zone, { base, filter, isAlone: services.zones.length === 1 }))}`
    }
  </section>`;
}

type Shown = { readonly base: string; readonly filter: string; readonly isAlone: boolean };

function zoneOf(
  { origin, frameworks, isPart, more, problem }: ServicesOfZone,
  { base, filter, isAlone }: Shown,
): unknown {
  return html`${!isAlone && html`<p class="soft">Zone <b>${origin}</b></p>`}
  ${frameworks.map((framework) => frameworkOf(framework, base, filter !== '' || frameworks.length === 1))}
  ${
    frameworks.length === 0 &&
    problem === undefined &&
    html`<p class="soft">
      ${filter === '' ? 'Nothing to list: nothing runs, or nothing that you may see.' : 'No name here has that in it.'}
    </p>`
  }
  ${
    problem === undefined
      ? more &&
        html`<p class="soft">
          ${isPart ? 'This may not be all of them: look up what is missing.' : 'There are more: filter by a part of a name.'}
        </p>`
      : html`<p class="soft">
          ${frameworks.length > 0 ? 'The list is not whole' : 'Nothing to list'}: ${problem}.
        </p>`
  }`;
}

function frameworkOf({ name, services, seen }: Framework, base: string, isOpen: boolean): unknown {
  return html`<details ${isOpen ? 'open' : ''}>
    <summary>${name} <span>${seen}</span></summary>
    <ul class="services">
      ${services.map((service) => serviceOf(service, base))}
      ${seen > services.length && html`<li class="soft">and ${seen - services.length} more</li>`}
    </ul>
  </details>`;
}

function serviceOf({ name, owner, instances, ports }: Service, base: string): unknown {
  return html`<li>
    <a href="${lookUpPath(base, owner, 'A')}">${name}</a>
    ${instances > 1 && html`<small>×${instances}</small>`} ${ports.map((port) => portsOf(port, base))}
  </li>`;
}

/** So many port numbers are shown: the look-up has them all. */
const MOST_PORTS = 2;

function portsOf({ name, protocol, owner, ports, distinctPorts }: ServicePort, base: string): unknown {
  const numbers = ports.slice(0, MOST_PORTS).join(' ') + (distinctPorts > MOST_PORTS ? ' …' : '');
  return html` <a class="port" href="${lookUpPath(base, owner, 'SRV')}">${name || protocol} ${numbers}</a>`;
}
