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
// changes that. What is set replaces what was there.
type Writer interface {
	Set(key, value string)
}

// Deleter is a Writer that takes headers out as well, in any case of the key.
// Inject does so with those of an earlier writing that it does not write again;
// baggage in headers of its own is found where the carrier is a Reader too.
type Deleter interface {
	Del(key string)
}

// Unescaped is a carrier of any text at all, such as the headers of a message.
// Jaeger's clients escape baggage in HTTP headers and not in these.
type Unescaped interface {
	Unescaped()
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

// Metadata is the carrier of gRPC's metadata.MD: headers with lower-case keys.
// Baggage whose key gRPC does not let into metadata is left out of headers that
// are named after it.
type Metadata map[string][]string

// Each gives every value of every key.
func (m Metadata) Each(f func(key, value string)) { HTTP(m).Each(f) }

// Set replaces the values of a key.
func (m Metadata) Set(key, value string) { m[strings.ToLower(key)] = []string{value} }

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

// Unescaped marks the carrier as one of any text.
func (TextMap) Unescaped() {}

// Strip takes the headers of formats out of HTTP headers: what was read and is
// written anew in another form must not go on beside it.
func Strip(h http.Header, formats ...Format) {
	for k := range h {
		if IsHeader(k, formats...) {
			delete(h, k)
		}
	}
}
