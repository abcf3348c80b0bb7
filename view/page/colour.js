// SPDX-License-Identifier: Apache-2.0

// A service has the same colour in every trace, as far as its neighbours let
// it: the name picks one of a number of hues that eyes tell apart.

// Without the reds, which mean failure; neighbours in the list are far apart.
const hues = [226, 133, 288, 45, 195, 319, 74, 257, 164, 345, 103];

function hash(text) {
  let h = 2166136261;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 16777619);
  return h >>> 0;
}

/** The hue of a service by itself. */
export const hueOf = (service) => hues[hash(service) % hues.length];

/** Hues for the services of a trace: no two alike while there are enough. @param {string[]} services */
export function huesOf(services) {
  const taken = new Set();
  const map = new Map();
  for (const service of services) {
    let at = hash(service) % hues.length;
    for (let tries = 0; tries < hues.length && taken.has(at) && taken.size < hues.length; tries++) at = (at + 1) % hues.length;
    taken.add(at);
    map.set(service, hues[at]);
  }
  return map;
}
