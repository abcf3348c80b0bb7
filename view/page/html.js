// SPDX-License-Identifier: Apache-2.0

// What every part of the page is made of: preact with its hooks, and htm, which
// reads templates without a build step.
import { h, render } from './vendor/preact.mjs';
import htm from './vendor/htm.mjs';

export const html = htm.bind(h);
export { render };
export { useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState } from './vendor/hooks.mjs';
