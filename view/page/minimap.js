// SPDX-License-Identifier: Apache-2.0

import { html, useEffect, useLayoutEffect, useRef, useState } from './html.js';
import { lasted } from './time.js';

const height = 56;
const grip = 7; // px beside a handle that still catch it

/**
 * The whole trace on a canvas, and the time that the waterfall shows.
 * @param {{tree: import('./tree.js').Tree, range: [number, number], onRange: (r: [number, number]) => void}} props
 */
export function Minimap({ tree, range, onRange }) {
  const canvas = useRef(null);
  const box = useRef(null);
  const drag = useRef(null);
  const [width, setWidth] = useState(0);
  const [dark, setDark] = useState(() => matchMedia('(prefers-color-scheme: dark)').matches);
  const total = tree.total;

  useLayoutEffect(() => {
    const watch = new ResizeObserver(([entry]) => setWidth(Math.round(entry.contentRect.width)));
    watch.observe(box.current);
    const scheme = matchMedia('(prefers-color-scheme: dark)');
    const turned = () => setDark(scheme.matches);
    scheme.addEventListener('change', turned);
    return () => {
      watch.disconnect();
      scheme.removeEventListener('change', turned);
    };
  }, []);

  useEffect(() => draw(canvas.current, tree, width, dark), [tree, width, dark]);

  const nsAt = (event) => {
    const r = box.current.getBoundingClientRect();
    return (Math.min(Math.max((event.clientX - r.left) / r.width, 0), 1)) * total;
  };
  const whole = range[0] === 0 && range[1] === total;
  const down = (event) => {
    if (event.button) return;
    const at = nsAt(event);
    const near = (grip * total) / Math.max(width, 1);
    let mode = 'new';
    if (Math.abs(at - range[0]) < near && !whole) mode = 'from';
    else if (Math.abs(at - range[1]) < near && !whole) mode = 'to';
    else if (at > range[0] && at < range[1] && !whole) mode = 'move';
    drag.current = { mode, at, range };
    box.current.setPointerCapture(event.pointerId);
  };
  const move = (event) => {
    const d = drag.current;
    if (!d) return;
    const at = nsAt(event);
    const [from, to] = d.range;
    const least = total / 100000;
    if (d.mode === 'from') onRange([Math.min(at, to - least), to]);
    else if (d.mode === 'to') onRange([from, Math.max(at, from + least)]);
    else if (d.mode === 'move') {
      const by = Math.min(Math.max(at - d.at, -from), total - to);
      onRange([from + by, to + by]);
    } else if (Math.abs(at - d.at) > (3 * total) / Math.max(width, 1)) onRange([Math.min(at, d.at), Math.max(at, d.at)]);
  };
  const up = () => { drag.current = null; };
  const handle = (which) => {
    const value = range[which];
    const key = (event) => {
      const by = { ArrowLeft: -1, ArrowRight: 1, PageUp: 10, PageDown: -10 }[event.key];
      if (!by) return;
      event.preventDefault();
      event.stopPropagation();
      /** @type {[number, number]} */
      const next = [range[0], range[1]];
      next[which] = Math.min(Math.max(value + (by * total) / 100, which ? range[0] + total / 1000 : 0), which ? total : range[1] - total / 1000);
      onRange(next);
    };
    return html`<div class="handle" role="slider" tabindex="0" aria-label=${which ? 'End of the time shown' : 'Begin of the time shown'}
      aria-valuemin="0" aria-valuemax=${total} aria-valuenow=${Math.round(value)} aria-valuetext=${lasted(value)}
      style=${{ left: `${(100 * value) / total}%` }} onKeyDown=${key}></div>`;
  };
  return html`<div class="minimap" ref=${box} onPointerDown=${down} onPointerMove=${move} onPointerUp=${up} onPointerCancel=${up}
      onDblClick=${() => onRange([0, total])} title="Drag to choose a time, double-click for all">
    <canvas ref=${canvas} aria-hidden="true"></canvas>
    <div class="shade" style=${{ left: '0', width: `${(100 * range[0]) / total}%` }}></div>
    <div class="shade" style=${{ right: '0', width: `${100 - (100 * range[1]) / total}%` }}></div>
    ${handle(0)}${handle(1)}
  </div>`;
}

/** Draws every span as a line; failed ones last, so that they show. */
function draw(canvas, tree, width, dark) {
  if (!width) return;
  const scale = devicePixelRatio || 1;
  canvas.width = width * scale;
  canvas.height = height * scale;
  const c = canvas.getContext('2d');
  c.scale(scale, scale);
  const n = tree.rows.length;
  const line = Math.min(Math.max((height - 4) / n, 1), 6);
  const paint = (r) => {
    if (r.at === null) return;
    c.fillRect((r.at / tree.total) * width, 2 + ((height - 4 - line) * r.i) / Math.max(n - 1, 1), Math.max(((r.ns ?? 0) / tree.total) * width, 1), line);
  };
  const byHue = new Map();
  for (const r of tree.rows) {
    if (r.error) continue;
    if (!byHue.has(r.hue)) byHue.set(r.hue, []);
    byHue.get(r.hue).push(r);
  }
  for (const [hue, rows] of byHue) {
    c.fillStyle = `oklch(${dark ? 0.68 : 0.62} 0.11 ${hue})`;
    rows.forEach(paint);
  }
  c.fillStyle = dark ? '#ff6b63' : '#d3232f';
  tree.rows.forEach((r) => r.error && paint(r));
}
