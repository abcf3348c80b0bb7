// SPDX-License-Identifier: Apache-2.0

import { html } from './html.js';
import { hueOf } from './colour.js';
import { count } from './time.js';

/** The protocol of a format: what stands before the first dot. */
export const protocolOf = (format) => format.split('.')[0];

const short = { skywalking: 'skyw', otlp: 'otlp', zipkin: 'zipkin', jaeger: 'jaeger' };

/** By which protocol spans came. */
export function Protocol({ name, spans, title }) {
  return html`<span class=${'protocol ' + name} title=${title ?? name}>${short[name] ?? name}${spans ? html` <b>${count(spans)}</b>` : ''}</span>`;
}

/** A service with its colour and how many spans it has. */
export function Service({ name, hue, spans, errors }) {
  const label = `${name || 'no service'}${spans ? `, ${spans} spans` : ''}${errors ? `, ${errors} failed` : ''}`;
  return html`<span class="service" style=${{ '--h': String(hue ?? hueOf(name)) }} title=${label}>
    <i></i>${name || '(no service)'}${spans ? html` <b>${count(spans)}</b>` : ''}${errors ? html` <b class="failed">${errors}!</b>` : ''}</span>`;
}
