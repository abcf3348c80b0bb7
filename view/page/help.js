// SPDX-License-Identifier: Apache-2.0

import { html, useEffect, useRef } from './html.js';
import { marks } from './mark.js';

/** @type {[string, [string, string][]][]} */
const sheets = [
  ['Everywhere', [['p', 'go to the paste box'], ['/', 'go to the search'], ['?', 'this sheet'], ['Esc', 'leave a field, close, go back']]],
  ['List of traces', [['j k ↓ ↑', 'next, previous'], ['Enter', 'open'], ['r', 'load again']]],
  ['Trace', [['j k ↓ ↑', 'next, previous span'], ['→ ←', 'unfold or first child, fold or parent'], ['Enter', 'details'], ['g G', 'first, last span'],
    ['f', 'fold all, unfold all'], ['e', 'next error'], ['n N', 'next, previous match'], ['+ − 0', 'zoom in, out, all'], ['[ ]', 'earlier, later']]],
];

/** The sheet with the keys and the signs. */
export function Help({ onClose }) {
  const dialog = useRef(null);
  useEffect(() => dialog.current.showModal(), []);
  const letters = 'S server, C client, P producer, Q consumer, · internal';
  return html`<dialog class="help" ref=${dialog} onClose=${onClose} aria-labelledby="help-title"
      onClick=${(event) => event.target === dialog.current && dialog.current.close()}>
    <h2 id="help-title">Keys and signs</h2>
    <div class="sheets">
      ${sheets.map(([title, keys]) => html`<section><h3>${title}</h3><dl>
        ${keys.map(([key, text]) => html`<div><dt>${key.split(' ').map((k) => html`<kbd>${k}</kbd>`)}</dt><dd>${text}</dd></div>`)}
      </dl></section>`)}
      <section class="signs"><h3>Signs beside spans</h3><p>Kinds: ${letters}</p><dl>
        ${Object.entries(marks).map(([name, m]) => html`<div><dt><span class=${'mark ' + name}>${m.sign}</span></dt><dd>${m.text}</dd></div>`)}
      </dl></section>
    </div>
    <form method="dialog"><button class="main">Close</button></form>
  </dialog>`;
}
