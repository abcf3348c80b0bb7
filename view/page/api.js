// SPDX-License-Identifier: Apache-2.0

// The questions to the gateway. What the answers hold is written in doc.go.

/**
 * @typedef {{name: string, spans: number, errors?: number}} Share
 * @typedef {{trace: string, service?: string, name?: string, start?: string, duration?: string, spans: number,
 *   errors?: number, cut?: number, services: Share[], protocols: Share[]}} Summary
 * @typedef {{id: string, up: number, depth?: number, below?: number, parent?: string, service?: string, instance?: string,
 *   name?: string, kind?: string, remote?: string, start?: string, duration?: string, error?: boolean, format: string,
 *   transport: string, marks?: string[], reports?: number, twin?: number}} RowAnswer
 * @typedef {Summary & {ids: string[], traceName?: string, rows: RowAnswer[], left?: number}} TraceAnswer
 * @typedef {{key: string, value: string, type: string, mirrored?: boolean}} Tag
 * @typedef {{protocol: string, network: string, address: string, about: string}} Port
 * @typedef {{version: string, traces: number, spans: number, bytes: number, memory: number, taken: number, gone: number,
 *   ports: Port[], account?: string}} Status
 */

/** An answer that says no, with its status. */
export class Refusal extends Error {
  constructor(status, text) {
    super(text);
    this.status = status;
  }
}

/**
 * @param {string} path below view/
 * @param {Record<string, string>} [params]
 * @param {AbortSignal} [signal]
 */
async function ask(path, params, signal) {
  const query = new URLSearchParams(params).toString();
  let answer;
  try {
    answer = await fetch(`view/${path}${query && '?' + query}`, { signal });
  } catch (err) {
    if (err.name === 'AbortError') throw err;
    throw new Refusal(0, 'The gateway does not answer.');
  }
  if (!answer.ok) throw new Refusal(answer.status, await answer.text());
  return answer.json();
}

/** @returns {Promise<Status>} */
export const status = (signal) => ask('status', {}, signal);

/** @returns {Promise<{services: string[], names: string[], remotes: string[]}>} */
export const names = (service, signal) => ask('names', { service }, signal);

/** @returns {Promise<{trace: string, found: boolean}>} */
export const identify = (text) => ask('identify', { text });

/** @returns {Promise<{traces: Summary[], more?: boolean}>} */
export const traces = (params, signal) => ask('traces', params, signal);

/** @returns {Promise<TraceAnswer>} */
export const trace = (id, signal) => ask(`trace/${encodeURIComponent(id)}`, {}, signal);

/** The spans of a trace in which a text stands anywhere. @returns {Promise<{ids: string[]}>} */
export const matches = (id, text, signal) => ask(`trace/${encodeURIComponent(id)}/match`, { text }, signal);

/** @returns {Promise<{reports: object[], more: number}>} */
export const span = (id, spanID, signal) => ask(`trace/${encodeURIComponent(id)}/span/${spanID}`, {}, signal);
