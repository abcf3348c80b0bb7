// SPDX-License-Identifier: Apache-2.0

//go:build heavy

package compat_test

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"testing"
	"time"

	"github.com/spanbridge/spanbridge/compat-tests/lab"
	"github.com/spanbridge/spanbridge/compat-tests/story"
)

const handMade = `[
 {"traceId":"463ac35c9f6413ad48485a3953bb6124","id":"a2fb4a1d1a96d312","kind":"CLIENT","name":"get","timestamp":%[1]d,"duration":1000,
  "localEndpoint":{"serviceName":"hand","ipv4":"10.0.0.1"},"remoteEndpoint":{"serviceName":"made","port":80},"tags":{"k":"世界"}},
 {"traceId":"463ac35c9f6413ad48485a3953bb6124","id":"a2fb4a1d1a96d312","kind":"SERVER","name":"get","timestamp":%[1]d,"duration":900,
  "shared":true,"localEndpoint":{"serviceName":"made"},"annotations":[{"timestamp":%[1]d,"value":"done"}]}]`

func TestZipkinServer(t *testing.T) {
	z := lab.StartZipkin(t)
	post(t, z.URL+zipkinPath, fmt.Sprintf(handMade, time.Now().UnixMicro()))
	lab.Eventually(t, visible, "hand-made trace", func(ctx context.Context) error {
		spans, err := z.Trace(ctx, "463ac35c9f6413ad48485a3953bb6124")
		if err != nil {
			return err
		}
		return matches(story.Story{Client: "hand", Spans: []story.Span{
			{
				Key: "c", Trace: "463ac35c9f6413ad48485a3953bb6124", ID: "a2fb4a1d1a96d312", Service: "hand", Name: "get", Kind: story.Client,
				Tags: map[string]string{"k": "世界"}, Remote: &story.Endpoint{Service: "made", Port: 80},
			},
			{
				Key: "s", Parent: "c", Trace: "463ac35c9f6413ad48485a3953bb6124", ID: "a2fb4a1d1a96d312", Service: "made", Name: "get", Kind: story.Server,
				Shared: true, Events: []string{"done"},
			},
		}}, lab.ZipkinStory(spans), story.Options{})
	})
	lab.Eventually(t, visible, "lists", func(ctx context.Context) error {
		services, err := z.Services(ctx)
		if err != nil || !slices.Equal(services, []string{"hand", "made"}) {
			return fmt.Errorf("services %q, %v", services, err)
		}
		traces, err := z.Traces(ctx, url.Values{"serviceName": {"made"}})
		if err != nil || len(traces) != 1 {
			return fmt.Errorf("%d traces, %v", len(traces), err)
		}
		links, err := z.Dependencies(ctx)
		if err != nil || !slices.Equal(links, []string{"hand→made"}) {
			return fmt.Errorf("dependencies %q, %v", links, err)
		}
		return nil
	})
}

func TestJaeger(t *testing.T) {
	j := lab.StartJaeger(t)
	post(t, j.Zipkin, fmt.Sprintf(handMade, time.Now().UnixMicro()))
	post(t, j.OTLPHTTP+"/v1/traces", fmt.Sprintf(`{"resourceSpans":[{
		"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"otlp"}}]},
		"scopeSpans":[{"spans":[{"traceId":"563ac35c9f6413ad48485a3953bb6124","spanId":"b2fb4a1d1a96d312","name":"work","kind":2,
		"startTimeUnixNano":"%[1]d","endTimeUnixNano":"%[1]d","status":{"code":2,"message":"sold out"}}]}]}]}`, time.Now().UnixNano()))
	lab.Eventually(t, visible, "hand-made traces", func(ctx context.Context) error {
		got, err := j.Story(ctx, "563ac35c9f6413ad48485a3953bb6124")
		if err != nil {
			return err
		}
		if err := matches(story.Story{Client: "hand", Spans: []story.Span{{
			Key: "w", Trace: "563ac35c9f6413ad48485a3953bb6124", ID: "b2fb4a1d1a96d312", Service: "otlp", Name: "work", Kind: story.Server,
			Failed: true, Error: "sold out",
		}}}, got, story.Options{}); err != nil {
			return err
		}
		trace, err := j.Trace(ctx, "463ac35c9f6413ad48485a3953bb6124")
		if err != nil || len(trace.Spans) != 2 {
			return fmt.Errorf("%d spans by way of Zipkin, %v", len(trace.Spans), err)
		}
		services, err := j.Services(ctx)
		for _, want := range []string{"hand", "made", "otlp"} {
			if err != nil || !slices.Contains(services, want) {
				return fmt.Errorf("services %q, %v", services, err)
			}
		}
		traces, err := j.Traces(ctx, "otlp")
		if err != nil || len(traces) != 1 {
			return fmt.Errorf("%d traces of otlp, %v", len(traces), err)
		}
		return nil
	})
	if _, err := j.Trace(t.Context(), "00000000000000000000000000000001"); err == nil {
		t.Error("a trace that nobody sent was found")
	}
}

func TestOAP(t *testing.T) {
	o := lab.StartOAP(t)
	for _, service := range []string{"hand", "made"} {
		me := fmt.Sprintf(`"service":"%[1]s","serviceInstance":"%[1]s-1"`, service)
		post(t, o.URL+"/v3/management/reportProperties", `{`+me+`,"properties":[{"key":"language","value":"go"}]}`)
		post(t, o.URL+"/v3/management/keepAlive", `{`+me+`}`)
	}
	now := time.Now().UnixMilli()
	post(t, o.URL+"/v3/segments", fmt.Sprintf(`[
	 {"traceId":"t1","traceSegmentId":"s1","service":"hand","serviceInstance":"hand-1","spans":[
	  {"spanId":0,"parentSpanId":-1,"startTime":%[1]d,"endTime":%[1]d,"operationName":"/cart","spanType":"Entry","spanLayer":"Http","componentId":49},
	  {"spanId":1,"parentSpanId":0,"startTime":%[1]d,"endTime":%[1]d,"operationName":"/stock","spanType":"Exit","spanLayer":"Http","componentId":49,"peer":"made:80"}]},
	 {"traceId":"t1","traceSegmentId":"s2","service":"made","serviceInstance":"made-1","spans":[
	  {"spanId":0,"parentSpanId":-1,"startTime":%[1]d,"endTime":%[1]d,"operationName":"/stock","spanType":"Entry","spanLayer":"Http","componentId":5004,
	   "isError":true,"tags":[{"key":"k","value":"世界"}],"logs":[{"time":%[1]d,"data":[{"key":"event","value":"error"},{"key":"message","value":"sold out"}]}],
	   "refs":[{"refType":"CrossProcess","traceId":"t1","parentTraceSegmentId":"s1","parentSpanId":1,"parentService":"hand",
	    "parentServiceInstance":"hand-1","parentEndpoint":"/cart","networkAddressUsedAtPeer":"made:80"}]}]}]`, now))
	lab.Eventually(t, visible, "hand-made trace", func(ctx context.Context) error {
		got, err := o.Story(ctx, "t1")
		if err != nil {
			return err
		}
		return matches(story.Story{Client: "hand", Spans: []story.Span{
			{Key: "0", Trace: "t1", ID: "s1:0", Service: "hand", Name: "/cart", Kind: story.Server},
			{Key: "1", Parent: "0", Trace: "t1", ID: "s1:1", Service: "hand", Name: "/stock", Kind: story.Client, Remote: &story.Endpoint{Service: "made", Port: 80}},
			{
				Key: "2", Parent: "1", Trace: "t1", ID: "s2:0", Service: "made", Name: "/stock", Kind: story.Server, Failed: true, Error: "sold out",
				Tags: map[string]string{"k": "世界"}, Events: []string{"error"},
			},
		}}, got, story.Options{})
	})
	lab.Eventually(t, visible, "lists", func(ctx context.Context) error {
		services, err := o.Services(ctx)
		if err != nil || len(services) != 2 || !services[0].Normal || !slices.Equal(services[0].Layers, []string{"GENERAL"}) {
			return fmt.Errorf("services %+v, %v", services, err)
		}
		instances, err := o.Instances(ctx, "made")
		if err != nil || len(instances) != 1 || instances[0].Name != "made-1" || instances[0].Language != "GO" {
			return fmt.Errorf("instances %+v, %v", instances, err)
		}
		endpoints, err := o.Endpoints(ctx, "hand")
		if err != nil || !slices.Equal(endpoints, []string{"/cart"}) {
			return fmt.Errorf("endpoints %q, %v", endpoints, err)
		}
		ofTrace, err := o.SegmentsOf(ctx, "t1")
		if err != nil || len(ofTrace) != 2 {
			return fmt.Errorf("%d segments of the trace, %v", len(ofTrace), err)
		}
		byService, err := o.SegmentsBy(ctx, "made")
		if err != nil || len(byService) != 1 || byService[0].SegmentID != "s2" || !byService[0].IsError {
			return fmt.Errorf("segments of made %+v, %v", byService, err)
		}
		topology, err := o.Topology(ctx)
		// The alias of the address, which merges the two sides, takes some seconds.
		if lines := topology.Lines(); err != nil || !slices.Equal(lines, []string{"User→hand SERVER", "hand→made CLIENT+SERVER"}) {
			return fmt.Errorf("topology %q, %v", lines, err)
		}
		return nil
	})
}
