// SPDX-License-Identifier: Apache-2.0

import { html } from './html.js';
import { Copy } from './copy.js';
import { Protocol } from './badge.js';

const ways = { udp: 'UDP', http: 'HTTP', grpc: 'gRPC', 'http+grpc': 'HTTP, gRPC' };

/** Where to send spans. @param {{ports: import('./api.js').Port[]}} props */
export function Ports({ ports }) {
  return html`<table class="ports">
    <caption class="unseen">Where spans are taken</caption>
    <thead><tr><th scope="col">Protocol</th><th scope="col">Address</th><th scope="col">By</th><th scope="col">For</th></tr></thead>
    <tbody>${ports.map((p) => html`<tr>
      <td><${Protocol} name=${p.protocol} /></td>
      <td><code>${p.address}</code></td>
      <td>${ways[p.network] ?? p.network}</td>
      <td>${p.about}</td>
    </tr>`)}</tbody>
  </table>`;
}

/** What stands there as long as no span has come. */
export function Empty({ ports }) {
  const first = `curl ${location.origin}${location.pathname}api/v2/spans -H 'content-type: application/json' -d '[{` +
    `"traceId":"463ac35c9f6413ad48485a3953bb6124","id":"a2fb4a1d1a96d312","kind":"SERVER","name":"get /hello",` +
    `"timestamp":'$(date +%s)000000',"duration":1500,"localEndpoint":{"serviceName":"hello"}}]'`;
  return html`<section class="empty" aria-labelledby="empty-title">
    <h1 id="empty-title">No spans yet</h1>
    <p>Point a tracer of any of these kinds here. What it sends shows up by itself.</p>
    <${Ports} ports=${ports} />
    <p>Or send a first span by hand:</p>
    <pre><code>${first}</code><${Copy} text=${first} label="the command" /></pre>
    <p class="waiting" role="status"><i></i>Waiting for the first span</p>
  </section>`;
}
