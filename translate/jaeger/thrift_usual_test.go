// SPDX-License-Identifier: Apache-2.0

package jaeger

import (
	"bytes"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	thriftgen "github.com/jaegertracing/jaeger-idl/thrift-gen/jaeger"

	"github.com/spanbridge/spanbridge/span"
)

// sameLiteral holds a batch read by its usual forms against one that was read field
// by field.
func sameLiteral(t *testing.T, body []byte) {
	t.Helper()
	sameRead(t, body, func(literal bool) (*span.Batch, error) {
		r := newThriftReader(bytes.Clone(body), span.Origin{Format: formatThrift}, "thrift")
		r.Compact = isCompactStruct(body)
		r.literal = literal
		r.batch()
		return r.finish()
	})
}

// sameRead holds what is read by usual forms against what is read field by field.
func sameRead(t *testing.T, body []byte, decode func(literal bool) (*span.Batch, error)) {
	t.Helper()
	read := func(literal bool) string {
		b, err := decode(literal)
		var exact []bool
		for i := range b.Spans() {
			exact = append(exact, b.Spans()[i].Has&span.Exact != 0)
		}
		return fmt.Sprintf("%v %v\n%s", err, exact, dump(b))
	}
	if want, got := read(true), read(false); want != got {
		t.Errorf("% x\n-field by field +usual:\n%s", body, cmp.Diff(want, got))
	}
}

// usualBatch has tags of every type and of every length that takes another form.
func usualBatch() *thriftgen.Batch {
	b := fullBatch()
	var tags []*thriftgen.Tag
	for _, n := range []int{0, 1, 3, 4, 7, 8, 9, 126, 127, 128, 129, 16384} {
		key := strings.Repeat("k", n)
		tags = append(tags, keyed(key, blob(bytes.Repeat([]byte{0xc3}, n)...)), keyed(key, str(strings.Repeat("v", n))), keyed(key, str(strings.Repeat("\xc3\xa9", n/2))), keyed(key, str("\xe9"+key)))
	}
	for _, v := range []int64{0, 1, -1, 63, 64, -64, -65, math.MaxInt64, math.MinInt64} {
		tags = append(tags, keyed("n", num(v)))
	}
	tags = append(tags, keyed("yes", truth(true)), keyed("no", truth(false)))
	for _, v := range []float64{0, 1.5, math.Inf(-1), math.NaN()} {
		tags = append(tags, keyed("f", float(v)))
	}
	// The type of one value, another one given: neither is usual.
	odd := keyed("odd", num(7))
	odd.VType = thriftgen.TagType_STRING
	both := keyed("both", num(7))
	both.VStr = new(string)
	tags = append(tags, odd, both, keyed("last", str("x")))
	b.Spans[0].Tags = tags
	b.Spans[0].Logs = append(b.Spans[0].Logs, &thriftgen.Log{Timestamp: 1, Fields: tags})
	b.Spans[0].References = append(b.Spans[0].References,
		ref(thriftgen.SpanRefType(-1), -1, math.MinInt64, 1), ref(thriftgen.SpanRefType(64), 1, 2, 0), ref(childOf, 0, 0, 5))
	return b
}

func TestThriftUsual(t *testing.T) {
	t.Parallel()
	for _, compact := range []bool{false, true} {
		sameLiteral(t, apacheWrite(usualBatch(), compact))
		body := apacheWrite(fullBatch(), compact)
		for cut := range body {
			sameLiteral(t, body[:cut])
		}
		for at := range body {
			for _, v := range []byte{0, 0xff} {
				other := bytes.Clone(body)
				other[at] = v
				sameLiteral(t, other)
			}
		}
	}
}

// Which tags say more than a tag does not depend on how many there are before them,
// nor on their forms.
func TestThriftTold(t *testing.T) {
	t.Parallel()
	for before := range 140 {
		for _, compact := range []bool{false, true} {
			b := fullBatch()
			b.Spans = b.Spans[:1]
			var tags []*thriftgen.Tag
			for i := range before {
				tag := keyed("http.route", str("/"))
				if i%7 == 3 {
					tag = keyed("http.status_code", num(200))
				}
				tags = append(tags, tag)
			}
			b.Spans[0].Tags = append(tags, keyed("span.kind", str("server")), keyed("http.route", str("/")),
				keyed("peer.service", str("caf\xe9")), keyed("error", truth(true)), keyed("peer.port", num(80)))
			body := apacheWrite(b, compact)
			sameLiteral(t, body)
			batch := decodeAll(t, body, formatThrift)
			s := &batch.Spans()[0]
			var mirrored int
			for _, a := range batch.Attrs(s.Attrs) {
				if a.Mirrored {
					mirrored++
				}
			}
			if s.Kind != span.KindServer || s.Status != span.StatusError || s.Remote.Port != 80 ||
				batch.Str(s.Remote.Service) != "caf\uFFFD" || mirrored != 4 {
				t.Errorf("behind %d tags: %+v, %d mirrored", before, s, mirrored)
			}
		}
	}
}

func FuzzThriftUsual(f *testing.F) {
	for _, compact := range []bool{false, true} {
		f.Add(apacheWrite(fullBatch(), compact))
		f.Add(apacheWrite(usualBatch(), compact))
	}
	f.Fuzz(sameLiteral)
}
