// SPDX-License-Identifier: Apache-2.0

//go:build heavy

package browser

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/spanbridge/spanbridge/span"
)

func post(t testing.TB, url, body string) {
	t.Helper()
	r, err := http.Post(url, "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	if text, _ := io.ReadAll(r.Body); r.StatusCode >= 300 {
		t.Fatalf("%s: %s %s", url, r.Status, text)
	}
}

const mixedTrace = "463ac35c9f6413ad48485a3953bb6124"

// sendMixed sends one trace whose spans come by three protocols: a shop that
// reports to Zipkin with shared ids, a stock behind a SkyWalking agent, payments
// with OpenTelemetry. A payment fails, and one span has lost its parent.
func sendMixed(t testing.TB, b bridge, at time.Time) {
	t.Helper()
	us := at.UnixMicro()
	zipkin := func(id, parent, kind, service, ip, name string, start, took int64, more string) string {
		s := fmt.Sprintf(`{"traceId":%q,"id":%q,"name":%q,"timestamp":%d,"duration":%d,"localEndpoint":{"serviceName":%q,"ipv4":%q}`, mixedTrace, id, name, us+start, took, service, ip)
		if parent != "" {
			s += fmt.Sprintf(`,"parentId":%q`, parent)
		}
		if kind != "" {
			s += fmt.Sprintf(`,"kind":%q`, kind)
		}
		return s + more + "}"
	}
	const root, call, work, reserve, pay = "a2fb4a1d1a96d312", "b000000000000001", "b000000000000002", "b000000000000003", "b000000000000004"
	post(t, b.Page+"api/v2/spans", "["+strings.Join([]string{
		zipkin(root, "", "SERVER", "shop-frontend", "10.1.0.4", "GET /checkout", 0, 412_345, `,"tags":{"http.method":"GET","http.path":"/checkout","http.status_code":"502","error":"payment failed"},"remoteEndpoint":{"ipv4":"203.0.113.7","port":51234}`),
		zipkin(call, root, "CLIENT", "shop-frontend", "10.1.0.4", "POST /cart/order", 8_120, 395_000, `,"remoteEndpoint":{"serviceName":"cart"}`),
		zipkin(call, root, "SERVER", "cart", "10.1.0.9", "POST /cart/order", 9_800, 390_100, `,"shared":true,"tags":{"http.route":"/cart/order","cart.items":"3"},"annotations":[{"timestamp":`+fmt.Sprint(us+20_000)+`,"value":"cart loaded"},{"timestamp":`+fmt.Sprint(us+301_000)+`,"value":"retry payment"}]`),
		zipkin(work, call, "", "cart", "10.1.0.9", "load cart", 10_200, 9_700, `,"tags":{"db.statement":"select * from cart where id = ?"},"remoteEndpoint":{"serviceName":"postgres"}`),
		zipkin(reserve, call, "CLIENT", "cart", "10.1.0.9", "reserve", 22_000, 118_000, ``),
		zipkin(pay, call, "CLIENT", "cart", "10.1.0.9", "charge", 145_000, 251_000, `,"tags":{"error":"deadline exceeded"}`),
		zipkin("b000000000000009", "c0ffee0000000000", "PRODUCER", "mailer", "10.1.0.77", "send mail", 405_000, 2_400, `,"remoteEndpoint":{"serviceName":"kafka"}`),
	}, ",")+"]")
	trace, err := span.ParseTraceID(mixedTrace)
	if err != nil {
		t.Fatal(err)
	}
	parent, _ := span.ParseID(reserve)
	ms := at.UnixMilli()
	post(t, b.SkyWalking+"/v3/segments", fmt.Sprintf(`[{"traceId":%q,"traceSegmentId":"9c2d7.61.17672256000010001","service":"stock","serviceInstance":"5f0a7b@10.1.0.31","spans":[
{"spanId":1,"parentSpanId":0,"startTime":%d,"endTime":%d,"operationName":"Mysql/JDBC/PreparedStatement/execute","spanType":"Exit","spanLayer":"Database","componentId":33,"peer":"mysql-0.db:3306","tags":[{"key":"db.type","value":"sql"},{"key":"db.statement","value":"update stock set reserved = reserved + ? where sku = ?"}]},
{"spanId":0,"parentSpanId":-1,"startTime":%d,"endTime":%d,"operationName":"POST:/stock/reserve","spanType":"Entry","spanLayer":"Http","componentId":14,"tags":[{"key":"url","value":"http://stock:8080/stock/reserve"},{"key":"http.method","value":"POST"}],
"refs":[{"refType":"CrossProcess","traceId":%q,"parentTraceSegmentId":%q,"parentSpanId":0,"parentService":"cart","parentServiceInstance":"cart-1","parentEndpoint":"/cart/order","networkAddressUsedAtPeer":"stock:8080"}]}]}]`,
		mixedTrace, ms+40, ms+120, ms+25, ms+136, mixedTrace, span.SegmentName(trace, parent)))
	ns := at.UnixNano()
	attr := func(key, value string) string {
		return fmt.Sprintf(`{"key":%q,"value":{"stringValue":%q}}`, key, value)
	}
	otlp := func(id, parent string, kind int, name string, start, took int64, more string) string {
		return fmt.Sprintf(`{"traceId":%q,"spanId":%q,"parentSpanId":%q,"kind":%d,"name":%q,"startTimeUnixNano":"%d","endTimeUnixNano":"%d"%s}`, mixedTrace, id, parent, kind, name, ns+start*1000, ns+(start+took)*1000+321, more)
	}
	post(t, b.OTLP+"/v1/traces", `{"resourceSpans":[{"resource":{"attributes":[`+attr("service.name", "payments")+`,`+attr("service.instance.id", "payments-6c9f-x2")+`,`+attr("k8s.pod.name", "payments-6c9f-x2")+`]},"scopeSpans":[{"scope":{"name":"io.opentelemetry.grpc","version":"2.1.0"},"spans":[`+
		otlp("d000000000000001", pay, 2, "payments.Payments/Charge", 147_200, 246_000, `,"attributes":[{"key":"rpc.grpc.status_code","value":{"intValue":"4"}},{"key":"net.peer.port","value":{"intValue":"8443"}},`+attr("rpc.system", "grpc")+`],"status":{"code":2,"message":"deadline exceeded while calling the bank"}`)+","+
		otlp("d000000000000002", "d000000000000001", 3, "POST bank", 151_000, 120_000, `,"attributes":[{"key":"http.response.status_code","value":{"intValue":"504"}}],"status":{"code":2}`)+","+
		otlp("d000000000000003", "d000000000000001", 3, "POST bank", 272_500, 119_000, `,"events":[{"timeUnixNano":"`+fmt.Sprint(ns+391_000_000)+`","name":"exception","attributes":[`+attr("exception.type", "java.net.SocketTimeoutException")+`,`+attr("exception.message", "Read timed out")+`]}],"links":[{"traceId":"5b8aa5a2d2c872e8321cf37308d69df2","spanId":"051581bf3cb55c13"}],"status":{"code":2}`)+
		`]}]}]}`)
}

// sendBig sends a trace of n spans of 24 services, in bodies of 1000.
func sendBig(t testing.TB, b bridge, n int, at time.Time) (id string) {
	t.Helper()
	us := at.UnixMicro()
	id = "b16b00b5000000000000000000c0ffee"
	total := int64(n) * 400
	for first := 0; first < n; first += 1000 {
		var spans []string
		for i := first; i < min(first+1000, n); i++ {
			parent, start, took := "", int64(0), total
			if i > 0 {
				up := (i - 1) / 4
				parent = fmt.Sprintf(`,"parentId":"%016x"`, up+1)
				start = int64(i) * 390
				took = int64(200 + (i*7919)%9000)
			}
			more := ""
			if i%211 == 210 {
				more = `,"tags":{"error":"timeout","attempt":"` + fmt.Sprint(i%5) + `"}`
			}
			kind := [...]string{"SERVER", "CLIENT", "SERVER", "CLIENT", "PRODUCER"}[i%5]
			spans = append(spans, fmt.Sprintf(`{"traceId":%q,"id":"%016x"%s,"kind":%q,"name":"operation %d","timestamp":%d,"duration":%d,"localEndpoint":{"serviceName":"service-%02d","ipv4":"10.0.0.%d"}%s}`,
				id, i+1, parent, kind, i%97, us+start, took, i%24, i%24+1, more))
		}
		post(t, b.Page+"api/v2/spans", "["+strings.Join(spans, ",")+"]")
	}
	return id
}

// sendMany sends n small traces.
func sendMany(t testing.TB, b bridge, n int, at time.Time) {
	t.Helper()
	services := []string{"shop-frontend", "cart", "search", "accounts", "recommendations", "mailer"}
	var spans []string
	for i := range n {
		trace := fmt.Sprintf("%016x%016x", 0xabc+i, uint64(i+1)*0x9e3779b97f4a7c15)
		us := at.Add(-time.Duration(i) * 1317 * time.Millisecond).UnixMicro()
		took := int64(900 + (i*i*7919)%240_000)
		more := ""
		if i%7 == 3 {
			more = `,"tags":{"error":"500"}`
		}
		for k := range 1 + i%5 {
			parent := ""
			if k > 0 {
				parent = fmt.Sprintf(`,"parentId":"%016x"`, k)
			}
			if k > 0 && k < i%5 {
				more = ""
			}
			spans = append(spans, fmt.Sprintf(`{"traceId":%q,"id":"%016x"%s,"kind":%q,"name":"get /%s/{id}","timestamp":%d,"duration":%d,"localEndpoint":{"serviceName":%q}%s}`,
				trace, k+1, parent, [...]string{"SERVER", "CLIENT"}[k%2], services[(i+k)%6], us+int64(k)*100, took/int64(k+1), services[(i+k)%6], more))
		}
	}
	post(t, b.Page+"api/v2/spans", "["+strings.Join(spans, ",")+"]")
}
