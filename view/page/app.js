// SPDX-License-Identifier: Apache-2.0

import { html, render, useEffect, useState } from './html.js';
import * as api from './api.js';
import { follow, onChange, read } from './address.js';
import { Find } from './find.js';
import { Help } from './help.js';
import { PasteBox } from './pastebox.js';
import { TracePage } from './trace.js';
import { count, size } from './time.js';

function App() {
  const [address, setAddress] = useState(read);
  const [help, setHelp] = useState(false);
  const [status, setStatus] = useState(null);
  useEffect(() => onChange(() => {
    const next = read();
    setAddress((now) => (JSON.stringify(next) === JSON.stringify(now) ? now : next));
  }), []);
  useEffect(() => {
    if (address.trace) api.status().then(setStatus, () => {});
  }, [address.trace]);
  return html`
    <header class="top">
      <a class="brand" href="./" onClick=${follow} title="All traces">bridge</a>
      <${PasteBox} />
      <${Held} status=${status} />
      <button type="button" class="ask" onClick=${() => setHelp(true)} title="Keys and signs (?)" aria-label="Keys and signs">?</button>
    </header>
    ${address.trace
      ? html`<${TracePage} key=${address.trace} id=${address.trace} span=${address.span} onHelp=${() => setHelp(true)} />`
      : html`<${Find} search=${address.search} onHelp=${() => setHelp(true)} onStatus=${setStatus} />`}
    ${help && html`<${Help} onClose=${() => setHelp(false)} />`}`;
}

/** What is held of what came. */
function Held({ status }) {
  if (!status) return html`<span class="held"></span>`;
  const full = Math.min(status.bytes / status.memory, 1);
  return html`<span class="held" title=${`${count(status.traces)} traces, ${count(status.spans)} spans in ${size(status.bytes)} of ${size(status.memory)};\n` +
      `${count(status.gone)} of ${count(status.taken)} spans were let go to make room.\nbridge ${status.version}`}>
    <span>${count(status.spans)} spans</span>
    <meter value=${full} aria-label="memory in use">${Math.round(100 * full)} %</meter>
    ${status.account && html`<a href=${status.account} title="What became of every span, by protocol and target">status</a>`}
  </span>`;
}

render(html`<${App} />`, document.getElementById('app'));
