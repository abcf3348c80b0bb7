// SPDX-License-Identifier: Apache-2.0

//go:build heavy

package compat_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/spanbridge/spanbridge/compat-tests/lab"
)

// The ids of what an agent reports, as docs/protocols says that they are made.
func agentSpanID(segment string, number int) string {
	sum := sha256.Sum256([]byte("sw8:s:" + segment + "S" + strconv.Itoa(number)))
	return hex.EncodeToString(sum[:8])
}

// times fills in times: %start+5% is five milliseconds after the start, in the
// unit that the format wants.
func times(body string, start time.Time, unit time.Duration) string {
	for {
		before, rest, ok := strings.Cut(body, "%start+")
		if !ok {
			return body
		}
		ms, after, _ := strings.Cut(rest, "%")
		n, err := strconv.Atoi(ms)
		if err != nil {
			panic(err)
		}
		at := start.Add(time.Duration(n)*time.Millisecond).UnixNano() / int64(unit)
		body = before + strconv.FormatInt(at, 10) + after
	}
}

// O1: a request through services that report by Zipkin, SkyWalking and OTLP is
// one trace and one topology in OAP, although what is called reports before its
// caller: no _blank, no address in place of a service, no User but before the
// first, no second root, nothing that booster-ui draws red.
func TestO1MixedTopology(t *testing.T) {
	o := &oapAnswers{OAP: lab.StartOAP(t)}
	b := startBridge(t, fmt.Sprintf("targets:\n  oap: {kind: skywalking, endpoint: %q}\n", o.GRPC))
	start := time.Now().Add(-10 * time.Second)

	const trace = "463ac35c9f6413ad48485a3953bb6124"
	const orderSegment = "0b1d2c3e4f5a4b6c8d7e9f0a1b2c3d4e.31.16563474296510000"
	// billing takes a message of order's, and reports first.
	post(t, b.OTLPHTTP+"/v1/traces", times(`{"resourceSpans":[{"resource":{"attributes":[
		{"key":"service.name","value":{"stringValue":"billing"}},{"key":"service.instance.id","value":{"stringValue":"billing-1"}}]},
	 "scopeSpans":[{"spans":[{"traceId":"`+trace+`","spanId":"00000000000000b1","parentSpanId":"`+agentSpanID(orderSegment, 3)+`","name":"orders process","kind":5,
	  "startTimeUnixNano":"%start+50%","endTimeUnixNano":"%start+60%","attributes":[
	  {"key":"messaging.system","value":{"stringValue":"kafka"}},{"key":"messaging.destination.name","value":{"stringValue":"orders"}}]}]}]}]}`, start, time.Nanosecond))
	// order has a SkyWalking agent, which continued the header of frontend.
	post(t, "http://"+b.SkyWalkingHTTP+"/v3/segments", times(`[{"traceId":"`+trace+`","traceSegmentId":"`+orderSegment+`","service":"order","serviceInstance":"o1@10.0.0.7","spans":[
	 {"spanId":1,"parentSpanId":0,"startTime":"%start+20%","endTime":"%start+22%","operationName":"Mysql/insert","spanType":"Exit","spanLayer":"Database","componentId":5,"peer":"mysql:3306",
	  "tags":[{"key":"db.type","value":"mysql"},{"key":"db.statement","value":"insert"}]},
	 {"spanId":2,"parentSpanId":0,"startTime":"%start+23%","endTime":"%start+24%","operationName":"Redis/get","spanType":"Exit","spanLayer":"Cache","componentId":7,"peer":"redis:6379",
	  "tags":[{"key":"cache.type","value":"Redis"},{"key":"cache.op","value":"read"},{"key":"cache.cmd","value":"GET"},{"key":"cache.key","value":"k"}]},
	 {"spanId":3,"parentSpanId":0,"startTime":"%start+25%","endTime":"%start+26%","operationName":"Kafka/orders/Producer","spanType":"Exit","spanLayer":"MQ","componentId":40,"peer":"kafka:9092",
	  "tags":[{"key":"mq.topic","value":"orders"},{"key":"mq.broker","value":"kafka:9092"}]},
	 {"spanId":0,"parentSpanId":-1,"startTime":"%start+11%","endTime":"%start+40%","operationName":"GET:/orders/{id}","spanType":"Entry","spanLayer":"Http","componentId":1,
	  "refs":[{"refType":"CrossProcess","traceId":"`+trace+`","parentTraceSegmentId":"838055281761a3e800f067aa0ba902b7","parentSpanId":0,
	   "parentService":"frontend","parentServiceInstance":"10.0.0.5","parentEndpoint":"GET:/home","networkAddressUsedAtPeer":"order"}]}]}]`, start, time.Millisecond))
	// frontend has Brave; its spans come in two requests, the server's last.
	const frontend = `"traceId":"` + trace + `","localEndpoint":{"serviceName":"frontend","ipv4":"10.0.0.5"}`
	post(t, b.Zipkin+zipkinPath, times(`[{`+frontend+`,"id":"00f067aa0ba902b7","parentId":"00000000000000a2","kind":"CLIENT","name":"get","timestamp":%start+10%,"duration":32000,
	  "remoteEndpoint":{"serviceName":"order"},"tags":{"http.method":"GET","http.path":"/orders/17"}},
	 {`+frontend+`,"id":"00000000000000a3","parentId":"00000000000000a2","kind":"CLIENT","name":"select","timestamp":%start+3%,"duration":2000,
	  "remoteEndpoint":{"serviceName":"users-db"},"tags":{"sql.query":"select 1"}}]`, start, time.Microsecond))
	post(t, b.Zipkin+zipkinPath, times(`[{`+frontend+`,"id":"00000000000000a2","parentId":"48485a3953bb6124","name":"work","timestamp":%start+2%,"duration":45000},
	 {`+frontend+`,"id":"48485a3953bb6124","kind":"SERVER","name":"get /home","timestamp":%start+0%,"duration":50000,"tags":{"http.method":"GET"}}]`, start, time.Microsecond))

	// Another trace of Zipkin alone: a shared span, then a message.
	const second = "563ac35c9f6413ad48485a3953bb6124"
	const web, stock = `"traceId":"` + second + `","localEndpoint":{"serviceName":"web","ipv4":"10.0.1.5"}`, `"traceId":"` + second + `","localEndpoint":{"serviceName":"stock","ipv4":"10.0.1.7"}`
	for _, body := range []string{
		`[{"traceId":"` + second + `","localEndpoint":{"serviceName":"mail","ipv4":"10.0.1.8"},"id":"00000000000000e1","parentId":"00000000000000d1","kind":"CONSUMER","name":"next","timestamp":%start+70%,"duration":1000,
		  "remoteEndpoint":{"serviceName":"broker"}}]`,
		`[{` + stock + `,"id":"00000000000000d1","parentId":"00000000000000c2","kind":"PRODUCER","name":"send","timestamp":%start+30%,"duration":1000,"remoteEndpoint":{"serviceName":"broker"}},
		  {` + stock + `,"id":"00000000000000c2","parentId":"00000000000000c1","kind":"SERVER","shared":true,"name":"get /stock","timestamp":%start+20%,"duration":15000,"tags":{"http.method":"GET"}}]`,
		`[{` + web + `,"id":"00000000000000c2","parentId":"00000000000000c1","kind":"CLIENT","name":"get","timestamp":%start+10%,"duration":30000,"remoteEndpoint":{"serviceName":"stock"},"tags":{"http.method":"GET"}},
		  {` + web + `,"id":"00000000000000c1","kind":"SERVER","name":"get /","timestamp":%start+0%,"duration":50000,"tags":{"http.method":"GET"}}]`,
	} {
		post(t, b.Zipkin+zipkinPath, times(body, start, time.Microsecond))
	}

	tree := func(id string, want ...string) {
		t.Helper()
		lab.Eventually(t, visible, "trace "+id, func(ctx context.Context) error {
			spans, err := o.Trace(ctx, id)
			if err != nil {
				return err
			}
			lines, roots := oapTree(spans)
			faults := boosterFaults(id, spans)
			// Brothers have no order.
			if !slices.Equal(slices.Sorted(slices.Values(lines)), slices.Sorted(slices.Values(want))) || roots != 1 || len(faults) > 0 {
				return fmt.Errorf("%d roots, %v, and\n%s\nwant\n%s", roots, faults, strings.Join(lines, "\n"), strings.Join(want, "\n"))
			}
			return nil
		})
	}
	tree(trace,
		"frontend Entry GET:/home http",
		". frontend Local work Unknown",
		". . frontend Exit select ->users-db Unknown",
		". . frontend Exit GET ->order http",
		". . . order Entry GET:/orders/{id} Tomcat",
		". . . . order Exit Mysql/insert ->mysql:3306 Mysql",
		". . . . order Exit Redis/get ->redis:6379 Redis",
		". . . . order Exit Kafka/orders/Producer ->kafka:9092 kafka-producer",
		". . . . . billing Entry orders process ->kafka:9092 kafka-consumer")
	tree(second,
		"web Entry GET:/ http",
		". web Exit GET ->stock http",
		". . stock Entry GET:/stock http",
		". . . stock Exit send ->broker Unknown",
		". . . . mail Entry next ->broker Unknown")
	lab.Eventually(t, visible, "topology", func(ctx context.Context) error {
		topology, err := o.Topology(ctx)
		if err != nil {
			return err
		}
		want := []string{
			"User→frontend SERVER", "User→web SERVER", "broker→mail SERVER", "frontend→order CLIENT+SERVER", "frontend→users-db CLIENT", "kafka:9092→billing SERVER",
			"order→kafka:9092 CLIENT", "order→mysql:3306 CLIENT", "order→redis:6379 CLIENT", "stock→broker CLIENT", "web→stock CLIENT+SERVER",
		}
		if lines := topology.Lines(); !slices.Equal(lines, want) {
			return fmt.Errorf("topology %q, want %q", lines, want)
		}
		for _, n := range topology.Nodes {
			virtual := slices.Contains([]string{"User", "broker", "users-db", "kafka:9092", "mysql:3306", "redis:6379"}, n.Name)
			if n.IsReal == virtual {
				return fmt.Errorf("node %+v", n)
			}
		}
		services, err := o.Services(ctx)
		if err != nil {
			return err
		}
		var names []string
		for _, s := range services {
			if s.Normal {
				names = append(names, s.Name+" "+strings.Join(s.Layers, "+"))
			}
		}
		slices.Sort(names)
		if !slices.Equal(names, []string{"billing GENERAL", "frontend GENERAL", "mail GENERAL", "order GENERAL", "stock GENERAL", "web GENERAL"}) {
			return fmt.Errorf("services %q", names)
		}
		return nil
	})
	for _, service := range []string{"frontend", "order", "billing"} {
		endpoints, err := o.Endpoints(t.Context(), service)
		if err != nil {
			t.Fatal(err)
		}
		want := map[string][]string{"frontend": {"GET", "GET:/home"}, "order": {"GET:/orders/{id}"}, "billing": {"orders process"}}[service]
		if !slices.Equal(endpoints, want) {
			t.Errorf("endpoints of %s: %q, want %q", service, endpoints, want)
		}
	}
}
