// SPDX-License-Identifier: Apache-2.0

package propagation

import (
	"strings"
)

// Limits of tracestate (W3C Trace Context 3.3.1). The Recommendation wants 512
// characters to pass at the least; all that was read goes on.
const (
	maxMembers   = 32
	maxMember    = 256 // of a key and of a value
	maxStateRead = maxMembers * (2*maxMember + 2)
)

// appendState appends tracestate: our member first, then the others as they
// came, the oldest left out if there is one too many.
func (w *writing) appendState(dst []byte, c *Context) []byte {
	members := 0
	if !w.unmarked {
		from := len(dst)
		dst = append(append(dst, stateKey...), '=')
		at := len(dst)
		if dst = c.appendMarks(dst, W3C); len(dst) == at {
			dst = dst[:from]
		} else {
			members++
		}
	}
	for rest := c.State; rest != ""; {
		var m string
		m, rest, _ = strings.Cut(rest, ",")
		switch _, _, ok := stateMember(m); {
		case m == "":
			continue
		case !ok || members == maxMembers:
			w.cut++
			continue
		}
		if members > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, m...)
		members++
	}
	return dst
}

// splitState takes our member out of tracestate. A list that is none is dropped
// as a whole; of two members with one key the first counts, which is the newer.
func splitState(s string) (state, marks string, ok bool) {
	if len(s) > maxStateRead {
		return "", "", false
	}
	var keys [maxMembers]string
	n, asIs, ours := 0, true, false
	for rest := s; rest != ""; {
		var m string
		raw := rest
		m, rest, _ = strings.Cut(rest, ",")
		trimmed := strings.Trim(m, " \t")
		if len(trimmed) != len(m) || m == "" || len(m) == len(raw)-1 {
			asIs = false
		}
		if m = trimmed; m == "" {
			continue
		}
		k, v, valid := stateMember(m)
		if !valid {
			return "", "", false
		}
		again := false
		for _, known := range keys[:n] {
			again = again || known == k
		}
		switch {
		case again:
			asIs = false
			continue
		case n == maxMembers:
			return "", "", false
		}
		keys[n] = k
		n++
		if k == stateKey {
			asIs, ours, marks = false, true, v
		}
	}
	if asIs {
		return s, "", true
	}
	return mendState(s, keys[:n], ours), marks, true
}

// mendState is a list that is valid but for white space, empty members and keys
// that come again, without our member.
func mendState(s string, keys []string, ours bool) string {
	// Ours is at one end most of the time, and the rest needs no new text.
	if ours && len(keys) == 1 {
		return ""
	}
	var b strings.Builder
	for _, key := range keys {
		if key == stateKey {
			continue
		}
		for rest := s; rest != ""; {
			var m string
			m, rest, _ = strings.Cut(rest, ",")
			m = strings.Trim(m, " \t")
			if k, _, _ := strings.Cut(m, "="); k == key {
				if b.Len() > 0 {
					b.WriteByte(',')
				}
				b.WriteString(m)
				break
			}
		}
	}
	return b.String()
}

// stateMember cuts a member of tracestate, and is true for a valid one.
func stateMember(m string) (key, value string, ok bool) {
	key, value, ok = strings.Cut(m, "=")
	return key, value, ok && isStateKey(key) && isStateValue(value)
}

// isStateKey holds the keys to what readers refuse the whole list for: lower-case
// letters, digits, "_-*/" and one "@" between tenant and system.
func isStateKey(k string) bool {
	if k == "" || len(k) > maxMember {
		return false
	}
	tenant, system, multi := strings.Cut(k, "@")
	if multi {
		return isStatePart(tenant, 241, true) && isStatePart(system, 14, false)
	}
	return isStatePart(k, maxMember, false)
}

func isStatePart(s string, most int, digitFirst bool) bool {
	if s == "" || len(s) > most {
		return false
	}
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z':
		case '0' <= c && c <= '9':
			if i == 0 && !digitFirst {
				return false
			}
		case i > 0 && (c == '_' || c == '-' || c == '*' || c == '/'):
		default:
			return false
		}
	}
	return true
}

func isStateValue(v string) bool {
	if v == "" || len(v) > maxMember || v[len(v)-1] == ' ' {
		return false
	}
	for i := range len(v) {
		if c := v[i]; c < ' ' || c > '~' || c == ',' || c == '=' {
			return false
		}
	}
	return true
}
