// SPDX-License-Identifier: Apache-2.0

package skywalking

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"unicode/utf16"

	"google.golang.org/protobuf/proto"
	agentv3 "skywalking.apache.org/repo/goapi/collect/language/agent/v3"
	managementv3 "skywalking.apache.org/repo/goapi/collect/management/v3"

	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/span/spantest"
	"github.com/spanbridge/spanbridge/translate"
)

// made is a span of another protocol.
type made struct {
	trace      span.TraceID
	id, parent span.ID
	kind       span.Kind
	name       string
	service    string
	ip         string
	remote     string // service
	remoteIP   string
	port       uint16
	start      int64 // ns, 0 for none
	duration   int64 // ns, -1 for none
	attrs      []any // key, value, …
	failed     bool
	message    string
	events     []string
	fields     []any // of each event
	resource   []any
	ok         bool
}

var z = span.TraceOf("463ac35c9f6413ad48485a3953bb6124")

// plain are the options with which a segment shows its form alone.
var plain = translate.EncoderOptions{Residue: translate.Plain}

const at = 1_700_000_000_000_000_000

// batch makes a batch as another protocol's decoder would.
func batch(format string, spans ...made) *span.Batch {
	return batchAt(received, format, spans...)
}

func batchAt(received int64, format string, spans ...made) *span.Batch {
	w := span.NewBuilder(nil, span.Origin{Format: format, Transport: "http", Received: received})
	text := func(s string) span.Text {
		if s == "" {
			return span.Text{}
		}
		return w.Copy(s)
	}
	attrs := func(kv []any) span.Range {
		mark := w.AttrMark()
		for i := 0; i < len(kv); i += 2 {
			key := w.Copy(kv[i].(string))
			switch v := kv[i+1].(type) {
			case string:
				w.Attr(span.StringAttr(key, w.Copy(v)))
			case int:
				w.Attr(span.IntAttr(key, int64(v)))
			case float64:
				w.Attr(span.FloatAttr(key, v))
			case nil:
				a := span.StringAttr(key, w.Copy("said by a field"))
				a.Mirrored = true
				w.Attr(a)
			}
		}
		return w.AttrsFrom(mark)
	}
	for _, m := range spans {
		s := span.Span{Trace: m.trace, ID: m.id, Parent: m.parent, Kind: m.kind, Name: text(m.name), Start: m.start, Duration: max(m.duration, 0)}
		if m.trace.IsZero() {
			s.Trace = z
		}
		s.Local.Service, s.Remote.Service = text(m.service), text(m.remote)
		if m.ip != "" {
			s.Local.SetIP(netip.MustParseAddr(m.ip))
		}
		if m.remoteIP != "" {
			s.Remote.SetIP(netip.MustParseAddr(m.remoteIP))
		}
		s.Remote.Port = m.port
		if m.start != 0 {
			s.Has |= span.HasStart
		}
		if m.duration >= 0 {
			s.Has |= span.HasDuration
		}
		if m.failed {
			s.Status, s.StatusMessage = span.StatusError, text(m.message)
		} else if m.ok {
			s.Status = span.StatusOK
		}
		if m.resource != nil {
			s.Resource = w.Resource(span.Resource{Attrs: attrs(m.resource)})
		}
		s.Attrs = attrs(m.attrs)
		mark := w.EventMark()
		for _, name := range m.events {
			e := span.Event{Time: at + 1_500_000, Attrs: attrs(m.fields)}
			if name != "-" {
				e.Name = w.Copy(name)
			}
			w.Event(e)
		}
		s.Events = w.EventsFrom(mark)
		w.Span(s)
	}
	return w.Batch()
}

// written is what an encoder makes of batches given in one call each.
func written(t testing.TB, e translate.Encoder, batches ...*span.Batch) (segments []*agentv3.SegmentObject, notes []string) {
	t.Helper()
	e.Reset()
	for _, b := range batches {
		if n := e.Add(spantest.Items(b)); n != 0 {
			t.Errorf("%d spans left out", n)
		}
	}
	return read(t, e.Messages())
}

func unmarshal(body []byte) (*agentv3.SegmentObject, error) {
	g := &agentv3.SegmentObject{}
	return g, proto.Unmarshal(body, g)
}

// read reads messages, and checks segments against what OAP and its pages need.
func read(t testing.TB, messages []translate.Message) (segments []*agentv3.SegmentObject, notes []string) {
	t.Helper()
	for _, m := range messages {
		switch m.Method {
		case methodCollect:
			g := &agentv3.SegmentObject{}
			if err := proto.Unmarshal(m.Body, g); err != nil {
				t.Fatal(err)
			}
			if err := obeys(g); err != nil {
				t.Errorf("%v\n%v", err, g)
			}
			segments = append(segments, g)
		case methodProperties:
			p := &managementv3.InstanceProperties{}
			if err := proto.Unmarshal(m.Body, p); err != nil {
				t.Fatal(err)
			}
			note := "properties " + p.Service + " " + p.ServiceInstance
			for _, kv := range p.Properties {
				note += " " + kv.Key + "=" + kv.Value
			}
			notes = append(notes, note)
		case methodKeepAlive:
			p := &managementv3.InstancePingPkg{}
			if err := proto.Unmarshal(m.Body, p); err != nil {
				t.Fatal(err)
			}
			notes = append(notes, "ping "+p.Service+" "+p.ServiceInstance)
		default:
			t.Fatalf("method %s", m.Method)
		}
	}
	return segments, notes
}

// obeys checks a converted segment: S1 and S8 of the test list.
func obeys(g *agentv3.SegmentObject) error {
	long := func(s string) int { return len(utf16.Encode([]rune(s))) }
	if g.TraceId == "" || g.TraceSegmentId == "" || g.Service == "" || g.ServiceInstance == "" {
		return fmt.Errorf("a segment without a name")
	}
	if long(g.TraceId) > 150 || long(g.TraceSegmentId) > 150 || long(g.Service) > maxService || long(g.ServiceInstance) > maxInstance {
		return fmt.Errorf("a name too long")
	}
	roots := 0
	for i, s := range g.Spans {
		if int(s.SpanId) != i {
			return fmt.Errorf("number %d at place %d", s.SpanId, i)
		}
		if s.ParentSpanId == -1 {
			roots++
		} else if len(s.Refs) > 0 || int(s.ParentSpanId) >= i {
			return fmt.Errorf("span %d has parent %d and %d refs", i, s.ParentSpanId, len(s.Refs))
		}
		if s.OperationName == "" || long(s.OperationName) > maxEndpoint || long(s.Peer) > maxPeer ||
			(len(g.Service)+2)/3*4+(len(s.OperationName)+2)/3*4 > 247 && len(s.OperationName) > 30 {
			return fmt.Errorf("operation %q", s.OperationName)
		}
		if s.StartTime <= 0 || s.EndTime < s.StartTime {
			return fmt.Errorf("from %d to %d", s.StartTime, s.EndTime)
		}
		if s.SpanType == agentv3.SpanType_Exit && (s.Peer == "" || s.SpanLayer == agentv3.SpanLayer_Unknown) {
			return fmt.Errorf("an exit to %q with layer %v", s.Peer, s.SpanLayer)
		}
		keys := make(map[string]bool)
		for _, kv := range s.Tags {
			if keys[kv.Key] && s.SpanLayer == agentv3.SpanLayer_Cache || kv.Key == "x-le" || kv.Key == "transmission.latency" && !isWhole(kv.Value) {
				return fmt.Errorf("tag %s=%s", kv.Key, kv.Value)
			}
			keys[kv.Key] = true
		}
		for _, r := range s.Refs {
			if r.TraceId != g.TraceId || r.ParentTraceSegmentId == "" || r.ParentService == "" || r.ParentServiceInstance == "" || r.ParentEndpoint == "" ||
				r.RefType == agentv3.RefType_CrossProcess && r.NetworkAddressUsedAtPeer == "" {
				return fmt.Errorf("ref %v", r)
			}
		}
	}
	if roots != 1 {
		return fmt.Errorf("%d roots", roots)
	}
	return nil
}

// show puts a segment of one span on a few lines.
func show(g *agentv3.SegmentObject) string {
	var w strings.Builder
	s := g.Spans[0]
	fmt.Fprintf(&w, "%s %s %s@%s %v %v %d %s", g.TraceId, g.TraceSegmentId, g.Service, g.ServiceInstance, s.SpanType, s.SpanLayer, s.ComponentId, s.OperationName)
	if s.Peer != "" {
		fmt.Fprintf(&w, " peer %s", s.Peer)
	}
	if s.SkipAnalysis {
		w.WriteString(" skip")
	}
	if s.IsError {
		w.WriteString(" error")
	}
	w.WriteByte('\n')
	for _, kv := range s.Tags {
		fmt.Fprintf(&w, "  %s=%s\n", kv.Key, kv.Value)
	}
	for _, l := range s.Logs {
		fmt.Fprintf(&w, "  log %d", l.Time)
		for _, kv := range l.Data {
			fmt.Fprintf(&w, " %s=%s", kv.Key, kv.Value)
		}
		w.WriteByte('\n')
	}
	for _, r := range s.Refs {
		fmt.Fprintf(&w, "  ref %v %s %d %s@%s %s %s\n", r.RefType, r.ParentTraceSegmentId, r.ParentSpanId, r.ParentService, r.ParentServiceInstance, r.ParentEndpoint, r.NetworkAddressUsedAtPeer)
	}
	return w.String()
}
