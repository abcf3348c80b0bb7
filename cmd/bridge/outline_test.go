// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/spanbridge/spanbridge/config"
	"github.com/spanbridge/spanbridge/internal/metrics"
	"github.com/spanbridge/spanbridge/span"
)

const zipkinJSON = "zipkin.v2.json"

// tagged is a span in the normal form, with a name in a tag alone.
func tagged(name string) string {
	return fmt.Sprintf(`[{"traceId":"000000000000000a","id":"000000000000000b","name":"get","localEndpoint":{"serviceName":"shop"},"tags":{"which":%q}}]`, name)
}

func (r *running) postTagged(name string) {
	r.t.Helper()
	resp, err := http.Post("http://"+r.receivers.Address("zipkin").String()+"/api/v2/spans", "application/json", strings.NewReader(tagged(name)))
	if err != nil {
		r.t.Error(err)
		return
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusAccepted {
		r.t.Error(resp.Status)
	}
}

// Spans are outlined as long as all targets copy them. Each configuration follows the
// one before by a reload, and tags arrive at every target of all of them.
func TestOutlineByTargets(t *testing.T) {
	t.Parallel()
	copying, other := newBackend(t), newBackend(t)
	const none = "view: {enabled: false}\n"
	zipkin := fmt.Sprintf("  a: {kind: zipkin, endpoint: %q}\n", copying.http.URL)
	more := func(kind, endpoint, rest string) string {
		return fmt.Sprintf("  b: {kind: %s, endpoint: %q, batch: {linger: 1ms}%s}\n", kind, endpoint, rest)
	}
	r := start(t, none+"targets:\n"+zipkin)
	for i, c := range []struct {
		text  string
		more  bool
		wants bool
	}{
		{zipkin, false, true},
		{zipkin + more("zipkin", other.http.URL, ", residue: plain"), true, true},
		{zipkin + more("zipkin", other.http.URL, ", residue: otel"), true, false},
		{zipkin + more("otlp-grpc", other.grpc, ""), true, false},
		{zipkin + "rename: {services: {shop: store}}\n", false, false},
		{zipkin + "sampling: {gateway: 0.999}\n", false, true},
		{zipkin + more("jaeger", other.grpc, ""), true, false},
		{zipkin, false, true},
	} {
		r.to(none + "targets:\n" + c.text)
		if got := r.outlines(zipkinJSON); got != c.wants || r.outlines("zipkin.proto3") || r.outlines("") {
			t.Errorf("%s: outlined %v, want %v", c.text, got, c.wants)
		}
		name := fmt.Sprintf("span-%04d-a", i)
		r.postTagged(name)
		until(t, "the tag at the target that copies", func() bool { return copying.has(name) })
		if c.more {
			until(t, "the tag at the other target", func() bool { return other.has(name) })
		}
	}
	r.idle()
	r.sums("a")
	r.to("view: {enabled: false}\n")
	if r.outlines(zipkinJSON) {
		t.Error("outlined though nobody copies")
	}
}

// Whatever a reload makes of the target while spans come, their tags arrive: outlines
// from before it are decoded again.
func TestOutlinesAcrossReloads(t *testing.T) {
	t.Parallel()
	for name, kept := range map[string]string{"memory": "", "disk": fmt.Sprintf("queue: {dir: %q}\n", t.TempDir())} {
		t.Run(name, func(t *testing.T) {
			b := newBackend(t)
			target := func(kind, endpoint, rest string) string {
				return fmt.Sprintf("view: {enabled: false}\n%stargets:\n  a: {kind: %s, endpoint: %q, batch: {linger: 1ms}%s}\n", kept, kind, endpoint, rest)
			}
			zipkin, rename := target("zipkin", b.http.URL, ""), "rename: {services: {shop: store}}\n"
			otlp := target("otlp-grpc", b.grpc, "")
			r := start(t, zipkin)
			const clients, each = 3, 100
			var posting sync.WaitGroup
			for c := range clients {
				posting.Go(func() {
					for i := range each {
						r.postTagged(fmt.Sprintf("span-%d%03d-a", c, i))
					}
				})
			}
			for _, text := range []string{otlp, zipkin + rename, target("zipkin", b.http.URL, ", residue: plain"), otlp + rename, target("jaeger", b.grpc, ""), zipkin} {
				r.to(text)
			}
			posting.Wait()
			r.idle()
			r.sums("a")
			if _, names, _ := b.state(); names != clients*each {
				t.Errorf("the tags of %d spans arrived, want those of %d", names, clients*each)
			}
		})
	}
}

func TestOutlineWithView(t *testing.T) {
	t.Parallel()
	r := start(t, "targets: {a: {kind: zipkin, endpoint: \"http://127.0.0.1:1\"}}\n")
	if r.outlines(zipkinJSON) {
		t.Error("outlined though the view shows tags")
	}
}

// Rules that change names are given whole batches, though they were not in force
// when it was decoded.
func TestRulesForOutlines(t *testing.T) {
	t.Parallel()
	cfg := config.Default(known(protocols(nil)))
	cfg.Rename.Services = map[string]string{"shop": "store"}
	whole := decoder(protocols(nil))
	var got *span.Batch
	sink := &ruledSink{newRulebook(newRules(cfg)), whole, sinkFunc(func(b *span.Batch) error { got = b; return nil }), metrics.New(prometheus.NewRegistry())}
	b, err := whole([]byte(tagged("x")), span.Origin{Format: zipkinJSON, Outline: true, Patience: time.Second})
	if err != nil || b.Outline() == nil {
		t.Fatal(err, "it is not outlined")
	}
	if err := sink.Put(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	s := &got.Spans()[0]
	if got.Outline() != nil || got.Str(s.Local.Service) != "store" || s.Attrs.Len() != 1 || got.Origin.Patience != time.Second {
		t.Errorf("service %q, %d tags", got.Str(s.Local.Service), s.Attrs.Len())
	}
	again, err := sink.book.decode(whole)(b.Body(), b.Origin)
	if err != nil || again.Outline() != nil || again.Spans()[0].Attrs.Len() != 1 {
		t.Errorf("%v: outlined on reading again", err)
	}
}
