// SPDX-License-Identifier: Apache-2.0

package skywalking

import (
	_ "embed"
	"strconv"
	"strings"

	"github.com/spanbridge/spanbridge/span"
)

//go:embed components.txt
var componentList string

// componentNames are the names of components by number, componentNumbers the
// numbers by name in lower case.
var componentNames, componentNumbers = readComponents(componentList)

func readComponents(list string) (names map[int32]string, numbers map[string]int32) {
	names, numbers = make(map[int32]string), make(map[string]int32)
	for line := range strings.Lines(list) {
		number, name, ok := strings.Cut(strings.TrimSpace(line), " ")
		n, err := strconv.ParseInt(number, 10, 32)
		if !ok || err != nil {
			continue // a comment
		}
		names[int32(n)] = name
		numbers[strings.ToLower(name)] = int32(n)
	}
	return names, numbers
}

// Numbers of components.txt.
const (
	componentHTTP   = 49
	componentRPC    = 50
	thriftServer    = 100
	thriftClient    = 101
	consumerFollows = 1 // a queue's consumer has the number after its producer
)

// Systems as OpenTelemetry's and OpenTracing's conventions call them, where the
// table has another name.
var (
	databases = map[string]int32{
		"postgres": 22, "mssql": 3006, "microsoft.sql_server": 3006, "oracle.db": 6, "oracledb": 6, "ibm.db2": 155, "hbase": 94,
		"dynamodb": 138, "aws.dynamodb": 138, "opensearch": 47, "valkey": 7, "influxdb": 89,
	}
	producers = map[string]int32{"kafka": 40, "rabbitmq": 52, "rocketmq": 38, "activemq": 45, "pulsar": 73, "amqp": 144, "eventmesh": 136}
	queues    = map[string]int32{"nats": 132, "aws_sqs": 140, "aws.sqs": 140, "aws.sns": 139}
	rpcs      = map[string]int32{"grpc": 23, "dubbo": 3, "apache_dubbo": 3, "jsonrpc": 107}
)

// libraries are instrumented libraries, by what their instrumentation or the
// tag component calls them, where the table has another name. The second number
// is for clients.
var libraries = map[string][2]int32{
	"spring-webmvc": {14, 14}, "spring-web": {14, 13}, "java-spring-rest-template": {13, 13}, "resttemplate": {13, 13},
	"okhttp": {12, 12}, "apache-httpclient": {2, 2}, "java-http-client": {66, 66}, "http-url-connection": {66, 66}, "jetty": {19, 18},
	"reactor-netty": {151, 151}, "netty": {151, 151}, "vertx-http-client": {59, 59}, "spring-webflux": {67, 99},
	"net/http": {5004, 5005}, "otelhttp": {5004, 5005}, "otelgin": {5006, 5006}, "otelecho": {5015, 5015}, "otelfiber": {5021, 5021},
	"otelmux": {5017, 5017}, "gorilla/mux": {5017, 5017}, "gin-gonic/gin": {5006, 5006}, "otelgrpc": {23, 23}, "undici": {4005, 4005}, "aiohttp-client": {7008, 7008}, "aiohttp-server": {7008, 7008},
	"urllib": {7006, 7006}, "asgi": {7014, 7014},
}

// library is the component of a library, from the tag component or the name of
// an instrumentation scope: "io.opentelemetry.tomcat-10.0",
// "@opentelemetry/instrumentation-express", "opentelemetry.instrumentation.flask",
// ".../net/http/otelhttp", "okhttp". 0 where it is not known.
func library(name string, client bool) int32 {
	side := 0
	if client {
		side = 1
	}
	if n, ok := libraries[name]; ok {
		return n[side]
	}
	name = name[strings.LastIndexByte(name, '/')+1:]
	name = strings.TrimPrefix(name, "instrumentation-")
	for strings.HasPrefix(name, "io.opentelemetry.") || strings.HasPrefix(name, "opentelemetry.") {
		_, name, _ = strings.Cut(name, ".")
	}
	name = strings.TrimPrefix(name, "instrumentation.")
	if i := strings.LastIndexByte(name, '-'); i > 0 && i+1 < len(name) && '0' <= name[i+1] && name[i+1] <= '9' {
		name = name[:i] // the version of the library
	}
	if n, ok := libraries[name]; ok {
		return n[side]
	}
	const longest = 64
	if len(name) == 0 || len(name) > longest {
		return 0
	}
	return numbered(componentNumbers, name)
}

// numbered finds a name whatever its case.
func numbered(table map[string]int32, name string) int32 {
	var a [64]byte
	if len(name) > len(a) {
		return 0
	}
	for i := range len(name) {
		b := name[i]
		if 'A' <= b && b <= 'Z' {
			b += 'a' - 'A'
		}
		a[i] = b
	}
	return table[string(a[:len(name)])]
}

// componentOf is the component of a span: what a SkyWalking agent said of it,
// the system that it calls, or the library that made it.
func (r *role) componentOf(b *span.Batch, s *span.Span) int32 {
	if r.agent != 0 {
		return r.agent
	}
	switch r.layer {
	case layerDatabase, layerCache:
		return or32(numbered(databases, r.database), numbered(componentNumbers, r.database))
	case layerMQ:
		system := or(r.queue, r.peer)
		n := numbered(producers, system)
		if n != 0 && r.typ == typeEntry {
			n += consumerFollows
		}
		return or32(n, numbered(queues, system))
	case layerHTTP, layerRPC:
		n := library(r.library, r.typ == typeExit)
		if scope := b.Scope(s.Scope); n == 0 && scope != nil {
			n = library(b.Str(scope.Name), r.typ == typeExit)
		}
		if n != 0 {
			return n
		}
	default:
		return 0
	}
	switch rpc := numbered(rpcs, r.rpc); {
	case r.layer == layerHTTP:
		return componentHTTP
	case rpc != 0 || r.rpc == "":
		return rpc
	case r.rpc == "thrift" && r.typ == typeEntry:
		return thriftServer
	case r.rpc == "thrift":
		return thriftClient
	default:
		return componentRPC
	}
}

// componentNamed reads a component that is named by its number or its name.
func componentNamed(v string) int32 {
	if n, err := strconv.ParseInt(v, 10, 32); err == nil && n > 0 {
		return int32(n)
	}
	return numbered(componentNumbers, v)
}

func or32(a, b int32) int32 {
	if a != 0 {
		return a
	}
	return b
}
