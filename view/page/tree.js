// SPDX-License-Identifier: Apache-2.0

import { huesOf } from './colour.js';

/**
 * A row of the waterfall.
 * @typedef {import('./api.js').RowAnswer & {i: number, at: number | null, ns: number | null, hue: number}} Row
 *   at: ns after the trace began, ns: its duration; null when not known
 */

/** A trace with its times as numbers. */
export class Tree {
  /** @param {import('./api.js').TraceAnswer} answer */
  constructor(answer) {
    const begin = BigInt(answer.start ?? 0);
    const hues = huesOf(answer.services.map((s) => s.name));
    this.answer = answer;
    this.hues = hues;
    /** @type {Row[]} */
    this.rows = /** @type {any} */ (answer.rows);
    this.first = new Map();
    this.total = Math.max(Number(answer.duration ?? 0), 1);
    this.rows.forEach((r, i) => {
      r.i = i;
      r.at = r.start === undefined ? null : Number(BigInt(r.start) - begin);
      r.ns = r.duration === undefined ? null : Number(r.duration);
      r.hue = hues.get(r.service ?? '') ?? 0;
      r.depth ??= 0;
      r.below ??= 0;
      if (!this.first.has(r.id)) this.first.set(r.id, i);
    });
  }

  /** The rows that show when those of a set are folded. @param {Set<number>} folded */
  visible(folded) {
    const list = [];
    for (let i = 0; i < this.rows.length; i++) {
      list.push(i);
      if (folded.has(i)) i += this.rows[i].below;
    }
    return list;
  }

  /** The set without what hides a row. */
  revealed(folded, i) {
    let next = folded;
    for (let up = this.rows[i].up; up >= 0; up = this.rows[up].up) {
      if (!next.has(up)) continue;
      if (next === folded) next = new Set(folded);
      next.delete(up);
    }
    return next;
  }

  /** The row that an address names: an id, with a number where several spans have it. */
  find(name) {
    const [id, twin = '0'] = name.split('.');
    const at = this.first.get(id) ?? -1;
    if (at < 0 || twin === '0') return at;
    return this.rows.findIndex((r) => r.id === id && String(r.twin ?? 0) === twin);
  }

  /** What the address says for a row. */
  nameOf(i) {
    const r = this.rows[i];
    return r ? r.id + (r.twin ? '.' + r.twin : '') : '';
  }

  /** The next row, from one on, that a test is true for; it goes around. */
  next(from, by, test) {
    const n = this.rows.length;
    for (let k = 1; k <= n; k++) {
      const i = (((from + by * k) % n) + n) % n;
      if (test(this.rows[i])) return i;
    }
    return -1;
  }
}

/** Round steps for an axis of that many ns. */
export function ticks(from, to, most) {
  const rough = (to - from) / most;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((m) => m * power).find((s) => s >= rough) ?? rough;
  const list = [];
  for (let t = Math.ceil(from / step) * step; t < to && list.length < 50; t += step) list.push(t);
  return list;
}
