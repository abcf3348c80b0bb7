// SPDX-License-Identifier: Apache-2.0

package jaeger

import (
	stdjson "encoding/json"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jaegertracing/jaeger-idl/thrift-gen/sampling"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/spanbridge/spanbridge/translate"
)

// strategiesFile has the shape of Jaeger's own example.
const strategiesFile = `{
  "service_strategies": [
    {"service": "foo", "type": "probabilistic", "param": 0.8, "operation_strategies": [
      {"operation": "op1", "type": "probabilistic", "param": 0.2},
      {"operation": "/health", "type": "probabilistic", "param": 1}
    ]},
    {"service": "bar", "type": "ratelimiting", "param": 5},
    {"service": "b\u00e4r \"q\"", "type": "probabilistic", "param": 1e-7, "operation_strategies": null},
    {"service": "limited", "type": "ratelimiting", "param": 0, "operation_strategies": [
      {"operation": "op2", "type": "probabilistic", "param": 0}
    ]}
  ],
  "default_strategy": {"type": "probabilistic", "param": 0.5, "operation_strategies": [
    {"operation": "/health", "type": "probabilistic", "param": 0.0},
    {"operation": "/metrics", "type": "probabilistic", "param": 0.0}
  ]}
}
`

func parse(t *testing.T, file string) *Strategies {
	t.Helper()
	s, err := ParseStrategies([]byte(file))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestStrategyJSON(t *testing.T) {
	t.Parallel()
	f := func(s *Strategies, service, want string) {
		t.Helper()
		got := string(s.For(service).AppendJSON(nil))
		if got != want {
			t.Errorf("%s:\n got %s\nwant %s", service, got, want)
		}
		// What Jaeger's own types, which the Go client reads with, make of it.
		var r sampling.SamplingStrategyResponse
		if err := stdjson.Unmarshal([]byte(got), &r); err != nil {
			t.Fatal(err)
		}
		again, err := stdjson.Marshal(&r)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(strings.ReplaceAll(got, "1e-07", "1e-7"), string(again)); d != "" {
			t.Errorf("%s: -ours +Jaeger's:\n%s", service, d)
		}
	}
	s := parse(t, strategiesFile)
	const health = `{"operation":"/health","probabilisticSampling":{"samplingRate":0}}`
	const metrics = `{"operation":"/metrics","probabilisticSampling":{"samplingRate":0}}`
	const upper = `],"defaultUpperBoundTracesPerSecond":0}}`
	f(s, "foo", `{"strategyType":"PROBABILISTIC","probabilisticSampling":{"samplingRate":0.8},`+
		`"operationSampling":{"defaultSamplingProbability":0.8,"defaultLowerBoundTracesPerSecond":0,"perOperationStrategies":[`+
		`{"operation":"op1","probabilisticSampling":{"samplingRate":0.2}},{"operation":"/health","probabilisticSampling":{"samplingRate":1}},`+
		metrics+upper)
	f(s, "bar", `{"strategyType":"RATE_LIMITING","rateLimitingSampling":{"maxTracesPerSecond":5},`+
		`"operationSampling":{"defaultSamplingProbability":0.5,"defaultLowerBoundTracesPerSecond":0,"perOperationStrategies":[`+
		health+","+metrics+upper)
	f(s, `bär "q"`, `{"strategyType":"PROBABILISTIC","probabilisticSampling":{"samplingRate":1e-07},`+
		`"operationSampling":{"defaultSamplingProbability":1e-07,"defaultLowerBoundTracesPerSecond":0,"perOperationStrategies":[`+
		health+","+metrics+upper)
	f(s, "limited", `{"strategyType":"RATE_LIMITING","rateLimitingSampling":{"maxTracesPerSecond":0},`+
		`"operationSampling":{"defaultSamplingProbability":0.001,"defaultLowerBoundTracesPerSecond":0,"perOperationStrategies":[`+
		`{"operation":"op2","probabilisticSampling":{"samplingRate":0}},`+health+","+metrics+upper)
	f(s, "another", `{"strategyType":"PROBABILISTIC","probabilisticSampling":{"samplingRate":0.5},`+
		`"operationSampling":{"defaultSamplingProbability":0.5,"defaultLowerBoundTracesPerSecond":0,"perOperationStrategies":[`+
		health+","+metrics+upper)
	const usual = `{"strategyType":"PROBABILISTIC","probabilisticSampling":{"samplingRate":0.001}}`
	f(nil, "x", usual)
	f(parse(t, `{}`), "x", usual)
	f(parse(t, ` {"default_strategy": null, "service_strategies": null} `), "x", usual)
	f(parse(t, `{"default_strategy":{"type":"ratelimiting","param":32767}}`), "x",
		`{"strategyType":"RATE_LIMITING","rateLimitingSampling":{"maxTracesPerSecond":32767}}`)
	if got, want := string(s.For("bar").AppendNumericJSON(nil)), `{"strategyType":1,"rateLimitingSampling"`; !strings.HasPrefix(got, want) {
		t.Errorf("got %s, want %s", got, want)
	}
	if got, want := string((*Strategies)(nil).For("bar").AppendNumericJSON(nil)), `{"strategyType":0,"probabilisticSampling":{"samplingRate":0.001}}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestStrategyProto(t *testing.T) {
	t.Parallel()
	double := func(n int, v uint64) []byte {
		return protowire.AppendFixed64(protowire.AppendTag(nil, protowire.Number(n), protowire.Fixed64Type), v)
	}
	const (
		half  = 0x3fe0000000000000
		milli = 0x3f50624dd2f1a9fc
	)
	f := func(s *Strategies, want []byte) {
		t.Helper()
		if d := cmp.Diff(want, s.For("x").AppendProto(nil)); d != "" {
			t.Errorf("-want +got:\n%s", d)
		}
	}
	f(nil, field(2, double(1, milli)))
	f(parse(t, `{"default_strategy":{"type":"probabilistic","param":0}}`), field(2, nil))
	f(parse(t, `{"default_strategy":{"type":"ratelimiting","param":300}}`), join(varint(1, 1), field(3, varint(1, 300))))
	f(parse(t, `{"default_strategy":{"type":"ratelimiting","param":0}}`), join(varint(1, 1), field(3, nil)))
	f(parse(t, `{"default_strategy":{"type":"probabilistic","param":0.5,"operation_strategies":[`+
		`{"operation":"a","type":"probabilistic","param":0},{"operation":"b","type":"probabilistic","param":0.5}]}}`),
		join(field(2, double(1, half)), field(4, join(double(1, half),
			field(3, join(field(1, []byte("a")), field(2, nil))), field(3, join(field(1, []byte("b")), field(2, double(1, half))))))))
}

func TestStrategyFaults(t *testing.T) {
	t.Parallel()
	f := func(file, want string) {
		t.Helper()
		_, err := ParseStrategies([]byte(file))
		if got := "sampling strategies: " + want; err == nil || err.Error() != got {
			t.Errorf("%s\n got %v\nwant %s", file, err, got)
		}
	}
	const types = `"probabilistic" or "ratelimiting"`
	f(``, `the end of the body, want an object`)
	f(`[]`, `'[', want an object`)
	f("{\n\n  \"default_strategy\": {\"type\" 1}}", `line 3: '1', want ':'`)
	f(`{} x`, `line 1: 'x', want the end of the file`)
	f(`{"defaultStrategy": {}}`, `key "defaultStrategy", want "default_strategy" or "service_strategies"`)
	f(`{"default_strategy": 1}`, `default_strategy: '1', want an object`)
	f(`{"default_strategy": {}}`, `default_strategy: type: nothing, want `+types)
	f(`{"default_strategy": {"type": "adaptive", "param": 1}}`, `default_strategy: type: "adaptive", want `+types)
	f(`{"default_strategy": {"type": 1}}`, `default_strategy: type: '1', want a string`)
	f(`{"default_strategy": {"type": "probabilistic"}}`, `default_strategy: param: nothing, want a probability from 0 to 1`)
	f(`{"default_strategy": {"type": "probabilistic", "param": 1.5}}`, `default_strategy: param: 1.5, want a probability from 0 to 1`)
	f(`{"default_strategy": {"type": "probabilistic", "param": "1"}}`, `default_strategy: param: '"', want a number`)
	f(`{"default_strategy": {"type": "ratelimiting", "param": 0.5}}`, `default_strategy: param: 0.5, want a whole number of traces a second up to 32767`)
	f(`{"default_strategy": {"type": "ratelimiting", "param": 40000}}`, `default_strategy: param: 40000, want a whole number of traces a second up to 32767`)
	f(`{"default_strategy": {"type": "probabilistic", "param": 1e400}}`, `default_strategy: param: 1e400, want a number`)
	f(`{"default_strategy": {"type": "probabilistic", "param": 1, "service": "x"}}`,
		`default_strategy: key "service", want "type", "param" or "operation_strategies"`)
	f(`{"service_strategies": {}}`, `service_strategies: '{', want a list`)
	f(`{"service_strategies": [{"type": "probabilistic", "param": 1}]}`, `service_strategies 1: service: nothing, want the name of a service`)
	f(`{"service_strategies": [{"service": "a", "type": "probabilistic", "param": 1}, {"service": "a", "type": "probabilistic", "param": 1}]}`,
		`service_strategies 2: service: "a" again, want each service once`)
	operation := func(o string) string {
		return `{"service_strategies": [{"service": "a", "type": "probabilistic", "param": 1, "operation_strategies": [` + o + `]}]}`
	}
	const at = `service_strategies 1: operation_strategies `
	f(operation(`{}`), at+`1: operation: nothing, want the name of an operation`)
	f(operation(`{"operation": "o", "type": "ratelimiting", "param": 1}`), at+`1: type: "ratelimiting", want "probabilistic"`)
	f(operation(`{"operation": "o", "param": 1}`), at+`1: type: nothing, want "probabilistic"`)
	f(operation(`{"operation": "o", "rate": 1}`), at+`1: key "rate", want "operation", "type" or "param"`)
	f(operation(`{"operation": "o", "type": "probabilistic", "param": 1}, {"operation": "o", "type": "probabilistic", "param": 1}`),
		at+`2: operation: "o" again, want each operation once`)
}

func TestSamplingAnswers(t *testing.T) {
	t.Parallel()
	p := New(func() *Strategies { return parse(t, `{"default_strategy":{"type":"ratelimiting","param":7}}`) })
	const twice = "'service' parameter must be provided once\n"
	const usual, numeric = `{"strategyType":"RATE_LIMITING","rateLimitingSampling":{"maxTracesPerSecond":7}}`, `{"strategyType":1,"rateLimitingSampling":{"maxTracesPerSecond":7}}`
	f := func(port, path, query string, status int, media, body string) {
		t.Helper()
		values, err := url.ParseQuery(query)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range p.HTTP {
			if r.Port != port || r.Path != path || r.Method != "GET" {
				continue
			}
			got := r.Respond(translate.Request{Query: values})
			want := translate.Reply{Status: status, Media: media, Body: []byte(body)}
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("%s?%s: -want +got:\n%s", path, query, d)
			}
			return
		}
		t.Errorf("no route %s", path)
	}
	const js, plain = "application/json", "text/plain; charset=utf-8"
	f("jaeger-sampling", "/sampling", "service=a", 200, js, usual)
	f("jaeger-sampling", "/sampling", "service=", 200, js, usual)
	f("jaeger-sampling", "/sampling", "", 400, plain, twice)
	f("jaeger-sampling", "/sampling", "service=a&service=b", 400, plain, twice)
	f("jaeger-sampling", "/", "service=a", 200, js, numeric)
	f("jaeger-sampling", "/", "", 400, plain, twice)
	f("jaeger-sampling", "/baggageRestrictions", "service=a", 200, js, "[]")
	f("jaeger-sampling", "/baggageRestrictions", "", 400, plain, twice)
	f("jaeger-http", "/api/sampling", "service=a", 200, js, usual)
	g := func(p translate.Protocol, body []byte, want translate.GRPCReply) {
		t.Helper()
		for _, r := range p.GRPC {
			if r.Respond != nil {
				if d := cmp.Diff(want, r.Respond(body)); d != "" {
					t.Errorf("-want +got:\n%s", d)
				}
			}
		}
	}
	limited := translate.GRPCReply{Body: join(varint(1, 1), field(3, varint(1, 7)))}
	g(p, join(varint(3, 1), field(1, []byte("a"))), limited)
	g(p, nil, limited)
	g(p, []byte{0x0a, 5}, translate.GRPCReply{
		Code:    translate.InvalidArgument,
		Message: "jaeger sampling: byte 2: a length of 5, want at most the 0 bytes left",
	})
	milli := translate.GRPCReply{Body: field(2, fixed(1, 0x3f50624dd2f1a9fc))}
	g(New(nil), field(1, []byte("a")), milli)
	g(New(func() *Strategies { return nil }), field(1, []byte("a")), milli)
}
