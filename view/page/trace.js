// SPDX-License-Identifier: Apache-2.0

import { html, useCallback, useEffect, useMemo, useRef, useState } from './html.js';
import * as api from './api.js';
import { choose, follow, go } from './address.js';
import { Copy } from './copy.js';
import { Details } from './details.js';
import { Minimap } from './minimap.js';
import { Protocol, Service } from './badge.js';
import { Tree } from './tree.js';
import { Waterfall } from './waterfall.js';
import { marks, troubles } from './mark.js';
import { useKeys } from './keys.js';
import { count, counted, day, exactly, lasted, when, zone } from './time.js';

/** Loads a trace and shows it. @param {{id: string, span: string, onHelp: () => void}} props */
export function TracePage({ id, span, onHelp }) {
  const [tree, setTree] = useState(null);
  const [fault, setFault] = useState(null);
  const [slow, setSlow] = useState(false);
  const load = useCallback(async (signal) => {
    try {
      setTree(new Tree(await api.trace(id, signal)));
      setFault(null);
    } catch (err) {
      if (err.name !== 'AbortError') setFault(err);
    }
  }, [id]);
  useEffect(() => {
    const stop = new AbortController();
    const timer = setTimeout(() => setSlow(true), 300);
    load(stop.signal);
    return () => {
      stop.abort();
      clearTimeout(timer);
    };
  }, [load]);
  useEffect(() => {
    document.title = tree ? `${tree.answer.service ?? ''} ${tree.answer.name ?? tree.answer.trace} – bridge` : 'bridge';
  }, [tree]);
  useKeys(tree ? {} : { '?': onHelp, Escape: () => go('./'), p: () => document.getElementById('paste')?.focus() });
  if (!tree) {
    return html`<main class="none">
      ${fault
        ? html`<h1>${fault.status === 404 ? 'This trace is not here' : 'No trace'}</h1>
          <p role="alert">${fault.message}</p>
          ${fault.status === 404 && html`<p>It was never sent here, is still on its way, or was let go to make room for newer ones.</p>`}
          <p><button type="button" class="main" onClick=${() => load()}>Look again</button> <a href="./" onClick=${follow}>All traces</a></p>`
        : slow && html`<p role="status">Loading the trace</p>`}
    </main>`;
  }
  return html`<${TraceView} tree=${tree} span=${span} onHelp=${onHelp} onReload=${() => load()} />`;
}

/** @param {{tree: Tree, span: string, onHelp: () => void, onReload: () => void}} props */
function TraceView({ tree, span, onHelp, onReload }) {
  const named = tree.find(span);
  const [folded, setFolded] = useState(() => new Set());
  const [selected, setSelected] = useState(named);
  const [open, setOpen] = useState(named >= 0);
  const [range, setRange] = useState([0, tree.total]);
  const [found, setFound] = useState(null);
  const search = useRef(null);

  // A trace that was loaded again may have other rows: what was chosen is found
  // by its name.
  const shownTree = useRef(tree);
  useEffect(() => {
    if (shownTree.current === tree) return;
    const before = shownTree.current;
    shownTree.current = tree;
    setSelected((i) => tree.find(before.nameOf(i)));
    setFolded((set) => new Set([...set].map((i) => tree.find(before.nameOf(i))).filter((i) => i >= 0)));
    setRange([0, tree.total]);
  }, [tree]);
  useEffect(() => {
    if (named >= 0 && named !== selected) select(named, true);
  }, [span]);

  const shown = useMemo(() => tree.visible(folded), [tree, folded]);
  const select = (i, openIt) => {
    if (i < 0 || i >= tree.rows.length) return;
    setFolded((set) => tree.revealed(set, i));
    setSelected(i);
    if (openIt) setOpen(true);
    choose(tree.nameOf(i));
  };
  const fold = (i) => setFolded((set) => {
    const next = new Set(set);
    if (!next.delete(i)) next.add(i);
    return next;
  });
  const close = () => {
    setOpen(false);
    choose('');
  };
  const look = (text) => {
    if (!text.trim()) {
      setFound(null);
      return undefined;
    }
    return api.matches(tree.answer.trace, text).then(({ ids }) => {
      const set = new Set(ids);
      setFound(set);
      const hit = tree.next(selected - 1, 1, (r) => set.has(r.id));
      if (hit >= 0) select(hit);
    }, () => setFound(new Set()));
  };

  const step = (by) => () => {
    const at = shown.indexOf(selected);
    select(shown[at < 0 ? (by > 0 ? 0 : shown.length - 1) : Math.min(Math.max(at + by, 0), shown.length - 1)]);
  };
  const right = () => {
    const r = tree.rows[selected];
    if (!r?.below) return;
    if (folded.has(selected)) fold(selected);
    else select(selected + 1);
  };
  const left = () => {
    const r = tree.rows[selected];
    if (r?.below && !folded.has(selected)) fold(selected);
    else if (r?.up >= 0) select(r.up);
  };
  const jump = (test, by = 1) => () => {
    const i = tree.next(selected, by, test);
    if (i >= 0) select(i);
  };
  const zoom = (by) => () => {
    const r = tree.rows[selected];
    const middle = r && r.at !== null && by < 1 ? r.at + (r.ns ?? 0) / 2 : (range[0] + range[1]) / 2;
    const half = Math.min(Math.max(((range[1] - range[0]) * by) / 2, tree.total / 1e5), tree.total / 2);
    const from = Math.min(Math.max(middle - half, 0), tree.total - 2 * half);
    setRange([from, from + 2 * half]);
  };
  const pan = (by) => () => {
    const d = Math.min(Math.max((range[1] - range[0]) * by, -range[0]), tree.total - range[1]);
    setRange([range[0] + d, range[1] + d]);
  };
  const foldAll = () => setFolded((set) => (set.size ? new Set() : new Set(tree.rows.filter((r) => r.below && r.depth > 0).map((r) => r.i))));
  const inFound = (r) => found?.has(r.id);
  useKeys({
    j: step(1), ArrowDown: step(1), k: step(-1), ArrowUp: step(-1), PageDown: step(20), PageUp: step(-20),
    l: right, ArrowRight: right, h: left, ArrowLeft: left, Enter: () => selected >= 0 && setOpen(true),
    g: () => select(0), G: () => select(shown[shown.length - 1]), Home: () => select(0), End: () => select(shown[shown.length - 1]),
    f: foldAll, e: jump((r) => r.error), E: jump((r) => r.error, -1), n: jump(inFound), N: jump(inFound, -1),
    '+': zoom(0.5), '=': zoom(0.5), '-': zoom(2), 0: () => setRange([0, tree.total]), '[': pan(-0.5), ']': pan(0.5),
    '/': () => search.current?.focus(), p: () => document.getElementById('paste')?.focus(), '?': onHelp, r: onReload,
    Escape: () => (open ? close() : found ? setFound(null) : go('./')),
  });

  return html`<main class=${'trace' + (open && selected >= 0 ? ' with-details' : '')}>
    <${Head} tree=${tree} onReload=${onReload} onJump=${(test) => jump(test)()} />
    <div class="tools">
      <${SearchInside} field=${search} found=${found} onLook=${look} total=${tree.rows.length} />
      <button type="button" onClick=${foldAll} title="f">${folded.size ? 'Unfold all' : 'Fold all'}</button>
      <button type="button" onClick=${() => setRange([0, tree.total])} disabled=${range[0] === 0 && range[1] === tree.total} title="0">All of the time</button>
      <span class="range">${lasted(range[0])} – ${lasted(range[1])}</span>
    </div>
    <${Minimap} tree=${tree} range=${range} onRange=${setRange} />
    <${Waterfall} tree=${tree} shown=${shown} folded=${folded} selected=${selected} range=${range} found=${found} onSelect=${select} onFold=${fold} />
    ${open && selected >= 0 && html`<${Details} tree=${tree} i=${selected} onClose=${close} onSelect=${(i) => select(i, true)} />`}
  </main>`;
}

/** What the trace is, and what is wrong with it. */
function Head({ tree, onReload, onJump }) {
  const a = tree.answer;
  const notes = troubles
    .map((m) => [m, tree.rows.reduce((n, r) => n + (r.marks?.includes(m) ? 1 : 0), 0)])
    .filter(([, n]) => n);
  const roots = tree.rows.filter((r) => r.up < 0).length;
  const traceName = a.traceName && a.traceName.replaceAll('-', '').toLowerCase() !== a.trace ? a.traceName : '';
  const file = `api/v2/trace/${a.trace}`;
  return html`<header class="trace-head">
    <div class="title-line">
      <a class="back" href="./" onClick=${follow} title="All traces (Esc)" aria-label="All traces">‹</a>
      <h1><b>${a.service || '(no service)'}</b> ${a.name || '(no name)'}</h1>
      <span class="id"><code title="trace id">${a.trace}</code><${Copy} text=${a.trace} label="the trace id" /></span>
    </div>
    <div class="facts">
      <b title=${exactly(Number(a.duration ?? 0))}>${lasted(Number(a.duration ?? 0))}</b>
      ${a.start && html`<span title=${zone()}>${day(a.start)} ${when(a.start, 6).split(' ').pop()}</span>`}
      <span>${counted(a.spans, 'span')}</span>
      ${a.errors ? html`<button type="button" class="errors" onClick=${() => onJump((r) => r.error)} title="Next error (e)">${counted(a.errors, 'error')}</button>` : ''}
      ${a.protocols.map((p) => html`<${Protocol} ...${p} title=${`${counted(p.spans, 'span')} by ${p.name}`} />`)}
      <span class="downloads">
        <button type="button" class="link" onClick=${onReload} title="Load again (r)">reload</button>
        <a href=${file} download=${`trace-${a.trace}.json`} title="Zipkin v2 JSON with the ids on the wire">JSON</a>
        <a href=${file + '?ids=unique'} download=${`trace-${a.trace}-unique.json`} title="Zipkin v2 JSON, every span with an id of its own">JSON, unique ids</a>
      </span>
    </div>
    <div class="services">${a.services.slice(0, 16).map((s) => html`<${Service} ...${s} hue=${tree.hues.get(s.name)} />`)}
      ${a.services.length > 16 && html`<span class="rest">and ${a.services.length - 16} more</span>`}</div>
    ${(a.cut || a.left || traceName || roots > 1 || notes.length || a.ids.length > 1) ? html`<div class="notes">
      ${a.cut ? html`<span class="cut">Cut: ${counted(a.cut, 'span')} let go to make room</span>` : ''}
      ${a.left ? html`<span class="cut">${count(a.left)} more spans are not shown</span>` : ''}
      ${roots > 1 ? html`<button type="button" onClick=${() => onJump((r) => r.up < 0)} title="Next root">${roots} roots</button>` : ''}
      ${notes.map(([m, n]) => html`<button type="button" onClick=${() => onJump((r) => r.marks?.includes(m))} title=${marks[m].text}>
        <span class=${'mark ' + m}>${marks[m].sign}</span> ${counted(n, 'span')} ${marks[m].note}</button>`)}
      ${traceName ? html`<span>SkyWalking: <code>${traceName}</code></span>` : ''}
    </div>` : ''}
  </header>`;
}

/** The search inside the trace: tags and events too, so the gateway looks. */
function SearchInside({ field, found, onLook, total }) {
  const timer = useRef(0);
  const type = (event) => {
    const text = event.currentTarget.value;
    clearTimeout(timer.current);
    timer.current = setTimeout(() => onLook(text), 180);
  };
  useEffect(() => {
    if (found === null && field.current && document.activeElement !== field.current) field.current.value = '';
  }, [found]);
  const submit = (event) => {
    event.preventDefault();
    clearTimeout(timer.current);
    onLook(field.current.value);
    field.current.blur();
  };
  return html`<form class="inside" role="search" aria-label="Search in this trace" onSubmit=${submit}>
    <input ref=${field} type="search" autocomplete="off" spellcheck=${false} placeholder="Search in this trace ( / )" aria-label="Search in this trace" onInput=${type} />
    <span class="said" role="status">${found ? `${count(found.size)} of ${count(total)}` : ''}</span>
  </form>`;
}
