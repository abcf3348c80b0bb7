// SPDX-License-Identifier: Apache-2.0

package skywalking

import (
	"strings"

	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/translate"
)

// family is what a span is about, as the prefixes of its attributes say.
type family uint8

const (
	aboutQueue family = 1 << iota
	aboutDatabase
	aboutCache
	aboutRPC
	aboutHTTP
)

// signs are the attributes of a span, whatever the conventions that it follows,
// that decide how OAP sees it.
type signs struct {
	families family

	method, route, path, url string
	database, queue, rpc     string // the system: mysql, kafka, grpc
	broker, host             string
	port                     int64
	instance                 [4]string // by rank
	language                 string
	traceName, parent        string // sw8.trace_id, sw8.parent
	library                  string // the tag component
	agent                    int32  // sw.component
}

// familyOf is the family that the first word of a key stands for.
func familyOf(word string) family {
	switch word {
	case "messaging", "mq", "message_bus", "kafka", "rabbitmq":
		return aboutQueue
	case "db", "sql":
		return aboutDatabase
	case "cache", "redis", "memcached":
		return aboutCache
	case "rpc", "grpc", "thrift", "dubbo":
		return aboutRPC
	case "http":
		return aboutHTTP
	}
	return 0
}

// tagParent carries the fields of an sw8 header that a server span continued:
// segment|number|service|instance|endpoint|address, the last four in base64.
const tagParent = "sw8.parent"

// read takes the signs of a span and of its resource; there are none yet.
func (g *signs) read(b *span.Batch, s *span.Span) {
	attrs := b.Attrs(s.Attrs)
	for i := range attrs {
		g.add(b, &attrs[i])
	}
	if r := b.Resource(s.Resource); r != nil {
		attrs := b.Attrs(r.Attrs)
		for i := range attrs {
			g.addProcess(b, &attrs[i])
		}
	}
}

// add reads an attribute of the span.
func (g *signs) add(b *span.Batch, a *span.Attr) {
	key := b.Str(a.Key)
	dot := strings.IndexByte(key, '.')
	var about family
	if dot > 0 {
		about = familyOf(key[:dot])
		g.families |= about
	}
	if a.Type != span.String {
		switch {
		case a.Type != span.Int:
		case isPort(key):
			g.port = a.Int()
		case key == translate.TagComponent:
			g.agent = int32(a.Int())
		}
		return
	}
	v := b.Str(a.Text())
	switch key {
	case translate.TagComponent:
		g.agent = componentNamed(v)
	case "http.method", "http.request.method":
		g.method = v
	case "http.route":
		g.route = v
	case "http.path", "http.target", "url.path":
		g.path = v
	case "http.url", "url.full", "url":
		g.url = v
	case "db.system", "db.system.name", "db.type":
		g.database = v
	case "cache.type":
		g.database = v
	case "messaging.system":
		g.queue = v
	case "rpc.system", "rpc.system.name":
		g.rpc = v
	case "component":
		g.component(v)
	case "mq.broker":
		g.broker = v
	case "server.address", "net.peer.name", "peer.hostname", "peer.address":
		g.host = v
	case "server.port", "net.peer.port", "peer.port":
		if n, ok := parsePort(v); ok {
			g.port = int64(n)
		}
	case translate.TagTraceName:
		g.traceName = v
	case tagParent:
		g.parent = v
	case translate.TagInstance, "hostname", "host.name", "jaeger.hostname", "telemetry.sdk.language", "jaeger.version":
		g.addProcess(b, a)
	}
	if dot > 0 && g.rpc == "" && about == aboutRPC && key[:dot] != "rpc" {
		g.rpc = key[:dot]
	}
}

func isPort(key string) bool {
	return key == "server.port" || key == "net.peer.port" || key == "peer.port"
}

// addProcess reads an attribute that is about the process.
func (g *signs) addProcess(b *span.Batch, a *span.Attr) {
	if a.Type != span.String {
		return
	}
	v := b.Str(a.Text())
	rank := 0
	switch b.Str(a.Key) {
	case translate.TagInstance:
	case "hostname":
		rank = 1
	case "host.name":
		rank = 2
	case "jaeger.hostname":
		rank = 3
	case "telemetry.sdk.language":
		g.language = v
		return
	case "jaeger.version": // "Go-2.30.0"
		g.language, _, _ = strings.Cut(v, "-")
		return
	default:
		return
	}
	if g.instance[rank] == "" {
		g.instance[rank] = v
	}
}

// component reads OpenTracing's tag, whose values are names of libraries.
func (g *signs) component(v string) {
	g.library = v
	switch v {
	case "grpc", "gRPC":
		g.families |= aboutRPC
		g.rpc = "grpc"
	case "thrift", "dubbo":
		g.families |= aboutRPC
		g.rpc = v
	case "redis", "memcached":
		g.families |= aboutCache
		g.database = or(g.database, v)
	case "kafka", "rabbitmq":
		g.families |= aboutQueue
		g.queue = or(g.queue, v)
	case "net/http", "http", "aiohttp", "requests", "okhttp", "flask", "django":
		g.families |= aboutHTTP
	}
}
