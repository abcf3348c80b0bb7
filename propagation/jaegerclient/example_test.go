// SPDX-License-Identifier: Apache-2.0

package jaegerclient_test

import (
	"fmt"
	"net/http"

	"github.com/opentracing/opentracing-go"
	"github.com/uber/jaeger-client-go"
	"github.com/uber/jaeger-client-go/config"

	"github.com/spanbridge/spanbridge/propagation"
	"github.com/spanbridge/spanbridge/propagation/jaegerclient"
)

// A request with B3 is continued, and the call that follows carries SkyWalking's
// header and the others beside Jaeger's.
func ExampleCodec_Config() {
	codec := jaegerclient.New("billing")
	cfg := config.Configuration{
		ServiceName: "billing",
		Sampler:     &config.SamplerConfig{Type: jaeger.SamplerTypeConst, Param: 1},
	}
	tracer, closer, err := cfg.NewTracer(append(codec.Config(), config.Reporter(jaeger.NewNullReporter()))...)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer closer.Close()

	in := http.Header{"B3": {"463ac35c9f6413ad48485a3953bb6124-00f067aa0ba902b7-1"}}
	came, err := tracer.Extract(opentracing.HTTPHeaders, opentracing.HTTPHeadersCarrier(in))
	if err != nil {
		fmt.Println(err)
		return
	}
	span := tracer.StartSpan("GET /bills", opentracing.ChildOf(came))
	defer span.Finish()

	out := http.Header{}
	if err := tracer.Inject(span.Context(), opentracing.HTTPHeaders, opentracing.HTTPHeadersCarrier(out)); err != nil {
		fmt.Println(err)
		return
	}
	for _, f := range []propagation.Format{propagation.B3, propagation.SW8, propagation.W3C, propagation.Uber} {
		c := propagation.New(propagation.Read(f)).Extract(propagation.HTTP(out))
		fmt.Println(f, c.Trace, c.Sampling)
	}
	// Output:
	// b3 463ac35c9f6413ad48485a3953bb6124 accept
	// sw8 463ac35c9f6413ad48485a3953bb6124 accept
	// w3c 463ac35c9f6413ad48485a3953bb6124 accept
	// uber 463ac35c9f6413ad48485a3953bb6124 accept
}

// For tracers that are made without the config package.
func ExampleCodec_Options() {
	codec := jaegerclient.New("billing", jaegerclient.Propagator(propagation.New(propagation.Write(propagation.Uber, propagation.SW8))))
	tracer, closer := jaeger.NewTracer("billing", jaeger.NewConstSampler(true), jaeger.NewNullReporter(), codec.Options()...)
	defer closer.Close()

	span := tracer.StartSpan("call")
	request, _ := http.NewRequest(http.MethodGet, "http://order:8080/", nil)
	// Request knows the address that sw8 wants.
	if err := tracer.Inject(span.Context(), opentracing.HTTPHeaders, jaegerclient.Request(request)); err != nil {
		fmt.Println(err)
	}
	c := propagation.New(propagation.Read(propagation.SW8)).Extract(propagation.HTTP(request.Header))
	from, _ := c.Caller()
	fmt.Println(from.Service, from.Endpoint, from.Address)
	// Output: billing call order:8080
}
