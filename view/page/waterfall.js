// SPDX-License-Identifier: Apache-2.0

import { html, useLayoutEffect, useMemo, useRef, useState } from './html.js';
import { Protocol, protocolOf } from './badge.js';
import { marks, told } from './mark.js';
import { ticks } from './tree.js';
import { exactly, lasted } from './time.js';

/** The height of a row in px; style.css says the same. */
export const rowHeight = 24;
const spare = 8; // rows drawn above and below what shows
const step = 12; // px for a level of the tree
const deepest = 16; // levels that are indented

/**
 * The spans of a trace, a row each. Only rows that show are in the document.
 * @param {{tree: import('./tree.js').Tree, shown: number[], folded: Set<number>, selected: number, range: [number, number],
 *   found: Set<string> | null, onSelect: (i: number, open: boolean) => void, onFold: (i: number) => void}} props
 */
export function Waterfall({ tree, shown, folded, selected, range, found, onSelect, onFold }) {
  const box = useRef(null);
  const outer = useRef(null);
  const [view, setView] = useState({ top: 0, height: 600 });

  useLayoutEffect(() => {
    const el = box.current;
    const look = () => setView({ top: el.scrollTop, height: el.clientHeight });
    const watch = new ResizeObserver(look);
    watch.observe(el);
    el.addEventListener('scroll', look, { passive: true });
    return () => {
      watch.disconnect();
      el.removeEventListener('scroll', look);
    };
  }, []);

  const place = useMemo(() => new Map(shown.map((i, at) => [i, at])), [shown]);
  // The chosen row comes into sight, with a row of distance to the edge.
  useLayoutEffect(() => {
    const at = place.get(selected);
    if (at === undefined) return;
    const el = box.current;
    const y = at * rowHeight;
    if (y < el.scrollTop + rowHeight) el.scrollTop = y - rowHeight;
    else if (y + 2 * rowHeight > el.scrollTop + el.clientHeight) el.scrollTop = y + 2 * rowHeight - el.clientHeight;
  }, [selected, place]);

  const first = Math.max(Math.floor(view.top / rowHeight) - spare, 0);
  const last = Math.min(Math.ceil((view.top + view.height) / rowHeight) + spare, shown.length);
  const click = (event) => {
    const row = event.target.closest('[data-row]');
    if (!row) return;
    const i = Number(row.dataset.row);
    if (event.target.closest('.fold')) onFold(i);
    else onSelect(i, true);
  };
  const lines = useMemo(() => axisTicks(range), [range]);
  const active = place.has(selected) ? `row-${selected}` : undefined;
  return html`<div class="waterfall" ref=${outer}>
    <${Axis} range=${range} lines=${lines} outer=${outer} />
    <div class="rows" ref=${box} role="tree" tabindex="0" aria-label="Spans" aria-activedescendant=${active} onClick=${click}>
      <div class="canvas" style=${{ height: `${shown.length * rowHeight}px` }}>
        <div class="grid" aria-hidden="true">${lines.map(([left]) => html`<i style=${{ left }}></i>`)}</div>
        ${shown.slice(first, last).map((i, k) => html`<${Row} key=${i} r=${tree.rows[i]} y=${(first + k) * rowHeight} folded=${folded.has(i)}
          selected=${i === selected} range=${range} faded=${found !== null && !found.has(tree.rows[i].id)} hit=${found !== null && found.has(tree.rows[i].id)} />`)}
      </div>
    </div>
  </div>`;
}

/** Where the lines of the axis are, and what they say. */
function axisTicks([from, to]) {
  return ticks(from, to - (to - from) / 14, 5).map((t) => [`${(100 * (t - from)) / (to - from)}%`, lasted(t)]);
}

function Axis({ lines, outer }) {
  return html`<div class="axis">
    <span class="label">Service and span</span>
    <${Splitter} outer=${outer} />
    <span class="lane">${lines.map(([left, text]) => html`<span style=${{ left }}>${text}</span>`)}</span>
  </div>`;
}

/** The border between names and bars, to be dragged or moved by keys. */
function Splitter({ outer }) {
  const [percent, setPercent] = useState(0); // 0: as the style says
  const put = (value) => {
    const p = Math.min(Math.max(Math.round(value), 15), 80);
    outer.current.style.setProperty('--label', `${p}%`);
    setPercent(p);
  };
  const move = (event) => {
    if (!event.currentTarget.hasPointerCapture(event.pointerId)) return;
    const r = outer.current.getBoundingClientRect();
    put((100 * (event.clientX - r.left)) / r.width);
  };
  const key = (event) => {
    const by = { ArrowLeft: -2, ArrowRight: 2 }[event.key];
    if (!by) return;
    event.preventDefault();
    put((percent || 42) + by);
  };
  return html`<div class="splitter" role="separator" tabindex="0" aria-orientation="vertical" aria-label="Width of the names"
    aria-valuemin="15" aria-valuemax="80" aria-valuenow=${percent || 42} onKeyDown=${key}
    onPointerDown=${(event) => event.currentTarget.setPointerCapture(event.pointerId)} onPointerMove=${move}></div>`;
}

const kinds = { server: 'S', client: 'C', producer: 'P', consumer: 'Q', internal: '·' };

function Row({ r, y, folded, selected, range, faded, hit }) {
  const failed = r.error ? ' failed' : '';
  const indent = step * Math.min(r.depth, deepest);
  const label = [`${r.service || 'no service'} ${r.name || 'no name'}`, r.kind, r.ns !== null && lasted(r.ns), r.error && 'failed', ...(r.marks ?? [])]
    .filter(Boolean).join(', ');
  return html`<div class=${'row' + failed + (selected ? ' selected' : '') + (faded ? ' faded' : '') + (hit ? ' hit' : '')}
      id=${`row-${r.i}`} data-row=${r.i} role="treeitem" aria-label=${label} aria-level=${r.depth + 1} aria-selected=${selected}
      aria-expanded=${r.below ? !folded : undefined} style=${{ transform: `translateY(${y}px)`, '--h': String(r.hue) }}>
    <div class="label" aria-hidden="true">
      <span class="indent" style=${{ width: `${indent}px` }}>${r.depth > deepest ? html`<small>${r.depth}</small>` : ''}</span>
      ${r.below ? html`<span class="fold" title=${folded ? 'Unfold' : 'Fold'}>${folded ? `▸${r.below}` : '▾'}</span>` : html`<span class="leaf"></span>`}
      <i class="dot"></i>
      <span class="text" title=${label}><b>${r.service || '(no service)'}</b> ${r.name || html`<em>(no name)</em>`}</span>
      ${r.error ? html`<span class="error" title="failed">!</span>` : ''}
      ${r.marks ? html`<span class="marks" title=${told(r.marks)}>${r.marks.map((m) => html`<span class=${'mark ' + m}>${marks[m]?.sign ?? m}</span>`)}</span>` : ''}
      <span class="kind" title=${r.kind ?? 'no kind'}>${kinds[r.kind] ?? ''}</span>
      <${Protocol} name=${protocolOf(r.format)} title=${`${r.format} by ${r.transport}`} />
    </div>
    <${Lane} r=${r} range=${range} />
  </div>`;
}

/** The bar of a span with its duration beside it, inside where there is no room. */
function Lane({ r, range: [from, to] }) {
  if (r.at === null) return html`<div class="lane" aria-hidden="true"><span class="took" style=${{ left: '4px' }}>no start${r.ns === null ? '' : ', ' + lasted(r.ns)}</span></div>`;
  const begin = (100 * (r.at - from)) / (to - from);
  const end = begin + (100 * (r.ns ?? 0)) / (to - from);
  if (end < 0) return html`<div class="lane" aria-hidden="true"><span class="off left" title="earlier">‹</span></div>`;
  if (begin > 100) return html`<div class="lane" aria-hidden="true"><span class="off right" title="later">›</span></div>`;
  const a = Math.max(begin, 0);
  const b = Math.min(end, 100);
  const took = r.ns === null ? 'no duration' : lasted(r.ns);
  const where = b < 84 ? { left: `calc(${b}% + 5px)` } : a > 16 ? { right: `calc(${100 - a}% + 4px)` } : { right: `calc(${100 - b}% + 5px)` };
  const inside = b >= 84 && a <= 16;
  return html`<div class="lane" aria-hidden="true">
    <i class=${'bar' + (begin < 0 ? ' cut-left' : '') + (end > 100 ? ' cut-right' : '') + (r.ns === null ? ' open' : '')}
      style=${{ left: `${a}%`, width: `${Math.max(b - a, 0)}%` }}></i>
    <span class=${'took' + (inside ? ' inside' : '')} style=${where} title=${`${r.ns === null ? took : exactly(r.ns)}, from ${exactly(r.at)}`}>${took}</span>
  </div>`;
}
