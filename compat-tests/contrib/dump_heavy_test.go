// SPDX-License-Identifier: Apache-2.0

//go:build heavy

package contrib

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

// dump writes traces as lines, spans in the order of their names: of each span
// what the Collector knows of it, the attributes in the order of their keys.
// What is empty has no line. Times are left out: they differ from span to span
// in nothing that is asked here.
func dump(td ptrace.Traces) string {
	var spans []string
	for _, rs := range td.ResourceSpans().All() {
		for _, ss := range rs.ScopeSpans().All() {
			for _, s := range ss.Spans().All() {
				spans = append(spans, dumpSpan(s, ss.Scope(), rs.Resource()))
			}
		}
	}
	slices.Sort(spans)
	return strings.Join(spans, "")
}

func dumpSpan(s ptrace.Span, scope pcommon.InstrumentationScope, resource pcommon.Resource) string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("%s %s %s", s.Name(), strings.ToLower(s.Kind().String()), s.SpanID())
	if !s.ParentSpanID().IsEmpty() {
		line("  parent %s", s.ParentSpanID())
	}
	if r := fields(resource.Attributes()); r != "" {
		line("  resource%s", r)
	}
	if scope.Name() != "" {
		line("  scope %s %s", scope.Name(), scope.Version())
	}
	if s.Status().Code() != ptrace.StatusCodeUnset || s.Status().Message() != "" {
		line("  status %s %q", strings.ToLower(s.Status().Code().String()), s.Status().Message())
	}
	if v := s.TraceState().AsRaw(); v != "" {
		line("  tracestate %s", v)
	}
	for _, e := range s.Events().All() {
		line("  event %q dropped %d%s", e.Name(), e.DroppedAttributesCount(), fields(e.Attributes()))
	}
	for _, l := range s.Links().All() {
		line("  link %s %s %q dropped %d%s", l.TraceID(), l.SpanID(), l.TraceState().AsRaw(), l.DroppedAttributesCount(), fields(l.Attributes()))
	}
	if a := fields(s.Attributes()); a != "" {
		line("  attrs%s", a)
	}
	return b.String()
}

// fields are attributes as JSON, which tells text from numbers.
func fields(m pcommon.Map) string {
	var all []string
	for k, v := range m.All() {
		if k == "bridge.x" || strings.HasPrefix(k, "otel.scope.") {
			continue // for gateways, and the scope by a name that not all of the translators know
		}
		all = append(all, " "+k+"="+text(v.AsRaw()))
	}
	slices.Sort(all)
	return strings.Join(all, "")
}

// text is a value as JSON for people.
func text(v any) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(v)
	return strings.TrimSuffix(b.String(), "\n")
}

// expect compares a dump.
func expect(t *testing.T, td ptrace.Traces, want string) {
	t.Helper()
	if diff := cmp.Diff(strings.TrimPrefix(want, "\n"), dump(td)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
