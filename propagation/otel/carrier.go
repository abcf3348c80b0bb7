// SPDX-License-Identifier: Apache-2.0

package otel

import (
	"strings"

	otel "go.opentelemetry.io/otel/propagation"

	"github.com/spanbridge/spanbridge/propagation"
)

// known are the names that are asked for in a carrier that does not list its
// keys.
var known = func() (names []string) {
	for _, f := range append(propagation.AllFormats(), propagation.LightStep) {
		for _, name := range f.Headers() {
			if !strings.HasSuffix(name, "-") {
				names = append(names, name)
			}
		}
	}
	return names
}()

// reader is an OpenTelemetry carrier in the words of package propagation.
type reader struct{ otel.TextMapCarrier }

func (r reader) Each(f func(key, value string)) {
	keys := r.Keys()
	if len(keys) == 0 {
		keys = known
	}
	several, _ := r.TextMapCarrier.(otel.ValuesGetter)
	for _, k := range keys {
		if several != nil {
			for _, v := range several.Values(k) {
				f(k, v)
			}
		} else if v := r.Get(k); v != "" {
			f(k, v)
		}
	}
}

func readerOf(carrier otel.TextMapCarrier) propagation.Reader {
	if h, ok := carrier.(otel.HeaderCarrier); ok {
		return propagation.HTTP(h)
	}
	return reader{carrier}
}

// writer writes names in lower case, as OpenTelemetry's propagators look for
// them in a map.
type writer struct{ otel.TextMapCarrier }

func (w writer) Set(key, value string) {
	if strings.HasPrefix(key, "X-B3-") {
		key = strings.ToLower(key)
	}
	w.TextMapCarrier.Set(key, value)
}

func writerOf(carrier otel.TextMapCarrier) propagation.Writer {
	if h, ok := carrier.(otel.HeaderCarrier); ok {
		return propagation.HTTP(h)
	}
	return writer{carrier}
}
