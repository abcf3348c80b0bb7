// SPDX-License-Identifier: Apache-2.0

import { html, useCallback, useEffect, useRef, useState } from './html.js';
import * as api from './api.js';
import { Empty } from './ports.js';
import { Results } from './results.js';
import { Search, defaultLimit } from './search.js';
import { useKeys } from './keys.js';
import { count, counted, zone } from './time.js';

const everyMs = { empty: 1500, list: 4000 };

/** The page of a search. @param {{search: Record<string, string>, onHelp: () => void, onStatus: (s: api.Status) => void}} props */
export function Find({ search, onHelp, onStatus }) {
  const [answer, setAnswer] = useState(null);
  const [fault, setFault] = useState('');
  const [status, setStatus] = useState(null);
  const taken = useRef(0); // when the list was asked for
  const asked = JSON.stringify(search);

  const load = useCallback(async (signal) => {
    try {
      const s = await api.status(signal);
      const found = await api.traces({ limit: defaultLimit, ...search }, signal);
      taken.current = s.taken;
      setStatus(s);
      onStatus(s);
      setAnswer(found);
      setFault('');
    } catch (err) {
      if (err.name !== 'AbortError') setFault(err.message);
    }
  }, [asked]);

  useEffect(() => {
    document.title = search.serviceName ? `${search.serviceName} – bridge` : 'bridge';
    const stop = new AbortController();
    load(stop.signal);
    return () => stop.abort();
  }, [load]);

  // The list is loaded again by itself as long as it is empty; later only a
  // button says that there is more, since a list that moves cannot be read.
  const empty = status !== null && status.taken === 0;
  useEffect(() => {
    if (!status) return;
    const stop = new AbortController();
    const timer = setInterval(async () => {
      if (document.hidden) return;
      try {
        const s = await api.status(stop.signal);
        onStatus(s);
        if (s.taken !== taken.current && answer?.traces.length === 0) load(stop.signal);
        else setStatus(s);
        setFault('');
      } catch (err) {
        if (err.name !== 'AbortError') setFault(err.message);
      }
    }, empty ? everyMs.empty : everyMs.list);
    return () => {
      stop.abort();
      clearInterval(timer);
    };
  }, [status === null, empty, answer, load]);

  const links = () => /** @type {HTMLAnchorElement[]} */ ([...document.querySelectorAll('a.result')]);
  const step = (by) => () => {
    const list = links();
    const at = list.findIndex((a) => a === document.activeElement);
    list[Math.min(Math.max(at < 0 ? (by > 0 ? 0 : list.length - 1) : at + by, 0), list.length - 1)]?.focus();
  };
  useKeys({
    j: step(1), ArrowDown: step(1), k: step(-1), ArrowUp: step(-1), '?': onHelp, r: () => load(),
    '/': () => document.getElementById('service')?.focus(), p: () => document.getElementById('paste')?.focus(),
  });

  if (empty) return html`<main>${fault && html`<p class="fault" role="alert">${fault}</p>`}<${Empty} ports=${status.ports} /></main>`;
  const news = status && status.taken !== taken.current;
  const traces = answer?.traces ?? [];
  return html`<main class="find">
    <h1 class="unseen">Traces</h1>
    <${Search} search=${search} />
    <div class="said-line">
      <span role="status">${fault ? '' : answer && (traces.length ? `${counted(traces.length, 'trace')}${answer.more ? ', there are more' : ''}, newest first` : '')}</span>
      ${fault && html`<span class="fault" role="alert">${fault}</span>`}
      <button type="button" class=${'fresh' + (news ? '' : ' unseen')} onClick=${() => load()} title="Load the list again (r)">New spans have come: refresh</button>
      <span class="zone" title="The zone of all times here">${zone()}</span>
    </div>
    ${answer && (traces.length
      ? html`<${Results} traces=${traces} />`
      : html`<p class="none">None of the ${count(status?.traces ?? 0)} traces held here is like that.
          ${search.lookback ? ' Try a longer time.' : ''}</p>`)}
  </main>`;
}
