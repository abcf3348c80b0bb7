// SPDX-License-Identifier: Apache-2.0

package propagation

import (
	"errors"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Limits of sw8-correlation in the Java and Python agents and go2sky
// (agent.correlation.element_max_number and value_max_length).
const (
	maxCorrelation = 3
	maxCorrelated  = 128 // characters of a value
)

func (w *writing) sw8(c *Context) {
	if !c.HasIDs() || c.Sampling == Deny {
		return
	}
	w.add(&hSW8, c.AppendSW8(w.text, w.from))
	dst := w.text
	n := 0
	for i := range c.Baggage {
		it := &c.Baggage[i]
		if n == maxCorrelation || it.Key == "" || it.Key == debugKey || len(it.Value) > maxCorrelated && utf8.RuneCountInString(it.Value) > maxCorrelated ||
			!utf8.ValidString(it.Key) || !utf8.ValidString(it.Value) {
			w.cut++
			continue
		}
		if n > 0 {
			dst = append(dst, ',')
		}
		dst = append64(append(append64(dst, it.Key), ':'), it.Value)
		n++
	}
	if c.Sampling == Debug && !w.unmarked {
		if n < maxCorrelation {
			if n > 0 {
				dst = append(dst, ',')
			}
			dst = append64(append(append64(dst, debugKey), ':'), "1")
		} else {
			w.cut++
		}
	}
	w.add(&hCorrelation, dst)
	if c.SkipAnalysis || c.Sent > 0 {
		mode := byte('0')
		if c.SkipAnalysis {
			mode = '1'
		}
		dst = append(w.text, mode, '-')
		if c.Sent > 0 {
			dst = strconv.AppendInt(dst, c.Sent, 10)
		}
		w.add(&hSW8X, dst)
	}
}

// readCorrelation reads sw8-correlation: base64(key):base64(value), joined by
// commas. Readers of the agents differ in how many they take; here all count.
func (r *reading) readCorrelation(s string) {
	var items Baggage
	for s != "" {
		var part string
		part, s, _ = strings.Cut(s, ",")
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		k, v, found := strings.Cut(part, ":")
		key, ok1 := decode64(nil, k)
		value, ok2 := decode64(nil, v)
		switch {
		case !found || !ok1 || !ok2 || len(key) == 0 || len(items) >= maxBaggage:
			r.cut++
		case string(key) == debugKey: // agents hand on what they do not know
		default:
			items = items.put(Item{Key: string(key), Value: string(value)})
		}
	}
	r.merge(items)
}

// isDebug is true for sw8-correlation with the mark of a debug trace.
func isDebug(correlation string) bool {
	const mark = "YjNk:MQ" // b3d:1
	for correlation != "" {
		var part string
		part, correlation, _ = strings.Cut(correlation, ",")
		if strings.HasPrefix(strings.TrimSpace(part), mark) {
			return true
		}
	}
	return false
}

var errSW8X = errors.New("sw8-x: want mode-timestamp")

// parseSW8X reads sw8-x: mode 1 stands for spans that OAP is not to analyse;
// the timestamp is in ms since 1970 and may be a space, missing or anything.
func parseSW8X(s string) (skip bool, sent int64, err error) {
	mode, at, _ := strings.Cut(s, "-")
	if mode = strings.TrimSpace(mode); mode != "0" && mode != "1" {
		return false, 0, errSW8X
	}
	if n, wrong := strconv.ParseInt(strings.TrimSpace(at), 10, 64); wrong == nil && n > 0 {
		sent = n
	}
	return mode == "1", sent, nil
}
