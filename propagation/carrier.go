// SPDX-License-Identifier: Apache-2.0

package propagation

import (
	"net/http"
	"strings"
)

// Reader is where headers are read from: each key that is there, once for each
// of its values.
type Reader interface {
	Each(func(key, value string))
}

// Writer is where headers are written to. Keys come as their specifications
// write them, such as X-B3-TraceId; a carrier that keeps them in another case
// changes that.
type Writer interface {
	Set(key, value string)
}

// HTTP is the carrier of HTTP headers:
//
//	p.Extract(propagation.HTTP(request.Header))
type HTTP http.Header

// Each gives every value of every header.
func (h HTTP) Each(f func(key, value string)) {
	for k, vs := range h {
		for _, v := range vs {
			f(k, v)
		}
	}
}

// Set replaces a header.
func (h HTTP) Set(key, value string) { http.Header(h).Set(key, value) }

// TextMap is the carrier of texts by key, such as OpenTracing's TextMapCarrier
// or the attachments of an RPC. Keys are read in any case.
type TextMap map[string]string

// Each gives every pair.
func (m TextMap) Each(f func(key, value string)) {
	for k, v := range m {
		f(k, v)
	}
}

// Set replaces a pair.
func (m TextMap) Set(key, value string) { m[key] = value }

// Strip takes the headers of formats out of HTTP headers: what was read and is
// written anew in another form must not go on beside it.
func Strip(h http.Header, formats ...Format) {
	for k := range h {
		if IsHeader(k, formats...) {
			delete(h, k)
		}
	}
}

// IsHeader is true for the name of a header of one of the formats.
func IsHeader(key string, formats ...Format) bool {
	for _, f := range formats {
		for _, name := range byFormat[f] {
			if prefix := strings.HasSuffix(name, "-"); prefix && hasPrefixFold(key, name) || !prefix && strings.EqualFold(key, name) {
				return true
			}
		}
	}
	return false
}

func hasPrefixFold(s, prefix string) bool {
	return len(s) > len(prefix) && strings.EqualFold(s[:len(prefix)], prefix)
}
