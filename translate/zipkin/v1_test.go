// SPDX-License-Identifier: Apache-2.0

package zipkin

import (
	"fmt"
	"strings"
	"testing"
)

// v1 is a table of v1 spans and the v2 spans that V1SpanConverter of the server
// makes of them, worked out by hand from its source.
type v1 struct{ *testing.T }

// Short forms for the parts of a v1 span.
var v1short = strings.NewReplacer(
	`@fe`, `"endpoint":{"serviceName":"fe","ipv4":"10.0.0.1","port":80}`,
	`@be`, `"endpoint":{"serviceName":"be","ipv4":"10.0.0.2"}`,
	`@FE2`, `"endpoint":{"serviceName":"FE","ipv4":"10.0.0.9"}`,
	`@db`, `"endpoint":{"serviceName":"db"}`,
	`@no`, `"endpoint":{}`,
	`t:`, `"timestamp":`, `v:`, `"value":`, `k:`, `"key":`,
	`A:`, `"annotations":`, `B:`, `"binaryAnnotations":`,
)

var v2short = strings.NewReplacer(
	`#`, `"traceId":"0000000000000001","id":"0000000000000002"`,
	`L:fe`, `"localEndpoint":{"serviceName":"fe","ipv4":"10.0.0.1","port":80}`,
	`L:be`, `"localEndpoint":{"serviceName":"be","ipv4":"10.0.0.2"}`,
	`L:FE2`, `"localEndpoint":{"serviceName":"FE","ipv4":"10.0.0.9"}`,
	`L:db`, `"localEndpoint":{"serviceName":"db"}`,
	`R:fe`, `"remoteEndpoint":{"serviceName":"fe","ipv4":"10.0.0.1","port":80}`,
	`R:be`, `"remoteEndpoint":{"serviceName":"be","ipv4":"10.0.0.2"}`,
	`R:db`, `"remoteEndpoint":{"serviceName":"db"}`,
	`CLIENT`, `"kind":"CLIENT"`, `SERVER`, `"kind":"SERVER"`, `PRODUCER`, `"kind":"PRODUCER"`, `CONSUMER`, `"kind":"CONSUMER"`,
	`t:`, `"timestamp":`, `v:`, `"value":`, `d:`, `"duration":`, `A:`, `"annotations":`, `T:`, `"tags":`, `shared`, `"shared":true`,
)

func (t v1) is(in string, want ...string) {
	t.Helper()
	fields := `"traceId":"1","id":"2"`
	if in != "" {
		fields += "," + v1short.Replace(in)
	}
	b, err := decode(t, formatV1JSON, []byte("[{"+fields+"}]"))
	out := strings.TrimSuffix(strings.TrimPrefix(string(rewrite(b)), "["), "]")
	var all []string
	for _, w := range want {
		all = append(all, "{"+v2short.Replace(w)+"}")
	}
	if joined := strings.Join(all, ","); err != nil || out != joined {
		t.Errorf("%s: %v\ngot  %s\nwant %s", in, err, out, joined)
	}
}

func TestV1Plain(t *testing.T) {
	t.Parallel()
	v1{t}.is(``, `#`)
	v1{t}.is(`"name":"Get","parentId":"3","debug":true`, `"traceId":"0000000000000001","parentId":"0000000000000003","id":"0000000000000002","name":"Get","debug":true`)
	v1{t}.is(`"name":"","parentId":"0","debug":false,"timestamp":null,"duration":null,A:null,B:null,"x":[1]`, `#`)
	v1{t}.is(`"parentId":"2"`, `#`)
	v1{t}.is(`t:5,"duration":7`, `#,t:5,d:7`)
	v1{t}.is(`t:5`, `#,t:5`)
	v1{t}.is(`"duration":7`, `#`) // without a timestamp the duration says nothing
	v1{t}.is(`t:-5,"duration":7`, `#,d:7`)
	v1{t}.is(`A:[{t:2,v:"b"},{t:1,v:"z",@no},{t:2,v:"a",@fe},{t:2,v:"b"}]`, `#,L:fe,A:[{t:1,v:"z"},{t:2,v:"a"},{t:2,v:"b"}]`)
	v1{t}.is(`A:[{t:0,v:"zero"}],A:[{t:3,v:""}]`, `#,A:[{t:0,v:"zero"},{t:3,v:""}]`)
	// Ids are cut to their last 16 digits, traces to them or to 32.
	v1{t}.is(`"traceId":"463ac35c9f6413ad48485a3953bb6124","id":"9999999999999999000000000000000a","parentId":"990000000000000000000b"`,
		`"traceId":"463ac35c9f6413ad48485a3953bb6124","parentId":"000000000000000b","id":"000000000000000a"`)
	v1{t}.is(`"traceId":"9463ac35c9f6413ad"`, `"traceId":"463ac35c9f6413ad","id":"0000000000000002"`)
}

func TestV1Call(t *testing.T) {
	t.Parallel()
	// Client alone.
	v1{t}.is(`A:[{t:10,v:"cs",@fe},{t:30,v:"cr",@fe}]`, `#,CLIENT,t:10,d:20,L:fe`)
	v1{t}.is(`t:9,"duration":25,A:[{t:10,v:"cs",@fe},{t:30,v:"cr",@fe}]`, `#,CLIENT,t:9,d:25,L:fe`)
	v1{t}.is(`A:[{t:30,v:"cr",@fe},{t:10,v:"cs",@fe},{t:20,v:"retry",@fe}]`, `#,CLIENT,t:10,d:20,L:fe,A:[{t:20,v:"retry"}]`)
	v1{t}.is(`A:[{t:30,v:"cs",@fe},{t:10,v:"cr",@fe}]`, `#,CLIENT,t:30,L:fe`) // a negative duration is none
	// Server alone: shared if it left the times to the client.
	v1{t}.is(`A:[{t:10,v:"sr",@be},{t:30,v:"ss",@be}]`, `#,SERVER,t:10,d:20,L:be,shared`)
	v1{t}.is(`t:10,"duration":20,A:[{t:10,v:"sr",@be},{t:30,v:"ss",@be}]`, `#,SERVER,t:10,d:20,L:be`)
	v1{t}.is(`t:10,A:[{t:10,v:"sr",@be},{t:30,v:"ss",@be}]`, `#,SERVER,t:10,d:20,L:be,shared`)
	v1{t}.is(`t:10,A:[{t:10,v:"sr",@be}]`, `#,SERVER,t:10,L:be`)
	v1{t}.is(`A:[{t:10,v:"sr",@be}]`, `#,SERVER,t:10,L:be,shared`)
	// An end alone stays an annotation.
	v1{t}.is(`A:[{t:30,v:"cr",@fe}]`, `#,CLIENT,L:fe,A:[{t:30,v:"cr"}]`)
	v1{t}.is(`A:[{t:30,v:"ss",@be}]`, `#,SERVER,L:be,A:[{t:30,v:"ss"}]`)
	v1{t}.is(`t:5,A:[{t:10,v:"cs",@fe}]`, `#,CLIENT,t:5,L:fe`)
	// Unless the span's own times tell the start.
	v1{t}.is(`t:10,"duration":20,A:[{t:30,v:"cr",@fe}]`, `#,CLIENT,t:10,d:20,L:fe`)
	v1{t}.is(`t:10,"duration":20,A:[{t:30,v:"ss",@be}]`, `#,SERVER,t:10,d:20,L:be`)
	// Without an endpoint they are annotations like others.
	v1{t}.is(`A:[{t:10,v:"cs"},{t:30,v:"cr",@no}]`, `#,A:[{t:10,v:"cs"},{t:30,v:"cr"}]`)
	// Of two the last counts and the other is gone.
	v1{t}.is(`A:[{t:10,v:"cs",@fe},{t:15,v:"cs",@fe},{t:30,v:"cr",@fe}]`, `#,CLIENT,t:15,d:15,L:fe`)
}

func TestRow20V1Merged(t *testing.T) {
	t.Parallel()
	v1{t}.is(`A:[{t:10,v:"cs",@fe},{t:15,v:"sr",@be},{t:25,v:"ss",@be},{t:30,v:"cr",@fe}]`,
		`#,CLIENT,t:10,d:20,L:fe`, `#,SERVER,t:15,d:10,L:be,shared`)
	// The order of the list does not matter, that of time does.
	v1{t}.is(`A:[{t:25,v:"ss",@be},{t:15,v:"sr",@be},{t:30,v:"cr",@fe},{t:10,v:"cs",@fe}]`,
		`#,CLIENT,t:10,d:20,L:fe`, `#,SERVER,t:15,d:10,L:be,shared`)
	v1{t}.is(`A:[{t:10,v:"cs",@fe},{t:5,v:"sr",@be},{t:25,v:"ss",@be},{t:30,v:"cr",@fe}]`, // clock skew
		`#,SERVER,t:5,d:20,L:be,shared`, `#,CLIENT,t:10,d:20,L:fe`)
	v1{t}.is(`t:9,"duration":22,"debug":true,A:[{t:10,v:"cs",@fe},{t:12,v:"x",@be},{t:15,v:"sr",@be},{t:25,v:"ss",@be},{t:30,v:"cr",@fe},{t:31,v:"y"}],B:[{k:"a",v:"1",@fe},{k:"b",v:"2",@be},{k:"c",v:"3"}]`,
		`#,CLIENT,t:9,d:22,L:fe,A:[{t:31,v:"y"}],T:{"a":"1","c":"3"},"debug":true`,
		`#,SERVER,t:15,d:10,L:be,A:[{t:12,v:"x"}],T:{"b":"2"},"debug":true,shared`)
	// One way: nobody answers.
	v1{t}.is(`A:[{t:10,v:"cs",@fe},{t:15,v:"sr",@be}]`, `#,CLIENT,t:10,L:fe`, `#,SERVER,t:15,L:be,shared`)
	v1{t}.is(`t:10,A:[{t:10,v:"cs",@fe},{t:15,v:"sr",@be},{t:20,v:"ss",@be}]`, `#,CLIENT,t:10,L:fe`, `#,SERVER,t:15,d:5,L:be,shared`)
	// A service that calls itself; case does not make another service.
	v1{t}.is(`A:[{t:10,v:"cs",@fe},{t:15,v:"sr",@FE2},{t:25,v:"ss",@FE2},{t:30,v:"cr",@fe}]`,
		`#,CLIENT,t:10,d:20,L:fe`, `#,SERVER,t:15,d:10,L:FE2,shared`)
	// Another service that only annotates.
	v1{t}.is(`A:[{t:10,v:"cs",@fe},{t:20,v:"x",@db},{t:30,v:"cr",@fe}]`, `#,CLIENT,t:10,d:20,L:fe`, `#,L:db,A:[{t:20,v:"x"}]`)
	v1{t}.is(`A:[{t:10,v:"x"},{t:20,v:"y",@db},{t:30,v:"z",@fe}]`, `#,L:db,A:[{t:10,v:"x"},{t:20,v:"y"}]`, `#,L:fe,A:[{t:30,v:"z"}]`)
	// Two clients without a start: each gets the last end.
	v1{t}.is(`A:[{t:10,v:"cr",@fe},{t:20,v:"cr",@be}]`, `#,CLIENT,L:fe,A:[{t:20,v:"cr"}]`, `#,CLIENT,L:be,A:[{t:20,v:"cr"}]`)
	// Every end alone: three annotations of one half.
	v1{t}.is(`A:[{t:10,v:"cr",@fe},{t:20,v:"ws",@fe},{t:30,v:"wr",@fe}]`, `#,CLIENT,L:fe,A:[{t:10,v:"cr"},{t:20,v:"ws"},{t:30,v:"wr"}]`)
}

func TestRow20V1Addresses(t *testing.T) {
	t.Parallel()
	const client = `A:[{t:10,v:"cs",@fe},{t:30,v:"cr",@fe}]`
	v1{t}.is(client+`,B:[{k:"sa",v:true,@be}]`, `#,CLIENT,t:10,d:20,L:fe,R:be`)
	v1{t}.is(client+`,B:[{k:"sa",v:"1",@be}]`, `#,CLIENT,t:10,d:20,L:fe,R:be`)
	v1{t}.is(client+`,B:[{k:"sa",v:false,@be}]`, `#,CLIENT,t:10,d:20,L:fe`)
	v1{t}.is(client+`,B:[{k:"sa",v:1,@be}]`, `#,CLIENT,t:10,d:20,L:fe`)
	v1{t}.is(client+`,B:[{k:"sa",v:true}]`, `#,CLIENT,t:10,d:20,L:fe`)
	v1{t}.is(client+`,B:[{k:"sa",v:true,@be},{k:"sa",v:true,@no}]`, `#,CLIENT,t:10,d:20,L:fe,R:be`)
	v1{t}.is(client+`,B:[{k:"sa",v:true,@be},{k:"sa",v:"",@no}]`, `#,CLIENT,t:10,d:20,L:fe`) // text counts without an endpoint too
	v1{t}.is(client+`,B:[{k:"ca",v:true,@be}]`, `#,CLIENT,t:10,d:20,L:fe`)
	v1{t}.is(`A:[{t:30,v:"cr",@fe}],B:[{k:"sa",v:true,@be}]`, `#,CLIENT,L:fe,R:be,A:[{t:30,v:"cr"}]`)
	v1{t}.is(`A:[{t:10,v:"sr",@be}],B:[{k:"ca",v:true,@fe}]`, `#,SERVER,t:10,L:be,R:fe,shared`)
	v1{t}.is(`A:[{t:10,v:"ss",@be}],B:[{k:"ca",v:true,@fe}]`, `#,SERVER,L:be,R:fe,A:[{t:10,v:"ss"}]`)
	// The server's own name and port: a client address of Finagle.
	v1{t}.is(`A:[{t:10,v:"sr",@fe}],B:[{k:"ca",v:true,@FE2}]`, `#,SERVER,t:10,L:fe,"remoteEndpoint":{"ipv4":"10.0.0.9"},shared`)
	v1{t}.is(`A:[{t:10,v:"sr",@fe}],B:[{k:"ca",v:true,@fe}]`, `#,SERVER,t:10,L:fe,shared`)
	// Both addresses of a merged span.
	v1{t}.is(`A:[{t:10,v:"cs",@fe},{t:15,v:"sr",@be},{t:25,v:"ss",@be},{t:30,v:"cr",@fe}],B:[{k:"ca",v:true,@fe},{k:"sa",v:true,@be}]`,
		`#,CLIENT,t:10,d:20,L:fe,R:be`, `#,SERVER,t:15,d:10,L:be,R:fe,shared`)
	// No core annotation.
	v1{t}.is(`B:[{k:"ca",v:true,@fe},{k:"sa",v:true,@be}]`, `#,L:fe,R:be`)
	v1{t}.is(`B:[{k:"sa",v:true,@be}]`, `#,R:be`)
	v1{t}.is(`B:[{k:"lc",v:"",@fe},{k:"sa",v:true,@be}]`, `#,L:fe,R:be`)
	v1{t}.is(`B:[{k:"ca",v:true,@fe}]`, `#,SERVER,R:fe`)
	v1{t}.is(`B:[{k:"ca",v:true,@fe},{k:"sa",v:true,@be},{k:"a",v:"1",@db}]`, `#,L:db,T:{"a":"1"}`, `#,L:fe,R:be`)
	v1{t}.is(`B:[{k:"ma",v:true,@be}]`, `#`)
}

func TestV1Tags(t *testing.T) {
	t.Parallel()
	v1{t}.is(`B:[{k:"b",v:"2"},{k:"a",v:""},{k:"",v:"e"}]`, `#,T:{"":"e","a":"","b":"2"}`)
	v1{t}.is(`B:[{k:"a",v:"1"},{k:"a",v:"2"}]`, `#,T:{"a":"2"}`)
	for _, other := range []string{"1", "1.5", "true", "false", "null", "{}", "[1]"} {
		v1{t}.is(`B:[{k:"a",v:`+other+`,@fe}]`, `#`)
	}
	v1{t}.is(`B:[{k:"a"}]`, `#`)
	v1{t}.is(`B:[{k:7,v:"x","unknown":[{}]}]`, `#,T:{"7":"x"}`)
	v1{t}.is(`B:[{k:"lc",v:"",@fe}]`, `#,L:fe`)
	v1{t}.is(`B:[{k:"lc",v:"x",@fe}]`, `#,L:fe,T:{"lc":"x"}`)
	v1{t}.is(`B:[{k:"lc",v:""}]`, `#`)
	v1{t}.is(`B:[{k:"error",v:"boom",@fe}]`, `#,L:fe,T:{"error":"boom"}`)
}

func TestRow21V1Shared(t *testing.T) {
	t.Parallel()
	v1{t}.is(`t:10,"duration":20,A:[{t:10,v:"sr",@be},{t:30,v:"ss",@be}]`, `#,SERVER,t:10,d:20,L:be`)
	v1{t}.is(`A:[{t:10,v:"sr",@be},{t:30,v:"ss",@be}]`, `#,SERVER,t:10,d:20,L:be,shared`)
}

func TestRow22V1Messages(t *testing.T) {
	t.Parallel()
	v1{t}.is(`A:[{t:10,v:"ms",@fe},{t:12,v:"ws",@fe},{t:20,v:"wr",@be},{t:25,v:"mr",@be}]`,
		`#,PRODUCER,t:10,d:2,L:fe`, `#,CONSUMER,t:20,d:5,L:be,shared`)
	v1{t}.is(`A:[{t:10,v:"ms",@fe},{t:25,v:"mr",@be}]`, `#,PRODUCER,t:10,L:fe`, `#,CONSUMER,t:25,L:be,shared`)
	v1{t}.is(`A:[{t:10,v:"ms",@fe},{t:25,v:"mr",@FE2}]`, `#,PRODUCER,t:10,L:fe`, `#,CONSUMER,t:25,L:FE2,shared`)
	v1{t}.is(`A:[{t:10,v:"ms",@fe},{t:25,v:"mr",@be}],B:[{k:"ma",v:true,@db}]`, `#,PRODUCER,t:10,L:fe,R:db`, `#,CONSUMER,t:25,L:be,R:db,shared`)
	v1{t}.is(`A:[{t:10,v:"ms",@fe},{t:12,v:"ws",@fe}]`, `#,PRODUCER,t:10,d:2,L:fe`)
	v1{t}.is(`A:[{t:10,v:"ms",@fe}]`, `#,PRODUCER,t:10,L:fe`)
	v1{t}.is(`t:9,"duration":7,A:[{t:10,v:"ms",@fe},{t:12,v:"ws",@fe}]`, `#,PRODUCER,t:9,d:7,L:fe`)
	v1{t}.is(`A:[{t:20,v:"wr",@be},{t:25,v:"mr",@be}]`, `#,CONSUMER,t:20,d:5,L:be`)
	v1{t}.is(`A:[{t:25,v:"mr",@be}]`, `#,CONSUMER,t:25,L:be`)
	v1{t}.is(`A:[{t:12,v:"ws",@fe},{t:20,v:"wr",@be}]`, `#,L:fe,A:[{t:12,v:"ws"}]`, `#,L:be,A:[{t:20,v:"wr"}]`)
	// The span's own times stay with the first span until a message has some.
	v1{t}.is(`t:1,"duration":50,A:[{t:25,v:"mr",@be},{t:30,v:"ms",@fe}]`, `#,CONSUMER,t:25,d:50,L:be,shared`, `#,PRODUCER,t:30,L:fe`)
}

func TestV1Bad(t *testing.T) {
	t.Parallel()
	f := func(fields, want string) {
		t.Helper()
		b, err := decode(t, formatV1JSON, []byte(`[{"traceId":"1","id":"2",`+v1short.Replace(fields)+`}]`))
		if b.Len() != 0 || err == nil || err.Error() != "zipkin v1 json: span 1"+want {
			t.Errorf("%s: %v\nwant %s", fields, err, want)
		}
	}
	f(`"traceId":"0"`, ": traceId: nothing or zeros, want 1 to 32 lower-case hex digits")
	f(`"traceId":"00000000000000010000000000000000"`, ": traceId: nothing or zeros, want 1 to 32 lower-case hex digits")
	f(`"id":"0"`, ": id: nothing or zeros, want 1 to 16 lower-case hex digits")
	f(`"id":""`, ": id: 0 characters, want 1 to 32 lower-case hex digits")
	f(`"parentId":""`, ": parentId: 0 characters, want 1 to 32 lower-case hex digits")
	f(`"id":null`, `: id: "null", want a string`)
	f(`t:1.5`, `: timestamp: "1.5", want an integer of 64 bits`)
	f(`t:9223372036854776`, `: timestamp: 9223372036854776, want microseconds up to 9223372036854775`)
	f(`"duration":-9223372036854776`, `: duration: -9223372036854776, want microseconds up to 9223372036854775`)
	f(`A:{}`, `: annotations: "{}", want a list`)
	f(`A:[1]`, `, item 1: annotation: "1", want an object`)
	f(`A:[{t:1,v:"a"},{t:1}]`, `, item 2: annotation.value: nothing, want a string`)
	f(`A:[{v:"a"}]`, `, item 1: annotation.timestamp: nothing, want microseconds since 1970`)
	f(`A:[{t:1,v:"a","endpoint":{"port":70000}}]`, `, item 1: endpoint.port: 70000, want at most 65535`)
	f(`B:[{v:"a"}]`, `, item 1: binaryAnnotation.key: nothing, want a string`)
	f(`B:[{k:null,v:"a"}]`, `, item 1: binaryAnnotation.key: nothing, want a string`)
	f(`"debug":"true"`, `: debug: "true", want true or false`)
}

// Without a bound this span would take minutes: every annotation is compared
// with every service.
func TestV1ManyServices(t *testing.T) {
	t.Parallel()
	body := func(n, same int) []byte {
		var b strings.Builder
		b.WriteString(`[{"traceId":"1","id":"2","annotations":[`)
		for i := range n * same {
			if i > 0 {
				b.WriteByte(',')
			}
			fmt.Fprintf(&b, `{"timestamp":%d,"value":"x","endpoint":{"serviceName":"s%d"}}`, i+1, i%n)
		}
		b.WriteString(`]}]`)
		return []byte(b.String())
	}
	if b := sound(t, formatV1JSON, body(maxHalves, 3)); b.Len() != maxHalves {
		t.Errorf("%d spans", b.Len())
	}
	b, err := decode(t, formatV1JSON, body(100_000, 1))
	if want := "zipkin v1 json: span 1: annotations: more than 64 services, want those of one call"; b.Len() != 0 || err == nil || err.Error() != want {
		t.Errorf("%d spans, %v", b.Len(), err)
	}
}
