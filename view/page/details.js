// SPDX-License-Identifier: Apache-2.0

import { html, useEffect, useState } from './html.js';
import * as api from './api.js';
import { follow, traceAddress } from './address.js';
import { Copy } from './copy.js';
import { Protocol, Service, protocolOf } from './badge.js';
import { marks } from './mark.js';
import { clock, counted, day, exactly, lasted, size, when } from './time.js';

/** While somebody runs through the rows nothing is asked for. */
const rest = 60;

/**
 * Everything that is known of a span.
 * @param {{tree: import('./tree.js').Tree, i: number, onClose: () => void, onSelect: (i: number) => void}} props
 */
export function Details({ tree, i, onClose, onSelect }) {
  const r = tree.rows[i];
  const [answer, setAnswer] = useState(null);
  const [fault, setFault] = useState('');
  const key = tree.nameOf(i);
  useEffect(() => {
    const stop = new AbortController();
    const timer = setTimeout(async () => {
      try {
        const got = await api.span(tree.answer.trace, r.id, stop.signal);
        setAnswer({ key, reports: got.reports.filter((p) => p.twin === (r.twin ?? 0)) });
        setFault('');
      } catch (err) {
        if (err.name !== 'AbortError') setFault(err.message);
      }
    }, answer ? rest : 0);
    return () => {
      clearTimeout(timer);
      stop.abort();
    };
  }, [tree, key]);
  const fresh = answer?.key === key;
  return html`<aside class="details" aria-label="Details of the chosen span">
    <header>
      <${Service} name=${r.service ?? ''} hue=${r.hue} />
      <h2>${r.name || '(no name)'}</h2>
      <button type="button" class="close" onClick=${onClose} title="Close (Esc)" aria-label="Close the details">✕</button>
    </header>
    <p class="facts">
      ${r.ns !== null && html`<b title=${exactly(r.ns)}>${lasted(r.ns)}</b>`}
      ${r.at !== null && html`<span title=${exactly(r.at)}>from +${lasted(r.at)}</span>`}
      ${r.start && html`<span title=${day(r.start)}>${clock(r.start, 6)}</span>`}
      ${r.kind && html`<span>${r.kind}</span>`}
      ${r.remote && html`<span>${r.kind === 'server' || r.kind === 'consumer' ? 'from' : 'to'} ${r.remote}</span>`}
      ${r.instance && html`<span class="instance" title="instance">${r.instance}</span>`}
      ${r.below > 0 && html`<span>${r.below} below</span>`}
    </p>
    ${(r.marks ?? []).map((m) => html`<p class="remark"><span class=${'mark ' + m}>${marks[m]?.sign ?? m}</span> ${marks[m]?.text ?? m}</p>`)}
    ${fault && html`<p class="fault" role="alert">${fault}</p>`}
    <div class=${fresh ? 'reports' : 'reports stale'} aria-busy=${!fresh}>
      ${answer?.reports.map((p, k) => html`<${Report} p=${p} k=${k} of=${answer.reports.length} tree=${tree} onSelect=${onSelect} />`)}
    </div>
  </aside>`;
}

function Report({ p, k, of, tree, onSelect }) {
  const begin = p.start ?? tree.answer.start;
  return html`<section class="report">
    ${of > 1 && html`<h3>Report ${k + 1} of ${of}</h3>`}
    ${p.status.code === 'error' && html`<p class="failure"><b>Failed</b> ${p.status.message || ''}</p>`}
    ${p.status.code === 'ok' && html`<p class="facts">status ok ${p.status.message || ''}</p>`}
    <${Tags} title="Tags" list=${p.tags} open />
    <${Events} list=${p.events} begin=${begin} />
    <${Identity} p=${p} tree=${tree} onSelect=${onSelect} />
    <${Refs} list=${p.refs} trace=${tree.answer.trace} tree=${tree} onSelect=${onSelect} />
    <${Agent} a=${p.agent} />
    <${Tags} title="Resource" list=${p.resource?.tags} note=${p.resource?.schema} open />
    ${p.scope && html`<${Tags} title="Scope" note=${[p.scope.name, p.scope.version, p.scope.schema].filter(Boolean).join(' ')} list=${p.scope.tags ?? []} open />`}
    <${Origin} p=${p} />
  </section>`;
}

function Tags({ title, list, note, open }) {
  if (!list || (!list.length && !note)) return null;
  return html`<details class="part" open=${open}>
    <summary>${title} <small>${list.length || ''} ${note ?? ''}</small></summary>
    <${Table} list=${list} />
  </details>`;
}

function Table({ list }) {
  return html`<table><tbody>${list.map((t) => html`<tr class=${t.key === 'error' ? 'failed' : ''}>
    <th scope="row">${t.key}</th>
    <td>${t.value === '' ? html`<em>empty</em>` : t.value}</td>
    <td class="type">${t.type === 'string' ? '' : t.type}${t.mirrored ? html`<span title="A field of the span says the same"> ≡</span>` : ''}</td>
  </tr>`)}</tbody></table>`;
}

function Events({ list, begin }) {
  if (!list?.length) return null;
  return html`<details class="part" open>
    <summary>Events <small>${list.length}</small></summary>
    <ol class="events">${list.map((e) => html`<li>
      <span class="at" title=${when(e.time, 6)}>${begin ? `+${lasted(Number(BigInt(e.time) - BigInt(begin)))}`.replace('+−', '−') : clock(e.time, 6)}</span>
      <b>${e.name ?? html`<em>event</em>`}</b>
      ${e.fields && html`<${Table} list=${e.fields} />`}
      ${e.dropped ? html`<small>${counted(e.dropped, 'field')} dropped by the sender</small>` : ''}
    </li>`)}</ol>
  </details>`;
}

/** The ids on the wire, and here, where they differ. */
function Identity({ p, tree, onSelect }) {
  const changed = p.wire.id !== p.id || (p.wire.parent ?? '') !== (p.parent ?? '');
  const row = (name, value, copy, to) => value && html`<tr><th scope="row">${name}</th><td>
    ${to >= 0 ? html`<button type="button" class="link" onClick=${() => onSelect(to)}><code>${value}</code></button>` : html`<code>${value}</code>`}
    ${copy && html`<${Copy} text=${value} label=${name} />`}</td></tr>`;
  return html`<details class="part" open>
    <summary>Identity <small>${changed ? 'made unique' : ''}</small></summary>
    <table><tbody>
      ${row('trace', p.trace, true)}
      ${row('span', p.id, true)}
      ${row('parent', p.parent, false, tree.first.get(p.parent) ?? -1)}
      ${changed && row('wire id', p.wire.id, true)}
      ${changed && row('wire parent', p.wire.parent, false)}
      ${p.wire.shared && html`<tr><th scope="row">shared</th><td>the report says that the id is the client’s</td></tr>`}
      ${p.tracestate && row('tracestate', p.tracestate)}
      ${p.sampling && row('sampling', p.sampling.join(', '))}
      ${p.flags ? row('flags', '0x' + p.flags.toString(16)) : ''}
    </tbody></table>
  </details>`;
}

function Refs({ list, trace, tree, onSelect }) {
  const others = list?.filter((ref) => !ref.parent || ref.agent || ref.tags) ?? [];
  if (!others.length) return null;
  return html`<details class="part" open>
    <summary>References <small>${others.length}</small></summary>
    <ol class="events">${others.map((ref) => {
      const to = ref.trace === trace ? tree.first.get(ref.span) ?? -1 : -1;
      return html`<li>
        <b>${ref.kind}</b>${ref.parent ? ' (parent)' : ''} ${' '}
        ${to >= 0 ? html`<button type="button" class="link" onClick=${() => onSelect(to)}><code>${ref.span}</code></button>` : html`<code>${ref.span}</code>`}
        ${ref.trace !== trace && html` of <a href=${traceAddress(ref.trace) + '#' + ref.span} onClick=${follow}><code>${ref.trace}</code></a>`}
        ${ref.agent && html`<${Table} list=${Object.entries(ref.agent).map(([key, value]) => ({ key, value: String(value), type: 'string' }))} />`}
        ${ref.tags && html`<${Table} list=${ref.tags} />`}
      </li>`;
    })}</ol>
  </details>`;
}

/** What only a SkyWalking agent says. */
function Agent({ a }) {
  if (!a) return null;
  const facts = [['type', a.type], ['layer', a.layer], ['component', a.component || ''], ['peer', a.peer], ['segment', a.segment],
    ['number', `${a.number}${a.parent >= 0 ? `, below ${a.parent}` : ''}`], ['trace', a.trace], ['service', a.service], ['instance', a.instance],
    ['skipAnalysis', a.skipAnalysis && 'yes'], ['size limited', a.sizeLimited && 'the agent left spans out']];
  return html`<details class="part" open>
    <summary>SkyWalking</summary>
    <${Table} list=${facts.filter(([, v]) => v).map(([key, value]) => ({ key, value: String(value), type: 'string' }))} />
  </details>`;
}

function Origin({ p }) {
  const dropped = p.dropped && Object.entries(p.dropped).map(([what, n]) => `${n} ${what}`).join(', ');
  return html`<details class="part" open>
    <summary>Came by <small><${Protocol} name=${protocolOf(p.format)} /></small></summary>
    <table><tbody>
      <tr><th scope="row">format</th><td>${p.format} over ${p.transport}${p.bytes ? `, ${size(p.bytes)}` : ''}</td></tr>
      ${p.received && html`<tr><th scope="row">received</th><td>${day(p.received)} ${clock(p.received, 6)}</td></tr>`}
      ${dropped && html`<tr><th scope="row">dropped</th><td>${dropped}, by the sender</td></tr>`}
      ${p.local && html`<tr><th scope="row">local</th><td>${endpoint(p.local)}</td></tr>`}
      ${p.remote && html`<tr><th scope="row">remote</th><td>${endpoint(p.remote)}</td></tr>`}
    </tbody></table>
    ${p.raw && html`<details class="raw"><summary>as it came</summary><pre>${p.raw}</pre><${Copy} text=${p.raw} label="the report" /></details>`}
  </details>`;
}

const endpoint = (e) => [e.service, [e.ipv4, e.ipv6].filter(Boolean).join(' '), e.port && `port ${e.port}`].filter(Boolean).join(', ');
