// SPDX-License-Identifier: Apache-2.0

package go2sky_test

import (
	"context"
	"fmt"
	"net/http"

	agent "github.com/SkyAPM/go2sky"
	plugin "github.com/SkyAPM/go2sky/plugins/http"
	"github.com/SkyAPM/go2sky/reporter"

	"github.com/spanbridge/spanbridge/propagation"
	bridge "github.com/spanbridge/spanbridge/propagation/go2sky"
)

// A request with B3 is continued, and the call that follows carries the other
// formats beside sw8.
func ExampleCodec_Entry() {
	segments, err := reporter.NewLogReporter()
	if err != nil {
		fmt.Println(err)
		return
	}
	tracer, err := agent.NewTracer("order", agent.WithReporter(segments))
	if err != nil {
		fmt.Println(err)
		return
	}
	codec := bridge.New()

	in := http.Header{"B3": {"463ac35c9f6413ad48485a3953bb6124-00f067aa0ba902b7-1"}}
	ctx, extract := codec.Entry(context.Background(), propagation.HTTP(in))
	entry, ctx, err := tracer.CreateEntrySpan(ctx, "/orders", extract)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(agent.TraceID(ctx), entry.IsEntry())

	out := http.Header{}
	if _, err := tracer.CreateExitSpan(ctx, "/bills", "billing:8080", codec.Exit(ctx, propagation.HTTP(out))); err != nil {
		fmt.Println(err)
		return
	}
	for _, f := range []propagation.Format{propagation.B3, propagation.SW8, propagation.W3C, propagation.Uber} {
		c := propagation.New(propagation.Read(f)).Extract(propagation.HTTP(out))
		fmt.Println(f, c.Trace, c.Sampling)
	}
	// Output:
	// 463ac35c9f6413ad48485a3953bb6124 true
	// b3 463ac35c9f6413ad48485a3953bb6124 accept
	// sw8 463ac35c9f6413ad48485a3953bb6124 accept
	// w3c 463ac35c9f6413ad48485a3953bb6124 accept
	// uber 463ac35c9f6413ad48485a3953bb6124 accept
}

// Around go2sky's HTTP plugin.
func ExampleCodec_Handler() {
	tracer, err := agent.NewTracer("order")
	if err != nil {
		fmt.Println(err)
		return
	}
	codec := bridge.New()
	traced, err := plugin.NewServerMiddleware(tracer)
	if err != nil {
		fmt.Println(err)
		return
	}
	client, err := plugin.NewClient(tracer, plugin.WithClient(&http.Client{Transport: codec.Transport(http.DefaultTransport)}))
	if err != nil {
		fmt.Println(err)
		return
	}
	http.Handle("/orders", codec.Handler(traced(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		out, err := http.NewRequestWithContext(r.Context(), http.MethodGet, "http://billing:8080/bills", nil)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		answer, err := client.Do(out)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		answer.Body.Close()
	}))))
}

// B3 does not name the caller. Where all such requests come through one proxy,
// OAP can be told so.
func ExampleCallerOf() {
	codec := bridge.New(
		bridge.Propagator(propagation.New(propagation.Prefer(propagation.SW8))),
		bridge.CallerOf(func(*propagation.Context) propagation.Caller {
			return propagation.Caller{Service: "edge", Instance: "edge-1", Endpoint: "/"}
		}))
	in := http.Header{"B3": {"463ac35c9f6413ad48485a3953bb6124-00f067aa0ba902b7-1"}}
	_, extract := codec.Entry(context.Background(), propagation.HTTP(in))
	sw8, err := extract("sw8")
	if err != nil {
		fmt.Println(err)
		return
	}
	c, err := propagation.ParseSW8(sw8)
	if err != nil {
		fmt.Println(err)
		return
	}
	caller, _ := c.Caller()
	fmt.Println(caller.Service, caller.Instance)
	// Output: edge edge-1
}
