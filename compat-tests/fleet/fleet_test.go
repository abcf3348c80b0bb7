// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/openzipkin/zipkin-go/model"
	"google.golang.org/protobuf/proto"
)

// The mapping of names is a contract between bridges of headers: these values
// are those of its description.
func TestNames(t *testing.T) {
	const (
		java    = "56a5e1c519ae4c76a2b8b11d92cead7f.12.16563474296430001"
		segment = "56a5e1c519ae4c76a2b8b11d92cead7f.12.16563474296430002"
		b3      = "463ac35c9f6413ad48485a3953bb6124"
	)
	f := func(got, want string) {
		t.Helper()
		if got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	f(traceOf(java).hex32(), "5741ef14a11c13bf5919387eb2d5b5f7")
	f(traceOf(b3).hex32(), b3)
	f(hex16(traceOf(b3).prefix()), "838055281761a3e8")
	f(hex16(spanOf(segment, 2)), "dd13ca1c79f8e987")
	f(segmentName(traceOf(java), 0x0a1b2c3d4e5f6071), "ef6822bb66f40f180a1b2c3d4e5f6071")
}

func TestSameSeedSameFleet(t *testing.T) {
	a, b := small(t), small(t)
	if !reflect.DeepEqual(a.Spans, b.Spans) || !reflect.DeepEqual(a.Segments, b.Segments) || !reflect.DeepEqual(a.Traces, b.Traces) {
		t.Error("two fleets of one seed differ")
	}
}

// A fleet has every kind of call and every protocol, and its truth is sound.
func TestFleetIsSound(t *testing.T) {
	f := New(Options{Seed: 7, Spans: 50_000, Instances: 3, Begin: time.Unix(1_700_000_000, 0), Length: time.Second, Interval: time.Second, Proxies: 0.02, Unflagged: 0.3, Loss: 0.01})
	var byCase [cases]int
	byProtocol := make(map[Protocol]int)
	users := make(map[string]int)
	for i := range f.Spans {
		s := &f.Spans[i]
		byCase[s.Case]++
		byProtocol[f.service(s.Instance).Protocol]++
		if s.Parent >= int32(i) || s.Parent < -1 {
			t.Fatalf("span %d has the parent %d", i, s.Parent)
		}
		if s.Parent >= 0 && f.Spans[s.Parent].Trace != s.Trace {
			t.Fatalf("span %d has a parent in another trace", i)
		}
		if s.End < s.Start {
			t.Fatalf("span %d ends before it begins", i)
		}
		client := s.Parent
		if s.Case == CaseBehindProxy { // the header is the client's still
			client = f.Spans[s.Parent].Parent
		}
		switch {
		case s.Parent < 0:
		case s.Joined && (s.ID != f.Spans[client].ID || s.ParentID != f.Spans[client].ParentID):
			t.Fatalf("span %d joined, and has not the identity of its client", i)
		case !s.Joined && s.ParentID != f.Spans[client].ID:
			t.Fatalf("span %d does not name its parent", i)
		}
		// Two halves of one id at one place could not be told apart by anybody.
		key := fmt.Sprint(s.Trace, s.ID, s.Joined, s.Instance)
		if users[key]++; users[key] > 1 {
			t.Fatalf("span %d has an id that its own process has given", i)
		}
	}
	for c, n := range byCase {
		if n == 0 {
			t.Errorf("no span of the case %s", Case(c))
		}
	}
	for p := range OTLPHTTP + 1 {
		if byProtocol[p] == 0 {
			t.Errorf("no span by %s", protocolNames[p])
		}
	}
	if share := float64(f.Unflagged) / float64(f.Joins); share < joinShare-0.05 || share > joinShare+0.05 {
		t.Errorf("%.3f of the joins are unflagged, want about %.1f", share, joinShare)
	}
	if size := len(f.Spans) / len(f.Traces); size < 15 || size > 45 {
		t.Errorf("%d spans a trace", size)
	}
}

// Every span is reported once, after its end and in the order of time.
func TestSchedule(t *testing.T) {
	f := small(t)
	for _, o := range []Options{{Spans: 5000, Interval: time.Second}, {Spans: 5000, Spread: time.Second}} {
		seen := make([]int, len(f.Spans))
		for i, reports := range f.schedule(o) {
			last := int64(0)
			for _, r := range reports {
				if r.at < last {
					t.Fatalf("instance %d reports at %d after %d", i, r.at, last)
				}
				last = r.at
				for _, n := range r.units {
					spans := []int32{n}
					if f.service(int32(i)).Protocol == SkyWalking {
						spans = f.Segments[n].Spans
					}
					for _, n := range spans {
						seen[n]++
						if s := &f.Spans[n]; s.Instance != int32(i) || !s.OneWay && r.at < s.End {
							t.Fatalf("span %d of instance %d is reported by %d at %d, before its end at %d", n, s.Instance, i, r.at, s.End)
						}
					}
				}
			}
		}
		for n, times := range seen {
			if want := 1; (times == want) == f.Spans[n].Lost {
				t.Fatalf("span %d is reported %d times", n, times)
			}
		}
	}
}

// What the writers write is read by upstream's own model, and by the backend as
// what it was.
func TestZipkinJSON(t *testing.T) {
	f := small(t)
	for i, reports := range f.schedule(Options{Spans: 5000, Interval: time.Second}) {
		if f.service(int32(i)).Protocol != ZipkinJSON || len(reports) == 0 {
			continue
		}
		body, err := f.zipkinJSON(int32(i), reports[0].units)
		if err != nil {
			t.Fatal(err)
		}
		var list []model.SpanModel
		if err := json.Unmarshal(body, &list); err != nil {
			t.Fatal(err)
		}
		for k, n := range reports[0].units {
			s, got := &f.Spans[n], &list[k]
			if uint64(got.ID) != s.ID || got.Shared != s.Flagged || got.Tags[idTag] != strconv.Itoa(int(n)) || (got.ParentID == nil) != (s.ParentID == 0) {
				t.Errorf("span %d is read as %+v", n, got)
			}
		}
	}
}

// The backend reads what upstream's types write: what went in by OTLP and by
// SkyWalking comes out as the truth when it is passed on unchanged.
func TestBackendReads(t *testing.T) {
	f := small(t)
	b, err := NewBackend(f)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	want := 0
	for n := range f.Segments {
		g := &f.Segments[n]
		if g.Lost {
			continue
		}
		body, err := proto.Marshal(f.segmentObject(int32(n)))
		if err != nil {
			t.Fatal(err)
		}
		if err := b.got[ToSkyWalking].skywalking(body); err != nil {
			t.Fatal(err)
		}
		want += len(g.Spans)
	}
	if got := b.Spans(ToSkyWalking); got != want {
		t.Errorf("%d spans of segments, want %d", got, want)
	}
	a := onTime(f)
	r := f.Judge(b, ToSkyWalking, a, time.Second)
	for _, c := range []Case{CaseRoot, CasePlain} {
		if r.Cases[c].Judged == 0 || r.Cases[c].Wrong > r.Dangling {
			t.Errorf("%s: %+v", c, r.Cases[c])
		}
	}
	if r.Duplicates+r.OtherTrace+r.Split+r.Repeated+r.Synthetic+r.Strangers > 0 {
		t.Errorf("%+v", *r)
	}
	// What refers to a client half of another protocol has its parent nowhere
	// here; all else is right.
	if r.Wrong != r.Dangling {
		t.Errorf("%d wrong, %d dangling, want as many", r.Wrong, r.Dangling)
	}
}

func TestBackendAnswers(t *testing.T) {
	f := small(t)
	b, err := NewBackend(f)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	post := func(body string, want int) {
		t.Helper()
		res, err := http.Post(b.URL+"/api/v2/spans", "application/json", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != want {
			t.Errorf("%s: status %d, want %d", body, res.StatusCode, want)
		}
	}
	post(`[{"traceId":"00000000000000aa","id":"00000000000000bb","tags":{"fleet.id":"3"}}]`, 202)
	post(`[{"traceId":"00000000000000aa","id":"bb","tags":{"fleet.id":"3"}}]`, 400)
	post(`[{"traceId":"00000000000000aa","id":"00000000000000bb","tags":{"fleet.id":"99999999"}}]`, 400)
	if n := b.Spans(ToZipkin); n != 1 {
		t.Errorf("%d spans, want 1", n)
	}
	if n := len(f.Judge(b, ToZipkin, onTime(f), time.Second).Faults); n != 2 {
		t.Errorf("%d faults, want 2", n)
	}
}

func BenchmarkNew(b *testing.B) {
	spans := 0
	for b.Loop() {
		f := New(Options{Seed: 3, Spans: 20_000, Instances: 3, Length: time.Second, Interval: time.Second})
		spans += len(f.Spans)
	}
	b.ReportMetric(float64(spans)/b.Elapsed().Seconds(), "spans/s")
}

func BenchmarkEncode(b *testing.B) {
	f := New(Options{Seed: 3, Spans: 20_000, Instances: 3, Length: time.Second, Interval: time.Second})
	schedule := f.schedule(Options{Spans: 20_000, Interval: time.Second})
	for p := range OTLPHTTP + 1 {
		b.Run(protocolNames[p], func(b *testing.B) {
			spans := 0
			for b.Loop() {
				for i, reports := range schedule {
					if f.service(int32(i)).Protocol != p {
						continue
					}
					s := &sender{fleet: f, instance: int32(i)}
					for _, r := range reports {
						payload, all, err := s.encode(b.Context(), r.units)
						if err != nil {
							b.Fatal(err)
						}
						if payload.request != nil {
							_, _ = proto.Marshal(payload.request)
						}
						for _, g := range payload.segments {
							_, _ = proto.Marshal(g)
						}
						spans += len(all)
					}
				}
			}
			b.ReportMetric(float64(spans)/b.Elapsed().Seconds(), "spans/s")
		})
	}
}
