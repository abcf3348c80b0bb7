// SPDX-License-Identifier: Apache-2.0

package franz

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/spanbridge/spanbridge/propagation"
	"github.com/spanbridge/spanbridge/span"
)

var from = propagation.Caller{Service: "shop", Instance: "i", Endpoint: "orders", Address: "kafka:9092"}

func sent() propagation.Context {
	return propagation.Context{
		Trace: span.TraceID{Hi: 0x463ac35c9f6413ad, Lo: 0x48485a3953bb6124}, Long: true, Span: 7, Sampling: propagation.Accept,
		Baggage: propagation.Baggage{{Key: "user", Value: "語 + %20"}},
	}
}

func keys(r *kgo.Record) (all []string) {
	for _, h := range r.Headers {
		all = append(all, h.Key+"="+string(h.Value))
	}
	return all
}

// Through a broker and back, in each format.
func TestThroughABroker(t *testing.T) {
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "orders"))
	if err != nil {
		t.Fatal(err)
	}
	defer cluster.Close()
	client, err := kgo.NewClient(kgo.SeedBrokers(cluster.ListenAddrs()...), kgo.ConsumeTopics("orders"), kgo.DefaultProduceTopic("orders"))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	at := time.UnixMilli(1700000000123)
	for _, f := range propagation.AllFormats() {
		c := sent()
		r := &kgo.Record{Value: []byte("x")}
		InjectAt(r, propagation.New(propagation.Write(f)), &c, from, at)
		if err := client.ProduceSync(ctx, r).FirstErr(); err != nil {
			t.Fatal(err)
		}
		if c.Sent != 0 {
			t.Error("the caller's context was changed")
		}
		var back propagation.Context
		for back.IsEmpty() {
			fetches := client.PollFetches(ctx)
			if err := fetches.Err(); err != nil {
				t.Fatal(err)
			}
			fetches.EachRecord(func(r *kgo.Record) { back = Extract(r, propagation.New()) })
		}
		if back.Trace != c.Trace || back.Span != c.Span || back.Sampling != c.Sampling {
			t.Errorf("%s: %+v", f, back)
		}
		if diff := cmp.Diff(c.Baggage, back.Baggage); diff != "" {
			t.Errorf("%s: %s", f, diff)
		}
		if (back.Sent == at.UnixMilli()) != (f == propagation.SW8) {
			t.Errorf("%s: sent at %d", f, back.Sent)
		}
	}
}

func TestInjectReplaces(t *testing.T) {
	p := propagation.New(propagation.Write(propagation.B3, propagation.SW8))
	shared := []kgo.RecordHeader{{Key: "B3", Value: []byte("old")}, {Key: "app", Value: []byte("1")}, {Key: "b3", Value: []byte("older")}, {Key: "sw8", Value: []byte("old")}, {Key: "sw8-x", Value: []byte("1-")}}
	r, other := &kgo.Record{Headers: shared}, &kgo.Record{Headers: shared}
	c := sent()
	c.Sampling, c.Baggage = propagation.Deny, nil
	Inject(r, p, &c, from)
	const b3 = "b3=463ac35c9f6413ad48485a3953bb6124-0000000000000007-"
	if diff := cmp.Diff([]string{b3 + "0", "app=1"}, keys(r)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"B3=old", "app=1", "b3=older", "sw8=old", "sw8-x=1-"}, keys(other)); diff != "" {
		t.Error(diff)
	}
	// Fetched and produced again.
	c.Sampling = propagation.Accept
	for range 3 {
		Inject(r, p, &c, from)
	}
	if got := keys(r); len(got) != 3 || got[0] != b3+"1" || got[1] != "app=1" {
		t.Error(got)
	}
	if c := Extract(&kgo.Record{}, p); !c.IsEmpty() {
		t.Errorf("%+v", c)
	}
	// Any bytes at all.
	bad := &kgo.Record{Headers: []kgo.RecordHeader{{Key: "sw8", Value: []byte{0xff, 0}}, {Key: "b3"}, {}}}
	if c := Extract(bad, p); !c.IsEmpty() || p.Counts().Malformed[propagation.SW8] != 1 {
		t.Errorf("%+v", c)
	}
}

// A client with pools uses the memory of a record again.
func TestContextHoldsBeyondTheRecord(t *testing.T) {
	r := &kgo.Record{Headers: []kgo.RecordHeader{
		{Key: "traceparent", Value: []byte("00-463ac35c9f6413ad48485a3953bb6124-0000000000000007-01")},
		{Key: "tracestate", Value: []byte("vendor=1")},
		{Key: "uberctx-user", Value: []byte("ann")},
		{Key: "other", Value: []byte("1")},
	}}
	c := Extract(r, propagation.New())
	for _, h := range r.Headers {
		clear(h.Value)
	}
	if user, _ := c.Baggage.Get("user"); c.State != "vendor=1" || user != "ann" {
		t.Errorf("%q, %q", c.State, user)
	}
}
