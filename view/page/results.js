// SPDX-License-Identifier: Apache-2.0

import { html } from './html.js';
import { follow, traceAddress } from './address.js';
import { Protocol, Service } from './badge.js';
import { counted, exactly, lasted, when } from './time.js';

const mostServices = 8;

/** The traces that a search found. @param {{traces: import('./api.js').Summary[]}} props */
export function Results({ traces }) {
  const longest = Math.max(1, ...traces.map((t) => Number(t.duration ?? 0)));
  return html`<ol class="results" aria-label="Traces, newest first">
    ${traces.map((t) => html`<${Result} key=${t.trace} t=${t} longest=${longest} />`)}
  </ol>`;
}

function Result({ t, longest }) {
  const ns = Number(t.duration ?? 0);
  const rest = t.services.length - mostServices;
  return html`<li>
    <a class=${'result' + (t.errors ? ' failed' : '')} href=${traceAddress(t.trace)} onClick=${follow}>
      <span class="title"><b>${t.service || '(no service)'}</b> <span class="name">${t.name || '(no name)'}</span></span>
      <span class="when" title=${t.start ? when(t.start, 6) : ''}>${t.start ? when(t.start) : 'no time'}</span>
      <span class="took" title=${t.duration ? exactly(ns) : ''}>
        <span class="lane"><i style=${{ width: `${Math.max((100 * ns) / longest, 0.5)}%` }}></i></span>
        <b>${t.duration ? lasted(ns) : '–'}</b>
      </span>
      <span class="services">
        ${t.services.slice(0, mostServices).map((s) => html`<${Service} ...${s} />`)}
        ${rest > 0 && html`<span class="rest">and ${rest} more</span>`}
      </span>
      <span class="counts">
        ${t.cut ? html`<span class="cut" title=${`${counted(t.cut, 'span')} were let go to make room`}>cut</span>` : ''}
        ${t.errors ? html`<span class="errors">${counted(t.errors, 'error')}</span>` : ''}
        <span>${counted(t.spans, 'span')}</span>
      </span>
      <span class="protocols">${t.protocols.map((p) => html`<${Protocol} ...${p} title=${`${counted(p.spans, 'span')} by ${p.name}`} />`)}</span>
    </a>
  </li>`;
}
