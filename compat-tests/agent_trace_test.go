// SPDX-License-Identifier: Apache-2.0

package compat_test

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spanbridge/spanbridge/compat-tests/lab"
)

// hashed is the first eight bytes of a hash in hex: what ids of SkyWalking's
// names are made of.
func hashed(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "")))
	return hex.EncodeToString(sum[:8])
}

// traceNumber is the id of a trace that a Java agent named.
func traceNumber(name string) string {
	sum := sha256.Sum256([]byte("sw8:t:" + name))
	return hex.EncodeToString(sum[:16])
}

// segmentOf is the name of the segment in which a span of another protocol goes
// to OAP.
func segmentOf(t *testing.T, trace, id string) string {
	t.Helper()
	number, err := hex.DecodeString(trace)
	if err != nil {
		t.Fatal(err)
	}
	return hashed("sw8:p:", string(number)) + id
}

// A party of a trace reports its spans by a protocol of its own.
type party struct {
	path string // of Zipkin's or SkyWalking's HTTP port
	body string
}

// brave is a report of spans in Zipkin's JSON.
func brave(spans ...string) party { return party{zipkinPath, "[" + strings.Join(spans, ",") + "]"} }

// javaAgent is a report of a segment.
func javaAgent(trace, segment, service string, spans ...string) party {
	return party{"/v3/segments", fmt.Sprintf(`[{"traceId":%q,"traceSegmentId":%q,"service":%q,"serviceInstance":"%s-1@10.0.0.9","spans":[%s]}]`,
		trace, segment, service, service, strings.Join(spans, ","))}
}

// refTo is a reference of a segment's entry.
func refTo(trace, segment string, number int, service string) string {
	return fmt.Sprintf(`"refs":[{"refType":"CrossProcess","traceId":%q,"parentTraceSegmentId":%q,"parentSpanId":%d,"parentService":%q,`+
		`"parentServiceInstance":"i","parentEndpoint":"e","networkAddressUsedAtPeer":"a"}]`, trace, segment, number, service)
}

// I6: the four ways in which Zipkin's clients and SkyWalking's agents follow each
// other in a trace, with the caller reporting first, last, and never. Each is one
// trace with the parents that the headers said: in the view of the gateway, and
// of a second one that gets all of it as segments in OAP's stead.
func TestI6FourCases(t *testing.T) {
	far := startBridge(t, "")
	near := startBridge(t, fmt.Sprintf("targets:\n  oap: {kind: skywalking, endpoint: %q}\n", far.SkyWalkingGRPC))
	now := time.Now()
	ms, µs := now.UnixMilli(), now.UnixMicro()
	span := func(trace, id, parent, kind, service, ip string, more ...string) string {
		s := fmt.Sprintf(`{"traceId":%q,"id":%q,"kind":%q,"name":"n%s","timestamp":%d,"duration":5000,"localEndpoint":{"serviceName":%q,"ipv4":%q}`,
			trace, id, kind, id, µs, service, ip)
		if parent != "" {
			s += fmt.Sprintf(`,"parentId":%q`, parent)
		}
		return s + strings.Join(more, "") + "}"
	}
	agentSpan := func(number, parent int, kind, more string) string {
		s := fmt.Sprintf(`{"spanId":%d,"parentSpanId":%d,"startTime":%d,"endTime":%d,"operationName":"/op%d","spanType":%q,"spanLayer":"Http"`, number, parent, ms, ms+5, number, kind)
		if kind == "Exit" {
			s += `,"peer":"billing:8080"`
		}
		if more != "" {
			s += "," + more
		}
		return s + "}"
	}
	agentID := func(segment string, number int) string { return hashed("sw8:s:", segment, "S", fmt.Sprint(number)) }
	const entry, exit, server, client = "48485a3953bb6124", "00f067aa0ba902b7", "0a1b2c3d4e5f6071", "1122334455667788"

	type waiting struct {
		name, trace string
		want        map[string]string // parent of each span, by ids
	}
	var all []waiting
	send := func(p party) {
		t.Helper()
		base := near.Zipkin
		if p.path != zipkinPath {
			base = "http://" + near.SkyWalkingHTTP
		}
		post(t, base+p.path, p.body)
	}
	run := 0
	// f tells a case thrice. The parties stand from the caller to the called;
	// story makes them for a number, by which nothing of one story is in another.
	f := func(name string, story func(n string) (trace string, parties []party, parents []map[string]string)) {
		t.Helper()
		for _, how := range []string{"caller first", "caller last", "caller never"} {
			run++
			n := fmt.Sprintf("%08x", binary.BigEndian.Uint32([]byte{9, 9, byte(run >> 8), byte(run)}))
			trace, parties, parents := story(n)
			switch how {
			case "caller last":
				slices.Reverse(parties)
				slices.Reverse(parents)
			case "caller never":
				parties, parents = parties[1:], parents[1:]
			}
			want := make(map[string]string)
			for i, p := range parties {
				send(p)
				maps.Copy(want, parents[i])
			}
			all = append(all, waiting{name + ", " + how, trace, want})
		}
	}
	zipkinTrace := func(n string) string { return "463ac35c9f6413ad48485a39" + n }
	javaTrace := func(n string) string { return "56a5e1c519ae4c76a2b8b11d" + n + ".12.16563474296430001" }

	f("Zipkin, agent", func(n string) (string, []party, []map[string]string) {
		trace, segment := zipkinTrace(n), "0b1d"+n+".31.1"
		return trace, []party{
			brave(span(trace, entry, "", "SERVER", "frontend", "10.0.0.5"), span(trace, exit, entry, "CLIENT", "frontend", "10.0.0.5", `,"remoteEndpoint":{"serviceName":"order"}`)),
			javaAgent(trace, segment, "order", agentSpan(0, -1, "Entry", refTo(trace, segmentOf(t, trace, exit), 0, "frontend"))),
		}, []map[string]string{{entry: "", exit: entry}, {agentID(segment, 0): exit}}
	})
	for _, joined := range []bool{false, true} {
		f(fmt.Sprintf("agent, Zipkin joined %v", joined), func(n string) (string, []party, []map[string]string) {
			name, segment := javaTrace(n), "56a5"+n+".12.2"
			trace, caller := traceNumber(name), agentID(segment, 1)
			called := span(trace, server, caller, "SERVER", "order", "10.0.0.7")
			parents := map[string]string{server: caller}
			if joined {
				// The id is made of the wire's and of the endpoint; here it is only known
				// that it is another, below the caller's.
				called = span(trace, caller, "", "SERVER", "order", "10.0.0.7", `,"shared":true`)
				parents = map[string]string{"joined": caller}
			}
			return trace, []party{
				javaAgent(name, segment, "frontend", agentSpan(1, 0, "Exit", ""), agentSpan(0, -1, "Entry", "")),
				brave(called),
			}, []map[string]string{{agentID(segment, 0): "", caller: agentID(segment, 0)}, parents}
		})
	}
	f("Zipkin, agent, Zipkin", func(n string) (string, []party, []map[string]string) {
		trace, segment := zipkinTrace(n), "0b1d"+n+".31.3"
		caller := agentID(segment, 1)
		return trace, []party{
			brave(span(trace, exit, "", "CLIENT", "frontend", "10.0.0.5", `,"remoteEndpoint":{"serviceName":"order"}`)),
			javaAgent(trace, segment, "order", agentSpan(1, 0, "Exit", ""), agentSpan(0, -1, "Entry", refTo(trace, segmentOf(t, trace, exit), 0, "frontend"))),
			brave(span(trace, server, caller, "SERVER", "billing", "10.0.0.8")),
		}, []map[string]string{{exit: ""}, {agentID(segment, 0): exit, caller: agentID(segment, 0)}, {server: caller}}
	})
	f("agent, Zipkin, agent", func(n string) (string, []party, []map[string]string) {
		name, first, last := javaTrace(n), "56a5"+n+".12.4", "77aa"+n+".12.4"
		trace, caller := traceNumber(name), agentID(first, 1)
		return trace, []party{
			javaAgent(name, first, "frontend", agentSpan(1, 0, "Exit", ""), agentSpan(0, -1, "Entry", "")),
			brave(span(trace, server, caller, "SERVER", "order", "10.0.0.7"), span(trace, client, server, "CLIENT", "order", "10.0.0.7", `,"remoteEndpoint":{"serviceName":"billing"}`)),
			javaAgent(name, last, "billing", agentSpan(0, -1, "Entry", refTo(name, segmentOf(t, trace, client), 0, "order"))),
		}, []map[string]string{{agentID(first, 0): "", caller: agentID(first, 0)}, {server: caller, client: server}, {agentID(last, 0): client}}
	})

	for _, w := range all {
		for where, b := range map[string]*lab.Bridge{"near": near, "far": far} {
			lab.Eventually(t, visible, w.name+" "+where, func(ctx context.Context) error {
				spans, err := b.Story(ctx, w.trace)
				if err != nil {
					return err
				}
				got := make(map[string]string)
				for _, s := range spans {
					_, parent, _ := strings.Cut(s.Parent, "/")
					if _, known := w.want[s.ID]; !known {
						s.ID = "joined"
					}
					got[s.ID] = parent
				}
				if !maps.Equal(got, w.want) || len(spans) != len(w.want) {
					return fmt.Errorf("parents %v, want %v", got, w.want)
				}
				return nil
			})
		}
	}
}
