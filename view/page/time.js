// SPDX-License-Identifier: Apache-2.0

// Times for people. Times come as ns in decimal; a difference of two of them
// fits a number.

/** @type {[number, string][]} */
const units = [[1e9, 's'], [1e6, 'ms'], [1e3, 'µs'], [1, 'ns']];

/** A duration with three digits that matter: 12.3 ms. @param {number} ns */
export function lasted(ns) {
  if (ns === 0) return '0';
  if (ns < 0) return '−' + lasted(-ns);
  if (ns >= 3600e9) return `${Math.floor(ns / 3600e9)} h ${Math.floor(ns / 60e9) % 60} min`;
  if (ns >= 60e9) return `${Math.floor(ns / 60e9)} min ${Math.floor(ns / 1e9) % 60} s`;
  let at = units.findIndex(([size]) => ns >= size);
  if (at < 0) at = units.length - 1;
  // 999.7 µs are 1 ms when three digits are shown.
  if (at > 0 && Number((ns / units[at][0]).toPrecision(3)) >= 1000) at--;
  const [size, unit] = units[at];
  const value = ns / size;
  return `${Number(value.toPrecision(3)) >= 1000 ? Math.round(value) : Number(value.toPrecision(3))} ${unit}`;
}

/** A duration to the last ns: 12.345678 ms. @param {number} ns */
export function exactly(ns) {
  const [size, unit] = units.find(([s]) => Math.abs(ns) >= s) ?? units[3];
  return `${Number((ns / size).toFixed(9))} ${unit}`;
}

const two = (n) => String(n).padStart(2, '0');

/** The time of day in the local zone, to the ms or, with digits 6, to the µs. @param {string} ns */
export function clock(ns, digits = 3) {
  const d = new Date(Number(BigInt(ns) / 1000000n));
  const part = String(((BigInt(ns) % 1000000000n) + 1000000000n) % 1000000000n).padStart(9, '0').slice(0, digits);
  return `${two(d.getHours())}:${two(d.getMinutes())}:${two(d.getSeconds())}.${part}`;
}

/** The day in the local zone. @param {string} ns */
export function day(ns) {
  const d = new Date(Number(BigInt(ns) / 1000000n));
  return `${d.getFullYear()}-${two(d.getMonth() + 1)}-${two(d.getDate())}`;
}

/** The day, unless it is today, and the time. */
export function when(ns, digits = 3) {
  const today = day(String(BigInt(Date.now()) * 1000000n));
  return (day(ns) === today ? '' : day(ns) + ' ') + clock(ns, digits);
}

/** The local zone: UTC+02:00. */
export function zone() {
  const m = -new Date().getTimezoneOffset();
  return `UTC${m < 0 ? '−' : '+'}${two(Math.floor(Math.abs(m) / 60))}:${two(Math.abs(m) % 60)}`;
}

/** µs of a text like 1.5ms, 20 µs, 2s; a number alone is ms. NaN when it is none of them. */
export function parseMicros(text) {
  const m = /^\s*([0-9]+(?:[.,][0-9]+)?)\s*(ns|us|µs|μs|ms|s|m|min)?\s*$/i.exec(text);
  if (!m) return NaN;
  const size = { ns: 1e-3, us: 1, 'µs': 1, 'μs': 1, ms: 1e3, s: 1e6, m: 60e6, min: 60e6 }[(m[2] ?? 'ms').toLowerCase()];
  return Math.max(Math.round(Number(m[1].replace(',', '.')) * size), 1);
}

/** What parseMicros reads, from µs. */
export const microsText = (us) => lasted(Number(us) * 1000).replace(' ', '');

/** Bytes for people. */
export function size(bytes) {
  if (bytes < 1000) return `${bytes} B`;
  const [power, unit] = bytes >= 1e9 ? [1e9, 'GB'] : bytes >= 1e6 ? [1e6, 'MB'] : [1e3, 'kB'];
  return `${Number((bytes / Number(power)).toPrecision(3))} ${unit}`;
}

/** A count with thin spaces between thousands. */
export const count = (n) => String(n).replace(/\B(?=(\d{3})+$)/g, '\u202f');

/** "1 span", "2 spans". */
export const counted = (n, noun) => `${count(n)} ${noun}${n === 1 ? '' : 's'}`;
