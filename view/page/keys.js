// SPDX-License-Identifier: Apache-2.0

import { useEffect, useRef } from './html.js';

const typing = (el) => el.isContentEditable || ['INPUT', 'TEXTAREA', 'SELECT'].includes(el.tagName);

/**
 * Calls what the map says for a key, while nobody types somewhere. Escape also
 * leaves a field. @param {Record<string, () => void>} map
 */
export function useKeys(map) {
  const now = useRef(map);
  now.current = map;
  useEffect(() => {
    const down = (event) => {
      if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
      if (typing(event.target)) {
        if (event.key === 'Escape') event.target.blur();
        return;
      }
      // A button or link does with Enter and Space what it always does.
      if ((event.key === 'Enter' || event.key === ' ') && event.target.closest('button, a, summary')) return;
      const f = now.current[event.key];
      if (!f) return;
      event.preventDefault();
      f();
    };
    window.addEventListener('keydown', down);
    return () => window.removeEventListener('keydown', down);
  }, []);
}
