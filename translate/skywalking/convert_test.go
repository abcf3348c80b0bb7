// SPDX-License-Identifier: Apache-2.0

package skywalking

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	agentv3 "skywalking.apache.org/repo/goapi/collect/language/agent/v3"

	"github.com/spanbridge/spanbridge/span"
)

// converted writes one span.
func converted(t *testing.T, m made) *agentv3.SegmentObject {
	t.Helper()
	if m.id == 0 {
		m.id = 7
	}
	got, _ := written(t, NewEncoder(plain), batch("otlp.proto", m))
	return got[0]
}

func TestLayers(t *testing.T) {
	t.Parallel()
	f := func(kind span.Kind, want string, attrs ...any) {
		t.Helper()
		s := converted(t, made{kind: kind, remote: "there", start: at, attrs: attrs}).Spans[0]
		if got := fmt.Sprintf("%v %v %d %s", s.SpanType, s.SpanLayer, s.ComponentId, s.Peer); got != want {
			t.Errorf("%v %v: %s, want %s", kind, attrs, got, want)
		}
	}
	f(span.KindClient, "Exit Http 49 there", "http.request.method", "GET")
	f(span.KindClient, "Exit Http 49 there", "url.full", "http://a/b")
	f(span.KindClient, "Exit RPCFramework 0 there")
	f(span.KindClient, "Exit RPCFramework 23 there", "rpc.system", "grpc", "http.method", "POST")
	f(span.KindServer, "Entry RPCFramework 23 ", "grpc.status_code", "0")
	f(span.KindServer, "Entry RPCFramework 100 ", "component", "thrift")
	f(span.KindClient, "Exit RPCFramework 101 there", "component", "thrift")
	f(span.KindClient, "Exit RPCFramework 50 there", "rpc.system", "connect_rpc")
	f(span.KindClient, "Exit Database 5 there", "db.system", "mysql")
	f(span.KindClient, "Exit Database 22 there", "db.system.name", "postgresql", "db.query.text", "select 1")
	f(span.KindClient, "Exit Database 0 there", "sql.query", "select 1")
	f(span.KindClient, "Exit Cache 7 there", "db.system", "redis")
	f(span.KindClient, "Exit Cache 20 there", "cache.type", "memcached")
	f(span.KindClient, "Exit Cache 7 there", "component", "redis")
	f(span.KindClient, "Exit MQ 52 rabbitmq", "messaging.system", "rabbitmq")
	f(span.KindServer, "Entry Http 49 ", "http.method", "GET", "db.system", "mysql")
	f(span.KindServer, "Entry RPCFramework 0 ", "messaging.system", "kafka")
	f(span.KindUnset, "Local Unknown 0 ", "db.system", "mysql")
	f(span.KindInternal, "Local Unknown 0 ", "http.method", "GET")
}

// Components come of the system called, else of the library, else of the layer.
func TestComponents(t *testing.T) {
	t.Parallel()
	if len(componentNames) != 265 || len(componentNumbers) != 265 {
		t.Fatalf("%d names, %d numbers", len(componentNames), len(componentNumbers))
	}
	f := func(kind span.Kind, want string, attrs ...any) {
		t.Helper()
		s := converted(t, made{kind: kind, remote: "there", start: at, attrs: attrs}).Spans[0]
		if got := componentNames[s.ComponentId]; got != want {
			t.Errorf("%v %v: %q, want %q", kind, attrs, got, want)
		}
	}
	server, client, producer, consumer := span.KindServer, span.KindClient, span.KindProducer, span.KindConsumer
	f(server, "http", "http.method", "GET")
	f(server, "GoHttpServer", "component", "net/http")
	f(client, "GoHttpClient", "component", "net/http")
	f(server, "GoMuxServer", "http.method", "GET", "component", "gorilla/mux")
	f(server, "Gin", "http.method", "GET", "component", "gin-gonic/gin")
	f(client, "OKHttp", "http.method", "GET", "component", "okhttp")
	f(server, "Flask", "http.method", "GET", "component", "Flask")
	f(server, "http", "http.method", "GET", "component", "of our own")
	f(server, "http", "http.method", "GET", "component", strings.Repeat("x", 100))
	f(client, "Mysql", "db.system", "mysql", "component", "java-jdbc")
	f(client, "PostgreSQL", "db.system", "postgresql")
	f(client, "Redis", "db.system", "Valkey")
	f(client, "Elasticsearch", "db.system.name", "elasticsearch")
	f(producer, "kafka-producer", "messaging.system", "kafka")
	f(consumer, "rabbitmq-consumer", "messaging.system", "rabbitmq")
	f(consumer, "NATS", "messaging.system", "nats")
	f(client, "JsonRpc", "rpc.system", "jsonrpc")
	f(server, "Tomcat", "sw.component", "1", "http.method", "GET")
	f(server, "Tomcat", "sw.component", 1)
	f(server, "SpringMVC", "sw.component", "SpringMVC")
	f(span.KindUnset, "Unknown", "component", "okhttp")
	g := func(scope, want string) {
		t.Helper()
		if got := componentNames[library(scope, false)]; got != want {
			t.Errorf("%s: %q, want %q", scope, got, want)
		}
	}
	g("io.opentelemetry.tomcat-10.0", "Tomcat")
	g("io.opentelemetry.spring-webmvc-6.0", "SpringMVC")
	g("opentelemetry.instrumentation.django", "Django")
	g("@opentelemetry/instrumentation-express", "Express")
	g("go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp", "GoHttpServer")
	g("go.opentelemetry.io/contrib/instrumentation/google.golang.org/grpc/otelgrpc", "GRPC")
	g("-", "Unknown")
	g("my-service-1", "Unknown")
}

func TestExitPeers(t *testing.T) {
	t.Parallel()
	f := func(m made, want string) {
		t.Helper()
		m.kind, m.start = span.KindClient, at
		s := converted(t, m).Spans[0]
		if s.Peer != want {
			t.Errorf("%+v: %q, want %q", m, s.Peer, want)
		}
		kind := s.Tags[max(len(s.Tags)-2, 0)] // before bridge.span_id
		if want == "" && (s.SpanType != agentv3.SpanType_Local || !s.SkipAnalysis || kind.Key != "span.kind" || kind.Value != "client") {
			t.Errorf("%+v: %v", m, s)
		}
	}
	f(made{remote: "order", remoteIP: "10.0.0.1", port: 80}, "order")
	f(made{remoteIP: "10.0.0.1", port: 80}, "10.0.0.1:80")
	f(made{remoteIP: "10.0.0.1"}, "10.0.0.1")
	f(made{remoteIP: "::1", port: 80}, "[::1]:80")
	f(made{remoteIP: "::1"}, "::1")
	f(made{attrs: []any{"server.address", "db", "server.port", 3306}}, "db:3306")
	f(made{attrs: []any{"net.peer.name", "db", "net.peer.port", "3306"}}, "db:3306")
	f(made{attrs: []any{"peer.address", "db:3306"}}, "db:3306")
	f(made{attrs: []any{"http.url", "https://u:p@shop.example:8443/a?b"}}, "shop.example:8443")
	f(made{attrs: []any{"http.url", "/a"}}, "")
	f(made{}, "")
}

func TestOperations(t *testing.T) {
	t.Parallel()
	f := func(kind span.Kind, name, want string, attrs ...any) {
		t.Helper()
		if got := converted(t, made{kind: kind, name: name, remote: "x", start: at, attrs: attrs}).Spans[0].OperationName; got != want {
			t.Errorf("%v %q %v: %q, want %q", kind, name, attrs, got, want)
		}
	}
	server, client := span.KindServer, span.KindClient
	f(server, "get /users/{id}", "GET:/users/{id}", "http.method", "GET")
	f(server, "get", "GET:/users/{id}", "http.method", "GET", "http.route", "/users/{id}")
	f(server, "anything", "/users/{id}", "http.route", "/users/{id}")
	f(server, "get", "GET:/users/{id}/x", "http.path", "/users/17/x")
	f(server, "HTTP GET", "GET:/a", "http.url", "http://h/a?b=c")
	f(server, "GET", "GET:/", "http.target", "/")
	f(server, "", "POST:/a", "http.method", "POST", "http.path", "/a")
	f(server, "", "POST", "http.method", "POST")
	f(server, "/users/17", "POST:/users/{id}", "http.method", "POST")
	f(server, "GET:/users/17", "GET:/users/{id}", "http.method", "GET")
	f(server, "listUsers", "listUsers", "http.method", "GET", "http.path", "/users")
	f(server, "getUsers", "getUsers", "http.method", "GET")
	f(server, "get /a/deadbeef/0123abcd/de5980b8-fce3-4a37-aab9-b4ac3af7eedd/v1/2024-01-01", "GET:/a/deadbeef/{id}/{id}/v1/2024-01-01", "http.method", "GET")
	f(client, "get", "GET", "http.method", "GET")
	f(client, "HTTP POST", "POST", "http.method", "POST")
	f(client, "GET /users/17?x", "GET /users/{id}", "http.method", "GET")
	f(client, "get", "GET /users/{id}", "http.method", "GET", "http.route", "/users/{id}")
	f(client, "GET /users/17", "GET /users/{name}", "http.route", "/users/{name}")
	f(client, "http://h:80/users/17", "http://h:80/users/{id}", "http.method", "GET")
	f(client, "/users/0123456789abcdef0123456789abcdef/x", "/users/{id}/x", "http.method", "GET")
	f(client, "listUsers", "listUsers", "http.method", "GET", "http.route", "/users")
	f(client, "GET /users/17", "GET /users/{id}")
	f(server, "/users/de5980b8-fce3-4a37-aab9-b4ac3af7eedd", "/users/{id}")
	f(client, "/users.Service/Get", "/users.Service/Get", "rpc.system", "grpc")
	f(client, "query users", "query users", "db.system", "mysql")
	f(client, "users.Service/17", "users.Service/17", "rpc.system", "grpc")
	f(client, "", "unknown", "db.system", "mysql")
	f(span.KindUnset, "", "unknown")
	f(server, strings.Repeat("x", 200), strings.Repeat("x", 150))
}

func TestInstances(t *testing.T) {
	t.Parallel()
	f := func(m made, want string) {
		t.Helper()
		m.start = at
		g := converted(t, m)
		if g.ServiceInstance != want {
			t.Errorf("%+v: %q, want %q", m, g.ServiceInstance, want)
		}
	}
	f(made{attrs: []any{"hostname", "b", "service.instance.id", "a"}, ip: "10.0.0.1"}, "a")
	f(made{resource: []any{"host.name", "c", "hostname", "b"}}, "b")
	f(made{resource: []any{"host.name", "c", "jaeger.hostname", "d"}}, "c")
	f(made{attrs: []any{"jaeger.hostname", "d"}, ip: "10.0.0.1"}, "d")
	f(made{ip: "10.0.0.1"}, "10.0.0.1")
	f(made{ip: "2001:db8::1"}, "2001:db8::1")
	f(made{}, "unknown")
	f(made{attrs: []any{"service.instance.id", strings.Repeat("é", 60)}}, strings.Repeat("é", 50))
}

func TestS8Tags(t *testing.T) {
	t.Parallel()
	f := func(m made, want string) {
		t.Helper()
		m.start = at
		var got []string
		for _, kv := range converted(t, m).Spans[0].Tags {
			if !strings.HasPrefix(kv.Key, "bridge.") {
				got = append(got, kv.Key+"="+kv.Value)
			}
		}
		if g := strings.Join(got, " "); g != want {
			t.Errorf("%+v: %s, want %s", m, g, want)
		}
	}
	f(made{attrs: []any{"a", "1", "a", "2", "b", 3, "c", 2.0, "d", ""}}, "a=1 a=2 b=3 c=2.0 d=")
	f(made{attrs: []any{"http.request.method", "GET", "http.response.status_code", 200, "url.full", "http://a/b"}}, "http.method=GET http.status_code=200 url=http://a/b")
	f(made{attrs: []any{"span.kind", nil, "a", "1"}}, "a=1")
	f(made{attrs: []any{"a", "1"}, resource: []any{"a", "2", "os", "x", "service.name", nil}}, "a=1 os=x")
	f(made{attrs: []any{"service.instance.id", "i"}}, "")
	f(made{attrs: []any{"x-le", "{}"}}, "")
	f(made{attrs: []any{"transmission.latency", "-5", "transmission.latency", "12.5", "transmission.latency", " 5", "transmission.latency", "", "transmission.latency", "1234567890123456789"}}, "transmission.latency=-5")
	f(made{kind: span.KindClient, remote: "r", attrs: []any{"db.system", "redis", "k", "1", "k", "2", "db.statement", "GET a"}}, "cache.type=redis k=1 db.statement=GET a")
	f(made{kind: span.KindClient, remote: "r", attrs: []any{"redis.key", "k"}}, "redis.key=k cache.type=redis")
	f(made{kind: span.KindClient, remote: "r", attrs: []any{"db.system", "mysql", "db.name", "shop", "sql.query", "select 1"}}, "db.type=mysql db.instance=shop db.statement=select 1")
	f(made{ok: true}, "otel.status_code=OK")
	f(made{attrs: []any{"bad", "a\xffb"}}, "bad=a\uFFFDb")
}

func TestErrors(t *testing.T) {
	t.Parallel()
	f := func(m made, want string) {
		t.Helper()
		m.start, m.duration = at, 3_000_000
		s := converted(t, m).Spans[0]
		got := fmt.Sprint(s.IsError)
		for _, l := range s.Logs {
			got += fmt.Sprintf(" %d", l.Time-at/1_000_000)
			for _, kv := range l.Data {
				got += " " + kv.Key + "=" + kv.Value
			}
		}
		if got != want {
			t.Errorf("%+v: %s, want %s", m, got, want)
		}
	}
	f(made{}, "false")
	f(made{failed: true}, "true")
	f(made{failed: true, message: "boom"}, "true 3 event=error message=boom")
	f(made{failed: true, message: "boom", events: []string{"error"}}, "true 1 event=error")
	f(made{events: []string{"a", "b"}}, "false 1 event=a 1 event=b")
}

// S9: times in milliseconds, never 0, never backwards.
func TestS9TimesOut(t *testing.T) {
	t.Parallel()
	f := func(start, duration, wantStart, wantEnd int64) {
		t.Helper()
		s := converted(t, made{start: start, duration: duration}).Spans[0]
		if s.StartTime != wantStart || s.EndTime != wantEnd {
			t.Errorf("%d for %d: %d to %d, want %d to %d", start, duration, s.StartTime, s.EndTime, wantStart, wantEnd)
		}
	}
	const ms = at / 1_000_000
	f(at, 0, ms, ms)
	f(at, -1, ms, ms)
	f(at+999_999, 1, ms, ms+1)
	f(at+999_999, 0, ms, ms)
	f(at, 1_999_999, ms, ms+1)
	f(0, 5_000_000, received/1_000_000, received/1_000_000+5)
	f(-1, -1, received/1_000_000, received/1_000_000)
	f(1, 1, 1, 1)
	f(at, 1<<63-1, ms, maxMillis)
	b := batchAt(0, "otlp.proto", made{id: 1})
	got, _ := written(t, NewEncoder(plain), b)
	if s := got[0].Spans[0]; s.StartTime != 1 || s.EndTime != 1 {
		t.Errorf("without any time: %d to %d", s.StartTime, s.EndTime)
	}
}

// S8: names are cut between characters, and so that OAP's tables hold them.
func TestS8LongNames(t *testing.T) {
	t.Parallel()
	f := func(service, name string, wantService, wantName int) {
		t.Helper()
		g := converted(t, made{service: service, name: name, start: at, kind: span.KindServer})
		op := g.Spans[0].OperationName
		if utf8.RuneCountInString(g.Service) != wantService || utf8.RuneCountInString(op) != wantName || !utf8.ValidString(op) || !utf8.ValidString(g.Service) {
			t.Errorf("%d and %d characters, want %d and %d", utf8.RuneCountInString(g.Service), utf8.RuneCountInString(op), wantService, wantName)
		}
	}
	x := strings.Repeat
	f(x("s", 70), x("e", 150), 70, 111)
	f(x("s", 71), x("e", 20), 70, 20)
	f("s", x("e", 151), 1, 150)
	f("s", x("世", 150), 1, 60)
	f("s", x("🚀", 150), 1, 45)
	f(x("🚀", 60), "e", 35, 1)
	f(x("世", 70), x("世", 60), 70, 10)
	f("group::name", "e", 11, 1)
}

func TestCut(t *testing.T) {
	t.Parallel()
	f := func(s string, limit int, want string) {
		t.Helper()
		if got := cut(s, limit); got != want {
			t.Errorf("cut(%q, %d) = %q, want %q", s, limit, got, want)
		}
	}
	f("abc", 3, "abc")
	f("abcd", 3, "abc")
	f("éé", 2, "éé")
	f("a🚀b", 2, "a")
	f("a🚀b", 3, "a🚀")
	f("\xff\xff\xff", 2, "\xff\xff")
}
