// SPDX-License-Identifier: Apache-2.0

// What is odd about a span, in words. Names as in doc.go.

/** @type {Record<string, {sign: string, note?: string, text: string}>} note: how the head of a trace says it of several */
export const marks = {
  shared: { sign: '½', text: 'It shares its id on the wire with the server half of the call.' },
  split: { sign: '½', text: 'Server half of a shared id: its own id was derived from the shared one.' },
  moved: { sign: '↳', text: 'It named a shared id as its parent and belongs to the server half, not the client half.' },
  lifted: { sign: '⤴', note: 'without the client half', text: 'The client half never came: it hangs below what would be the client’s parent.' },
  orphan: { sign: '?', note: 'with a missing parent', text: 'Its parent is not here: never sent, not sampled, sent elsewhere, still on its way, or let go.' },
  loop: { sign: '∞', note: 'in a circle of parents', text: 'Its parents form a circle. It was opened at this span.' },
  twin: { sign: '=', note: 'with an id used twice', text: 'Another span has the same id.' },
  parts: { sign: '+', text: 'It came in parts, merged here.' },
  repeat: { sign: '×', text: 'It came more than once.' },
  width: { sign: '64', note: 'with a 64-bit trace id', text: 'It was reported with the low 64 bits of the trace id only.' },
  early: { sign: '↤', note: 'before their parent (clocks differ)', text: 'It began before its parent in another service: the clocks differ.' },
  untimed: { sign: '∅', note: 'without a start', text: 'It does not say when it began.' },
};

/** Marks that speak of trouble, in the order of the trace's head. */
export const troubles = ['orphan', 'lifted', 'loop', 'twin', 'early', 'untimed', 'width'];

/** One line for all marks of a span. */
export const told = (list) => list.map((m) => marks[m]?.text ?? m).join('\n');
