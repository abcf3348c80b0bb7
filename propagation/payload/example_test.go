// SPDX-License-Identifier: Apache-2.0

package payload_test

import (
	"fmt"
	"net/url"

	"github.com/spanbridge/spanbridge/propagation"
	"github.com/spanbridge/spanbridge/propagation/payload"
	"github.com/spanbridge/spanbridge/span"
)

var (
	p = propagation.New(propagation.Write(propagation.B3Multi))
	c = propagation.Context{Trace: span.TraceID{Lo: 1}, Span: 2, Sampling: propagation.Accept}
)

// What sanic_zipkin sends to the next service.
func ExampleField_ExtractBody() {
	body := []byte(`{"x": 1, "zipkin_headers": "{\"X-B3-TraceId\": \"6b0127bb0e42ef64\", \"X-B3-SpanId\": \"bea3704ffe619673\", \"X-B3-Sampled\": \"1\"}"}`)
	c, err := payload.SanicZipkin.ExtractBody(p, body)
	fmt.Println(c.Trace, c.Span, c.Sampling, err)
	_, err = payload.SanicZipkin.ExtractBody(p, []byte(`[1, 2]`))
	fmt.Println(err)
	// Output:
	// 6b0127bb0e42ef64 bea3704ffe619673 accept <nil>
	// payload: '[' at byte 0, want a JSON object
}

// The rest of the body stays byte for byte.
func ExampleField_InjectBody() {
	body, err := payload.SanicZipkin.InjectBody(nil, []byte(`{ "price": 1.50, "x": null }`), p, &c, propagation.Caller{})
	fmt.Println(string(body), err)
	body, err = payload.Attachments.InjectBody(nil, []byte(`{"attachments": {"path": "order", "X-B3-Sampled": "0"}}`), p, &c, propagation.Caller{})
	fmt.Println(string(body), err)
	// Output:
	// { "price": 1.50, "x": null,"zipkin_headers":"{\"X-B3-TraceId\":\"0000000000000001\",\"X-B3-SpanId\":\"0000000000000002\",\"X-B3-Sampled\":\"1\"}" } <nil>
	// {"attachments": {"path": "order", "X-B3-Sampled": "1","X-B3-TraceId":"0000000000000001","X-B3-SpanId":"0000000000000002"}} <nil>
}

func ExampleField_RemoveBody() {
	body, err := payload.SanicZipkin.RemoveBody(nil, []byte(`{"x": 1, "zipkin_headers": "{}"}`))
	fmt.Println(string(body), err)
	// Output: {"x": 1} <nil>
}

func ExampleField_InjectQuery() {
	query := payload.SanicZipkin.InjectQuery("x=1", p, &c, propagation.Caller{})
	fmt.Println(query)
	back := payload.SanicZipkin.ExtractQuery(p, query)
	fmt.Println(back.Trace, payload.SanicZipkin.RemoveQuery(query))
	// Output:
	// x=1&zipkin_headers=%7B%22X-B3-TraceId%22%3A%220000000000000001%22%2C%22X-B3-SpanId%22%3A%220000000000000002%22%2C%22X-B3-Sampled%22%3A%221%22%7D
	// 0000000000000001 x=1
}

func ExampleField_InjectValues() {
	v := url.Values{"x": {"1"}}
	field := payload.Field{Form: payload.Flat} // each header a parameter
	field.InjectValues(v, propagation.New(propagation.Write(propagation.B3)), &c, propagation.Caller{})
	fmt.Println(v.Encode())
	back := field.ExtractValues(p, v)
	fmt.Println(back.Trace)
	// Output:
	// b3=0000000000000001-0000000000000002-1&x=1
	// 0000000000000001
}
