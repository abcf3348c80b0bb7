// SPDX-License-Identifier: Apache-2.0

package main

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// The formats in which the first caller can speak, and the decisions that it can
// bring. The headers are written out here, by the grammar of each format and not
// by the library of this repository: the caller is a stranger to it.
var (
	callerFormats = []string{"none", "b3", "b3multi", "sw8", "uber", "w3c", "ot"}
	decisions     = []string{"accept", "deny", "debug"}
)

// call is what the first caller asks for.
type call struct {
	Enter    string      `json:"enter"`
	Format   string      `json:"format"`
	Sampling string      `json:"sampling"`
	Baggage  [][2]string `json:"baggage,omitempty"`
}

func (c call) check(chain []string) error {
	if !slices.Contains(chain, c.Enter) {
		return fmt.Errorf("enter %q, want one of %s", c.Enter, strings.Join(chain, ", "))
	}
	if !slices.Contains(callerFormats, c.Format) {
		return fmt.Errorf("format %q, want one of %s", c.Format, strings.Join(callerFormats, ", "))
	}
	if !slices.Contains(decisions, c.Sampling) {
		return fmt.Errorf("sampling %q, want one of %s", c.Sampling, strings.Join(decisions, ", "))
	}
	if c.Sampling == "debug" && slices.Contains([]string{"sw8", "w3c", "ot"}, c.Format) {
		return fmt.Errorf("sampling debug: format %s cannot say it", c.Format)
	}
	if c.Sampling != "accept" && c.Format == "none" {
		return fmt.Errorf("sampling %s: without headers no decision can be sent", c.Sampling)
	}
	return nil
}

// headers makes the tracing headers of the request, and the trace id that is in
// them in the form of the format.
func (c call) headers() (h http.Header, trace string) {
	h = http.Header{}
	id, span := randomHex(16), randomHex(8)
	state := func(deny, accept, debug string) string {
		switch c.Sampling {
		case "deny":
			return deny
		case "debug":
			return debug
		}
		return accept
	}
	switch c.Format {
	case "none":
		id = ""
	case "b3":
		h.Set("b3", id+"-"+span+"-"+state("0", "1", "d"))
	case "b3multi":
		h.Set("X-B3-TraceId", id)
		h.Set("X-B3-SpanId", span)
		if c.Sampling == "debug" {
			h.Set("X-B3-Flags", "1")
		} else {
			h.Set("X-B3-Sampled", state("0", "1", ""))
		}
	case "uber":
		h.Set("Uber-Trace-Id", id+":"+span+":0:"+state("0", "1", "3"))
	case "w3c":
		h.Set("Traceparent", "00-"+id+"-"+span+"-"+state("00", "01", ""))
	case "ot":
		// The format has trace ids of 64 bits alone.
		id = id[:16]
		h.Set("Ot-Tracer-Traceid", id)
		h.Set("Ot-Tracer-Spanid", span)
		h.Set("Ot-Tracer-Sampled", state("false", "true", ""))
	case "sw8":
		// Names as an agent for Java makes them: nothing but their text says which
		// trace it is.
		process := id
		id = process + ".41.17000000000000001"
		b64 := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
		h.Set("Sw8", strings.Join([]string{
			state("0", "1", ""), b64(id), b64(process + ".41.17000000000000000"), "0",
			b64("browser"), b64("browser-1"), b64("/"), b64(c.Enter),
		}, "-"))
	}
	c.setBaggage(h)
	return h, id
}

// setBaggage writes the baggage as the format does. B3 has none of its own: the
// header of W3C goes beside it.
func (c call) setBaggage(h http.Header) {
	var members, correlation []string
	for _, kv := range c.Baggage {
		switch c.Format {
		case "uber":
			h.Set("uberctx-"+kv[0], url.QueryEscape(kv[1]))
		case "ot":
			h.Set("ot-baggage-"+kv[0], kv[1])
		case "sw8":
			b64 := base64.StdEncoding.EncodeToString
			correlation = append(correlation, b64([]byte(kv[0]))+":"+b64([]byte(kv[1])))
		default:
			members = append(members, kv[0]+"="+url.PathEscape(kv[1]))
		}
	}
	if len(members) > 0 {
		h.Set("Baggage", strings.Join(members, ","))
	}
	if len(correlation) > 0 {
		h.Set("Sw8-Correlation", strings.Join(correlation, ","))
	}
}

func randomHex(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // it never fails
	return hex.EncodeToString(b)
}
