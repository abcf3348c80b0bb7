// SPDX-License-Identifier: Apache-2.0

// The address of the page says what is shown: ?trace=ID#SPAN a trace, otherwise
// a search by the parameters of Zipkin's API. All of it can be sent to others.

/** The parameters of a search, in the order of the form. */
export const searchNames = ['serviceName', 'spanName', 'annotationQuery', 'minDuration', 'maxDuration', 'lookback', 'limit'];

/** @typedef {{trace: string, span: string, search: Record<string, string>}} Address */

/** @returns {Address} */
export function read() {
  const params = new URLSearchParams(location.search);
  /** @type {Record<string, string>} */
  const search = {};
  for (const name of searchNames) {
    const value = params.get(name);
    if (value) search[name] = value;
  }
  return { trace: params.get('trace') ?? '', span: decodeURIComponent(location.hash.slice(1)), search };
}

const listeners = new Set();

/** Calls f whenever the address has changed. Gives what ends that. */
export function onChange(f) {
  listeners.add(f);
  window.addEventListener('popstate', f);
  return () => {
    listeners.delete(f);
    window.removeEventListener('popstate', f);
  };
}

/** The address of a search. @param {Record<string, string>} search */
export function searchAddress(search) {
  const params = new URLSearchParams();
  for (const name of searchNames) if (search[name]) params.set(name, search[name]);
  const query = params.toString();
  return query ? '?' + query : './';
}

/** The address of a trace. */
export const traceAddress = (id) => '?trace=' + encodeURIComponent(id);

/** Goes to another address of the page. */
export function go(address) {
  history.pushState(null, '', address);
  listeners.forEach((f) => f());
}

/** Notes the chosen span in the address, without a step in the history. */
export function choose(span) {
  const hash = span ? '#' + span : '';
  if (location.hash !== hash) history.replaceState(history.state, '', location.pathname + location.search + hash);
}

/** Follows a link inside the page, unless another window was asked for. */
export function follow(event) {
  if (event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  go(event.currentTarget.getAttribute('href'));
}
