// SPDX-License-Identifier: Apache-2.0

package skywalking_test

import (
	"context"
	"fmt"
	"time"

	"github.com/opentracing/opentracing-go/ext"

	"github.com/spanbridge/spanbridge/tracer"
	"github.com/spanbridge/spanbridge/tracer/reporter"
	"github.com/spanbridge/spanbridge/tracer/reporter/skywalking"
)

// A service reports to an OAP, as an agent does.
func ExampleNew() {
	r, err := skywalking.New("oap:11800",
		skywalking.WithToken("secret"),      // if the OAP wants one
		reporter.WithTimeout(5*time.Second)) // of a batch
	if err != nil {
		fmt.Println(err)
		return
	}
	t := tracer.New("shop", tracer.WithReporter(r), tracer.WithInstance("shop-1@10.0.0.5"))

	entry := t.StartSpan("GET:/cart", ext.SpanKindRPCServer)
	entry.SetTag("http.method", "GET")
	entry.Finish()

	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := t.Shutdown(ctx); err != nil {
		fmt.Println(err) // how many spans were not sent, and why
	}
}

// Backends that want to know their agents have a token.
func ExampleWithToken() {
	s := reporter.NewSettings(skywalking.WithToken("secret"))
	fmt.Println(s.Headers["authentication"])
	// Output: secret
}
