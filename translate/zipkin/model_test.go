// SPDX-License-Identifier: Apache-2.0

package zipkin

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/openzipkin/zipkin-go/model"

	"github.com/spanbridge/spanbridge/span"
)

// showModels writes down what zipkin-go's model holds, in the words of showSpans. A
// span that the server refuses is left out, while zipkin-go takes it.
func showModels(list []*model.SpanModel) string {
	var out strings.Builder
	for _, m := range list {
		if m.TraceID.Empty() || !slices.Contains([]model.Kind{"", model.Client, model.Server, model.Producer, model.Consumer}, m.Kind) {
			continue
		}
		parent := model.ID(0)
		if m.ParentID != nil && *m.ParentID != m.ID {
			parent = *m.ParentID
		}
		kind := strings.ToLower(string(m.Kind))
		if kind == "" && m.Tags[tagKind] == "internal" {
			kind = "internal"
		}
		start := int64(0)
		if !m.Timestamp.IsZero() {
			start = m.Timestamp.UnixNano()
		}
		fmt.Fprintf(&out, "span %016x%016x %x %x %q kind %s start %d duration %d debug %v shared %v\n", m.TraceID.High, m.TraceID.Low,
			uint64(m.ID), uint64(parent), m.Name, kind, start, int64(m.Duration), m.Debug, m.Shared && m.Kind != model.Client)
		for _, e := range []*model.Endpoint{m.LocalEndpoint, m.RemoteEndpoint} {
			var ours span.Endpoint
			var service string
			if e != nil {
				if service = e.ServiceName; e == m.LocalEndpoint && strings.EqualFold(service, noServiceName) {
					service = ""
				}
				ours.Port = e.Port
				for _, ip := range []net.IP{e.IPv4, e.IPv6} { // the text says which it is
					if v4 := ip.To4(); v4 != nil {
						ours.SetIP4([4]byte(v4))
					} else if ip != nil {
						ours.SetIP6([16]byte(ip))
					}
				}
			}
			fmt.Fprintf(&out, " end %q %v %v %d\n", service, ours.IP4(), ours.IP6(), ours.Port)
		}
		var events []event
		for _, a := range m.Annotations {
			events = append(events, event{a.Timestamp.UnixNano(), a.Value})
		}
		showEvents(&out, events)
		showTags(&out, m.Tags)
	}
	return out.String()
}

// isComparable is true for a list whose members encoding/json and the server
// understand alike: keys that differ in more than their case and stand once, ids
// that are strings, no null, addresses of which no IPv6 one maps an IPv4 one, times
// that 64-bit nanoseconds can say.
func isComparable(body []byte) bool {
	if !json.Valid(body) || !utf8.Valid(body) || rewritten(body) || repeatsKeys(body) || bytes.Contains(bytes.ToLower(body), []byte("ffff:")) || len(body) == 0 || body[0] != '[' {
		return false
	}
	var list []map[string]any
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	if d.Decode(&list) != nil {
		return false
	}
	known := []string{"serviceName", "ipv4", "ipv6", "port", "value"}
	for key := range spanKeys {
		known = append(known, key)
	}
	var sound func(v any, within string) bool
	sound = func(v any, within string) bool {
		switch v := v.(type) {
		case nil:
			return false
		case json.Number:
			n, err := v.Int64()
			return err == nil && inRange(n)
		case []any:
			return !slices.ContainsFunc(v, func(one any) bool { return !sound(one, within) })
		case map[string]any:
			for key, one := range v {
				if within != "tags" && slices.ContainsFunc(known, func(k string) bool { return k != key && strings.EqualFold(k, key) }) || !sound(one, key) {
					return false
				}
			}
		}
		return true
	}
	for _, s := range list {
		for _, key := range []string{"traceId", "id", "parentId"} {
			id, isText := s[key].(string)
			if s[key] != nil && (!isText || strings.ToLower(id) != id || id == "" || len(id) > 16 && key != "traceId" || len(id) > 32) {
				return false
			}
		}
		annotations, _ := s["annotations"].([]any)
		for _, a := range annotations { // zipkin-go takes one without a text
			if a, _ := a.(map[string]any); a["value"] == nil {
				return false
			}
		}
		if s["binaryAnnotations"] != nil || strings.Trim(fmt.Sprint(s["parentId"]), "0") == "" || !sound(s, "") {
			return false
		}
	}
	return true
}

// repeatsKeys is true if an object has a key twice.
func repeatsKeys(body []byte) bool {
	d := json.NewDecoder(bytes.NewReader(body))
	var value func() bool
	value = func() bool {
		token, _ := d.Token()
		if token != json.Delim('{') && token != json.Delim('[') {
			return false
		}
		keys := map[any]bool{}
		for d.More() {
			if token == json.Delim('{') {
				key, _ := d.Token()
				if keys[key] {
					return true
				}
				keys[key] = true
			}
			if value() {
				return true
			}
		}
		_, _ = d.Token()
		return false
	}
	return value()
}

func compareModel(t *testing.T, body []byte) {
	t.Helper()
	b, err := decode(t, formatV2JSON, bytes.Clone(body))
	if isText := utf8.Valid(body) && len(body) > 0; isText && !isList(t, body, err) || !isComparable(body) {
		return
	}
	var list []*model.SpanModel
	if json.Unmarshal(body, &list) != nil {
		return // zipkin-go is stricter than the server
	}
	if d := gocmp.Diff(showModels(list), showSpans(b)); d != "" {
		t.Fatalf("%s\n%v: -zipkin-go +ours:\n%s", body, err, d)
	}
	for name, out := range map[string][]byte{"copied": encode(b), "anew": rewrite(b)} {
		var again []*model.SpanModel
		if err := json.Unmarshal(out, &again); err != nil {
			if !hasOldAnnotation(b) { // the server keeps such, zipkin-go refuses them
				t.Fatalf("%s\n%s: %s\nzipkin-go says %v", body, name, out, err)
			}
		} else if d := gocmp.Diff(showSpans(b), showModels(again)); d != "" {
			t.Fatalf("%s\n%s: %s\n-ours +zipkin-go:\n%s", body, name, out, d)
		}
	}
	for _, m := range list {
		if m.TraceID.Empty() || m.Kind != "" {
			return
		}
	}
	if err != nil {
		t.Fatalf("%s\n%v, which zipkin-go takes", body, err)
	}
}

func hasOldAnnotation(b *span.Batch) bool {
	for i := range b.Spans() {
		if slices.ContainsFunc(b.Events(b.Spans()[i].Events), func(e span.Event) bool { return e.Time <= 0 }) {
			return true
		}
	}
	return false
}

// FuzzV2JSONAgainstModel holds reader and writer against encoding/json and zipkin-go's
// model: what they take is taken, with the same content, what is no JSON is refused, and
// what is written, copied or anew, they read as the same.
func FuzzV2JSONAgainstModel(f *testing.F) {
	for _, s := range samples(f) {
		if s.format == formatV2JSON && len(s.body) < 20_000 {
			f.Add(s.body)
		}
	}
	const one = `{"traceId":"463ac35c9f6413ad48485a3953bb6124","parentId":"a2fb4a1d1a96d311","id":"a2fb4a1d1a96d312","kind":"CLIENT","name":"g\u00ebt","timestamp":1700000000000000,` +
		`"duration":15,"localEndpoint":{"serviceName":"orders","ipv4":"10.0.0.1","port":80},"remoteEndpoint":{"serviceName":"db","ipv6":"2001:db8::1"},` +
		`"annotations":[{"timestamp":1700000000000002,"value":"b"},{"value":"a","timestamp":1700000000000001}],"tags":{"http.method":"GET","error":"true","a\"b":"\ud83d\ude80"},"shared":true}`
	f.Add([]byte("[" + one + "," + one + "]"))
	f.Add([]byte("[ " + strings.NewReplacer(":", " : ", ",", " ,\n").Replace(`{"id":"2","traceId":"1","shared":true,"debug":true,"x":[{"y":{}}]}`) + " ]"))
	f.Add([]byte(`[{"traceId":"00000000000000000000000000000001","id":"00a","parentId":"a","kind":"SERVER","localEndpoint":{"ipv4":"1.2.3.4","ipv6":"::1"},"remoteEndpoint":{}}]`))
	f.Fuzz(compareModel)
}
