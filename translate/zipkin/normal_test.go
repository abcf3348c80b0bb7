// SPDX-License-Identifier: Apache-2.0

package zipkin

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"pgregory.net/rapid"
)

// normalSpan is a v2 span in the normal form: what a Zipkin server holds after
// reading it. It is read with encoding/json and plain code, so that it can
// judge the decoder and the encoder of this package.
type normalSpan struct {
	TraceID, ParentID, ID, Kind, Name string
	Timestamp, Duration               int64
	Local, Remote                     normalEndpoint
	Annotations                       []normalAnnotation
	Tags                              map[string]string
	Debug, Shared                     bool
}

type normalEndpoint struct {
	Service  string
	IP4, IP6 netip.Addr
	Port     int64
}

type normalAnnotation struct {
	Timestamp int64
	Value     string
}

// normal reads a list of spans that the server takes.
func normal(tb rapid.TB, body []byte) []normalSpan {
	tb.Helper()
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	n := &normalizer{tb, d}
	var spans []normalSpan
	n.list(func() { spans = append(spans, n.span()) })
	return spans
}

type normalizer struct {
	rapid.TB
	*json.Decoder
}

func (n *normalizer) token() json.Token {
	n.Helper()
	t, err := n.Token()
	if err != nil {
		n.Fatalf("json: %v", err)
	}
	return t
}

// object gives every member with a value other than null.
func (n *normalizer) object(member func(key string, value json.Token)) {
	for n.More() {
		key := n.token().(string)
		if v := n.token(); v != nil {
			member(key, v)
		}
	}
	n.token()
}

func (n *normalizer) list(elem func()) {
	n.token()
	n.elems(func(json.Token) { elem() })
}

func (n *normalizer) elems(elem func(json.Token)) {
	for n.More() {
		elem(n.token())
	}
	n.token()
}

// rest steps over a value of which the first token was read.
func (n *normalizer) rest(first json.Token) {
	depth := 0
	for t := first; ; t = n.token() {
		switch t {
		case json.Delim('{'), json.Delim('['):
			depth++
		case json.Delim('}'), json.Delim(']'):
			depth--
		}
		if depth == 0 {
			return
		}
	}
}

func text(v json.Token) string { return fmt.Sprint(v) }

func (n *normalizer) int(v json.Token) int64 {
	n.Helper()
	s := strings.TrimSpace(text(v))
	if i, err := strconv.ParseInt(s, 10, 64); err == nil {
		return i
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || float64(int64(f)) != f {
		n.Fatalf("%v is no integer", v)
	}
	return int64(f)
}

func padded(id string) string {
	switch l := len(id); {
	case l <= 16:
		id = strings.Repeat("0", 16-l) + id
	default:
		id = strings.TrimPrefix(strings.Repeat("0", 32-l)+id, strings.Repeat("0", 16))
	}
	if strings.Trim(id, "0") == "" {
		return ""
	}
	return id
}

func (n *normalizer) span() (s normalSpan) {
	n.object(func(key string, v json.Token) {
		switch key {
		case "traceId":
			s.TraceID = padded(text(v))
		case "id":
			s.ID = padded(text(v))
		case "parentId":
			s.ParentID = padded(text(v))
		case "kind":
			s.Kind = text(v)
		case "name":
			s.Name = strings.ToLower(text(v))
		case "timestamp":
			s.Timestamp = max(n.int(v), 0)
		case "duration":
			s.Duration = max(n.int(v), 0)
		case "localEndpoint":
			s.Local = n.endpoint()
		case "remoteEndpoint":
			s.Remote = n.endpoint()
		case "annotations":
			n.elems(func(json.Token) {
				var a normalAnnotation
				n.object(func(key string, v json.Token) {
					switch key {
					case "timestamp":
						a.Timestamp = n.int(v)
					case "value":
						a.Value = text(v)
					default:
						n.rest(v)
					}
				})
				s.Annotations = append(s.Annotations, a)
			})
		case "tags":
			n.object(func(key string, v json.Token) {
				if s.Tags == nil {
					s.Tags = make(map[string]string)
				}
				s.Tags[key] = text(v)
			})
		case "debug":
			s.Debug = s.Debug || v == true
		case "shared":
			s.Shared = s.Shared || v == true
		default:
			n.rest(v)
		}
	})
	if s.ParentID == s.ID {
		s.ParentID = ""
	}
	s.Shared = s.Shared && s.Kind != "CLIENT"
	slices.SortFunc(s.Annotations, func(a, b normalAnnotation) int {
		return cmp.Or(cmp.Compare(a.Timestamp, b.Timestamp), strings.Compare(a.Value, b.Value))
	})
	s.Annotations = slices.Compact(s.Annotations)
	return s
}

func (n *normalizer) endpoint() (e normalEndpoint) {
	n.object(func(key string, v json.Token) {
		switch key {
		case "serviceName":
			e.Service = strings.ToLower(text(v))
		case "ipv4", "ipv6":
			e.ip(text(v))
		case "port":
			e.Port = max(n.int(v), 0)
		default:
			n.rest(v)
		}
	})
	return e
}

func (e *normalEndpoint) ip(s string) {
	if strings.Contains(s, ".") {
		for _, prefix := range []string{"::ffff:", "::FFFF:", "::"} {
			s = strings.TrimPrefix(s, prefix)
		}
		if a, err := netip.ParseAddr(s); err == nil && a.Is4() {
			e.IP4 = a
		}
	} else if a, err := netip.ParseAddr(s); err == nil && a.Zone() == "" {
		e.IP6 = a
	}
}
