// SPDX-License-Identifier: Apache-2.0

import { html, useEffect, useState } from './html.js';
import { names } from './api.js';
import { go, searchAddress } from './address.js';
import { microsText, parseMicros } from './time.js';

const ranges = [['', 'all that is held'], ['300000', 'last 5 minutes'], ['900000', 'last 15 minutes'], ['3600000', 'last hour'],
  ['21600000', 'last 6 hours'], ['86400000', 'last day']];
const limits = ['20', '50', '200', '1000'];

/** How many traces a search shows unless told otherwise. */
export const defaultLimit = '50';

/** The form of a search. @param {{search: Record<string, string>}} props */
export function Search({ search }) {
  const [service, setService] = useState(search.serviceName ?? '');
  const [known, setKnown] = useState({ services: [], names: [], remotes: [] });
  const look = (name) => names(name).then(setKnown, () => {});
  useEffect(() => {
    setService(search.serviceName ?? '');
    look(search.serviceName ?? '');
  }, [search.serviceName]);

  const submit = (event) => {
    event.preventDefault();
    const form = event.currentTarget;
    /** @type {Record<string, string>} */
    const next = {};
    for (const [name, value] of new FormData(form)) if (String(value).trim()) next[name] = String(value).trim();
    for (const name of ['minDuration', 'maxDuration']) {
      const field = form.elements[name];
      field.setCustomValidity('');
      if (!next[name]) continue;
      const us = parseMicros(next[name]);
      if (Number.isNaN(us)) {
        field.setCustomValidity('A duration like 20ms, 1.5s or 300µs');
        field.reportValidity();
        return;
      }
      next[name] = String(us);
    }
    if (next.maxDuration && !next.minDuration) next.minDuration = '1';
    if (next.limit === defaultLimit) delete next.limit;
    go(searchAddress(next));
  };
  const now = (event) => event.currentTarget.form.requestSubmit();
  const well = (event) => event.currentTarget.setCustomValidity('');
  const option = (chosen) => ([value, text]) => html`<option value=${value} selected=${value === (chosen ?? '')}>${text}</option>`;
  const limit = search.limit ?? defaultLimit;
  const someLimits = limits.includes(limit) ? limits : [...limits, limit];
  const duration = (name) => (search[name] ? microsText(search[name]) : '');

  return html`<form class="search" role="search" aria-label="Find traces" onSubmit=${submit} key=${JSON.stringify(search)}>
    <label class="wide">Service
      <input id="service" name="serviceName" list="services" autocomplete="off" spellcheck=${false} value=${service} placeholder="any"
        onInput=${(event) => setService(event.currentTarget.value)} onChange=${(event) => look(event.currentTarget.value)} />
    </label>
    <label class="wide">Span name
      <input name="spanName" list="names" autocomplete="off" spellcheck=${false} value=${search.spanName ?? ''} placeholder="any" />
    </label>
    <label class="widest">Tags and events
      <input name="annotationQuery" autocomplete="off" spellcheck=${false} value=${search.annotationQuery ?? ''}
        placeholder="error and http.status_code=500" />
    </label>
    <label>Longer than
      <input name="minDuration" autocomplete="off" value=${duration('minDuration')} placeholder="20ms" onInput=${well} />
    </label>
    <label>Shorter than
      <input name="maxDuration" autocomplete="off" value=${duration('maxDuration')} placeholder="2s" onInput=${well} />
    </label>
    <label>Time
      <select name="lookback" onChange=${now}>${ranges.map(option(search.lookback))}</select>
    </label>
    <label>Show
      <select name="limit" onChange=${now}>${someLimits.map((l) => option(limit)([l, l]))}</select>
    </label>
    <button type="submit" class="main">Find</button>
    <datalist id="services">${known.services.map((s) => html`<option value=${s} />`)}</datalist>
    <datalist id="names">${known.names.map((s) => html`<option value=${s} />`)}</datalist>
  </form>`;
}
