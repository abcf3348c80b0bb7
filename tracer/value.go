// SPDX-License-Identifier: Apache-2.0

package tracer

import (
	"fmt"
	"slices"
	"unicode/utf8"

	"github.com/opentracing/opentracing-go/ext"

	"github.com/spanbridge/spanbridge/span"
)

// tagValue is the value in a form that cannot change any more.
func (t *Tracer) tagValue(value any) any {
	switch v := value.(type) {
	case string:
		if len(v) <= t.maxValue {
			return value
		}
		return t.cutValue(v)
	case bool, int, int8, int16, int32, int64, uint, uint8, uint16, uint32, uint64, float32, float64:
		return value
	case []byte:
		if len(v) > t.maxValue {
			t.cut.Add(1)
			v = v[:t.maxValue]
		}
		return slices.Clone(v)
	case ext.SpanKindEnum:
		return t.cutValue(string(v))
	default:
		return t.cutValue(fmt.Sprint(value)) // survives what panics in String
	}
}

// cutValue is a text that is no longer than the limit.
func (t *Tracer) cutValue(s string) string {
	if len(s) > t.maxValue {
		return t.cutLong(s)
	}
	return s
}

func (t *Tracer) cutLong(s string) string {
	t.cut.Add(1)
	return cutText(s, t.maxValue)
}

// cutText is s cut to n bytes, between two runes.
func cutText(s string, n int) string {
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

func textOf(value any) string {
	if s, ok := value.(string); ok {
		return s
	}
	return fmt.Sprint(value)
}

func kindOf(value any) span.Kind {
	var name string
	switch v := value.(type) {
	case ext.SpanKindEnum:
		name = string(v)
	case string:
		name = v
	}
	switch name {
	case "server":
		return span.KindServer
	case "client":
		return span.KindClient
	case "producer":
		return span.KindProducer
	case "consumer":
		return span.KindConsumer
	case "internal":
		return span.KindInternal
	}
	return span.KindUnset
}

// priorityOf reads OpenTracing's tag sampling.priority: 0 asks not to sample,
// more than 0 to sample.
func priorityOf(value any) int {
	switch v, ok := numberOf(value); {
	case !ok:
		return 0
	case v > 0:
		return 1
	}
	return -1
}

// numberOf is the value of any type of number.
func numberOf(value any) (v float64, ok bool) {
	switch n := value.(type) {
	case uint16: // as ext.SamplingPriority has it
		v = float64(n)
	case int:
		v = float64(n)
	case int8:
		v = float64(n)
	case int16:
		v = float64(n)
	case int32:
		v = float64(n)
	case int64:
		v = float64(n)
	case uint:
		v = float64(n)
	case uint8:
		v = float64(n)
	case uint32:
		v = float64(n)
	case uint64:
		v = float64(n)
	case float32:
		v = float64(n)
	case float64:
		v = n
	default:
		return 0, false
	}
	return v, true
}
