// SPDX-License-Identifier: Apache-2.0

import { html, useState } from './html.js';
import { identify } from './api.js';
import { go, traceAddress } from './address.js';

/** The box that opens a trace from any id or header that is pasted into it. */
export function PasteBox() {
  const [said, setSaid] = useState('');
  const open = async (text, form) => {
    if (!text.trim()) return;
    try {
      const { trace, found } = await identify(text);
      if (!found) {
        setSaid(`No trace ${trace} here`);
        return;
      }
      setSaid('');
      form.reset();
      form.elements.namedItem('id').blur();
      go(traceAddress(trace));
    } catch (err) {
      setSaid(err.message);
    }
  };
  const submit = (event) => {
    event.preventDefault();
    open(new FormData(event.currentTarget).get('id'), event.currentTarget);
  };
  const paste = (event) => {
    const text = event.clipboardData?.getData('text') ?? '';
    if (event.currentTarget.value === '') open(text, event.currentTarget.form);
  };
  return html`<form class="paste" role="search" aria-label="Open a trace" onSubmit=${submit}>
    <input id="paste" name="id" autocomplete="off" spellcheck=${false} aria-describedby="paste-said"
      placeholder="Paste a trace id or header: b3, traceparent, uber-trace-id, sw8" aria-label="Trace id or tracing header"
      onPaste=${paste} onInput=${() => setSaid('')} />
    <span id="paste-said" class="said" role="status">${said}</span>
  </form>`;
}
