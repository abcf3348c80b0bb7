// SPDX-License-Identifier: Apache-2.0

import { html, useEffect, useState } from './html.js';

// Pages that did not come over https or from this machine have no clipboard.
async function copy(text) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const area = document.createElement('textarea');
  area.value = text;
  area.className = 'unseen';
  document.body.append(area);
  area.select();
  document.execCommand('copy');
  area.remove();
}

/** A button that copies a text. */
export function Copy({ text, label }) {
  const [done, setDone] = useState(false);
  useEffect(() => {
    if (!done) return;
    const timer = setTimeout(() => setDone(false), 1200);
    return () => clearTimeout(timer);
  }, [done]);
  const click = async () => {
    await copy(text);
    setDone(true);
  };
  return html`<button type="button" class="copy" onClick=${click} title=${'Copy ' + label} aria-label=${'Copy ' + label}>
    <svg viewBox="0 0 16 16" aria-hidden="true">${done ? html`<path d="M3 8.5 6.5 12 13 4.5" />` : html`<path d="M6 5h8v9H6zM10 5V2H2v9h4" />`}</svg></button>`;
}
