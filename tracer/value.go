// SPDX-License-Identifier: Apache-2.0

package tracer

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/opentracing/opentracing-go/ext"

	"github.com/spanbridge/spanbridge/span"
)

// tagValue is the value in a form that cannot change any more.
func (t *Tracer) tagValue(value any) any {
	switch v := value.(type) {
	case string:
		if len(v) > t.maxValue {
			t.counts.cut.Add(1)
			return cutText(v, t.maxValue)
		}
		return value
	case bool, int, int8, int16, int32, int64, uint, uint8, uint16, uint32, uint64, float32, float64:
		return value
	case []byte:
		if len(v) > t.maxValue {
			t.counts.cut.Add(1)
			v = v[:t.maxValue]
		}
		return slices.Clone(v)
	case ext.SpanKindEnum:
		return string(v)
	default:
		return t.tagValue(fmt.Sprint(value)) // survives what panics in String
	}
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
	}
	if strings.EqualFold(name, "internal") {
		return span.KindInternal
	}
	return span.KindUnset
}

// priorityOf reads OpenTracing's tag sampling.priority: 0 asks not to sample,
// more than 0 to sample.
func priorityOf(value any) int {
	switch v := value.(type) {
	case uint16:
		return sign(int64(v))
	case int:
		return sign(int64(v))
	case int32:
		return sign(int64(v))
	case int64:
		return sign(v)
	case uint8:
		return sign(int64(v))
	case uint32:
		return sign(int64(v))
	case uint64:
		return sign(int64(min(v, 1)))
	case float64:
		return sign(int64(v))
	}
	return 0
}

func sign(v int64) int {
	if v > 0 {
		return 1
	}
	return -1
}
