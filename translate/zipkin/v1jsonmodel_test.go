// SPDX-License-Identifier: Apache-2.0

package zipkin

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/translate/wire"
)

// plainJSON reads a span of version 1 out of what encoding/json made of it, by the
// rules of the server's V1JsonSpanReader said once more.
type plainJSON struct {
	refused bool // the server refuses the span
	aside   bool // what the reader of the gateway takes, as the server does, in forms that JSON has not
}

func (r *plainJSON) text(v any) string {
	s, ok := v.(string)
	r.aside = r.aside || !ok
	return s
}

func (r *plainJSON) integer(v any) int64 {
	n, ok := v.(json.Number)
	i, err := n.Int64()
	r.aside = r.aside || !ok || err != nil
	r.refused = r.refused || !inRange(i)
	return i
}

// id reads up to 32 digits; of fewer the last 16 count.
func (r *plainJSON) id(v any) (hi, lo uint64) {
	s := r.text(v)
	if s == "" || len(s) > 32 || strings.Trim(s, "0123456789abcdef") != "" {
		r.refused = true
		return 0, 0
	}
	if len(s) == 32 {
		hi, _ = strconv.ParseUint(s[:16], 16, 64)
	}
	lo, _ = strconv.ParseUint(s[max(0, len(s)-16):], 16, 64)
	return hi, lo
}

func (r *plainJSON) list(v any) (objects []map[string]any) {
	list, ok := v.([]any)
	r.refused = r.refused || !ok
	for _, one := range list {
		o, ok := one.(map[string]any)
		r.refused = r.refused || !ok
		objects = append(objects, o)
	}
	return objects
}

func (r *plainJSON) host(v any) (n plainNote) {
	e, ok := v.(map[string]any)
	r.refused = r.refused || v != nil && !ok
	var ours span.Endpoint
	for key, v := range e {
		switch {
		case v == nil:
		case key == "serviceName":
			n.service = r.text(v)
		case key == "port":
			port := r.integer(v)
			r.refused = r.refused || port > 65535
			n.port = uint16(max(port, 0))
		case key == "ipv4" || key == "ipv6":
			a, err := netip.ParseAddr(r.text(v))
			switch {
			case err != nil || a.Zone() != "" || a.Is4() != (key == "ipv4") || strings.Contains(fmt.Sprint(v), ":") && strings.Contains(fmt.Sprint(v), "."):
				r.aside = true // zipkin_test.go
			case a.Is4():
				ours.SetIP4(a.As4())
			default:
				ours.SetIP6(a.As16())
			}
		}
	}
	n.ip = fmt.Sprint(ours.IP4(), ours.IP6())
	return n
}

func (r *plainJSON) span(m map[string]any) *plainV1 {
	s := &plainV1{}
	for key, v := range m {
		switch {
		case key == "traceId":
			s.traceHi, s.trace = r.id(v)
		case key == "id":
			_, s.id = r.id(v)
		case key == "localEndpoint" || key == "remoteEndpoint" || key == "tags":
			r.refused = true // of version 2
		case v == nil:
		case key == "parentId":
			_, s.parent = r.id(v)
		case key == "name":
			s.name = r.text(v)
		case key == "timestamp":
			s.start = r.integer(v)
		case key == "duration":
			s.duration = r.integer(v)
		case key == "debug":
			yes, ok := v.(bool)
			r.refused, s.debug = r.refused || !ok, yes
		case key == "annotations":
			for _, a := range r.list(v) {
				n := r.host(a["endpoint"])
				if a["timestamp"] == nil || a["value"] == nil {
					_, timed := a["timestamp"]
					_, valued := a["value"]
					r.refused, r.aside = true, r.aside || timed && a["timestamp"] == nil || valued && a["value"] == nil
					continue
				}
				n.time, n.value = r.integer(a["timestamp"]), r.text(a["value"])
				s.annotations = append(s.annotations, n)
			}
		case key == "binaryAnnotations":
			for _, b := range r.list(v) {
				n := r.host(b["endpoint"])
				if b["key"] == nil {
					r.refused = true
					continue
				}
				n.key, n.kind = r.text(b["key"]), span.String
				if text, ok := b["value"].(string); ok {
					n.value = text
					s.tags = append(s.tags, n)
				}
			}
		}
	}
	r.refused = r.refused || s.trace == 0 || s.id == 0
	return s
}

// compareV1JSON holds the reader of version 1's JSON against encoding/json.
func compareV1JSON(t *testing.T, body []byte) {
	t.Helper()
	if !utf8.Valid(body) || len(body) == 0 || body[0] != '[' {
		return
	}
	r := &reader{w: span.NewBuilder(body, span.Origin{}), j: wire.JSON{Buf: bytes.Clone(body)}}
	type answer struct {
		refused bool
		text    string
	}
	var got []answer
	r.j.Array()
	for r.j.Elem() {
		r.faulty = false
		if r.j.Peek() == '{' {
			r.v1json()
		} else {
			r.refuseValue("", "a span object")
		}
		if r.j.Err == nil {
			got = append(got, answer{r.faulty && r.fault != tooManyServices, r.v1.plain(r.w).show()})
		}
	}
	if !isList(t, body, r.j.Err) || repeatsKeys(body) {
		return
	}
	if r.j.Err != nil {
		if !strings.Contains(r.j.Err.Error(), "deep") {
			t.Fatalf("%q\n%v, which encoding/json takes", body, r.j.Err)
		}
		return
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	var list []any
	if err := d.Decode(&list); err != nil || len(list) != len(got) {
		t.Fatalf("%q\n%d spans, encoding/json has %d, %v", body, len(got), len(list), err)
	}
	for i, one := range list {
		m, ok := one.(map[string]any)
		model := plainJSON{refused: !ok}
		s := model.span(m)
		if model.aside {
			continue
		}
		if got[i].refused != model.refused {
			t.Fatalf("%q\nspan %d: refused %v, %v, by encoding/json %v", body, i+1, got[i].refused, r.fault, model.refused)
		}
		if d := gocmp.Diff(s.show(), got[i].text); d != "" && !model.refused {
			t.Fatalf("%q\nspan %d: -encoding/json +ours:\n%s", body, i+1, d)
		}
	}
}

// isList is true for a body that begins with a value by encoding/json; what stands
// behind it nobody looks at. Where there is none the reader must have found so, but in
// texts with controls, or with a backslash before something else than JSON has there.
func isList(t *testing.T, body []byte, err error) bool {
	t.Helper()
	begins := func(body []byte) error { return json.NewDecoder(bytes.NewReader(body)).Decode(&json.RawMessage{}) }
	upstream := begins(body)
	if upstream != nil && err == nil && !bytes.Contains(body, []byte(`\`)) && begins(bytes.Map(blank, body)) != nil {
		t.Fatalf("%q\nis taken, encoding/json says %v", body, upstream)
	}
	return upstream == nil
}

func blank(c rune) rune { return max(c, ' ') }

// FuzzV1JSONAgainstModel holds the reader of version 1's JSON against encoding/json and
// the server's rules over it: the same answer, and the same refusal.
func FuzzV1JSONAgainstModel(f *testing.F) {
	for _, s := range samples(f) {
		if s.format == formatV1JSON && len(s.body) < 20_000 {
			f.Add(s.body)
		}
	}
	one := `{"traceId":"9463ac35c9f6413ad48485a3953bb612","id":"00a2fb4a1d1a96d312","parentId":null,"name":"g\u00ebt","timestamp":1700000000000000,"duration":15,"debug":true,` +
		`"annotations":[{"timestamp":1700000000000002,"value":"cs","endpoint":{"serviceName":"a","ipv4":"10.0.0.1","port":80}},{"value":"x","timestamp":-1,"endpoint":null}],` +
		`"binaryAnnotations":[{"key":"sa","value":true,"endpoint":{"ipv6":"2001:db8::1"}},{"key":"a\"b","value":"\ud83d\ude80"},{"key":"n","value":12},{"key":"","value":""}]}`
	f.Add([]byte("[" + one + "," + one + "]"))
	f.Add([]byte("[ " + strings.NewReplacer(":", " : ", ",", " ,\n").Replace(`{"id":"2","traceId":"1","debug":false,"x":[{"y":{}}]},{"id":"2","traceId":"1","tags":{}},7`) + " ] x"))
	f.Add([]byte(`[{"traceId":"463ac35c9f6413ad48485a39","id":"463ac35c9f6413ad48485a3953bb6124"},{"traceId":"463ac35c9f6413ad48485a3953bb612","id":"1"}]`))
	f.Add([]byte(`[{"traceId":"0","id":"1"},{"traceId":"1","id":"1","timestamp":9223372036854775807},{"traceId":"1","id":"1","annotations":[{"timestamp":1}]}]`))
	f.Add([]byte(`[{"traceId":"1","id":"1","annotations":{}},{"traceId":"1","id":"1","binaryAnnotations":[{"value":"1"}]},{"traceId":"1","id":"1","binaryAnnotations":[7]},{"traceId":"1","id":"1","debug":1}]`))
	f.Fuzz(compareV1JSON)
}
