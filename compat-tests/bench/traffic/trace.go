// SPDX-License-Identifier: Apache-2.0

package traffic

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// Kind is a span's role.
type Kind int

// The roles.
const (
	Local Kind = iota
	Server
	Client
	Producer
	Consumer
)

// Pair is a tag.
type Pair struct{ Key, Value string }

// Event is something that happened, counted from the start of its trace.
type Event struct {
	At   time.Duration
	Name string
}

// Endpoint is a process or what it calls.
type Endpoint struct {
	Service, Instance string
	IP                string
	Port              int
}

// Span is the form from which all encodings are made. Every span has an id of its
// own here; Zipkin gives the two halves of a shared span one.
type Span struct {
	ID, Parent uint32 // the lower halves of ids; 0: none
	Shared     bool   // the server's half of its parent
	Kind       Kind
	Name       string
	Start      time.Duration // from the start of the trace
	Duration   time.Duration
	Local      Endpoint
	Remote     Endpoint
	Tags       []Pair
	Events     []Event
}

// Trace is one request through four services, in ten spans of which four are the
// halves of two shared ones.
type Trace struct {
	High  uint64 // the upper half of the id; 0: the id has 64 bits
	ID    uint32 // the lower half's lower half; the rest of it is new in every request
	Spans []Span
}

// Options say what a request holds.
type Options struct {
	Spans int
	// Tags is how many tags a span has; 0: what such a span usually has.
	Tags int
	// Orphans have a trace and an unknown parent each.
	Orphans bool
}

var (
	agents    = []string{"Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/128.0", "okhttp/4.12.0", "Go-http-client/1.1", "aiohttp/3.9.5 Python/3.11"}
	resources = []string{"orders", "baskets", "customers", "items"}
)

// traces are as many as give the spans that are wanted; the last one may be cut.
func traces(o Options, random *rand.Rand) (list []Trace) {
	for left := o.Spans; left > 0; {
		t := newTrace(uint32(len(list)), random)
		if o.Orphans {
			t.Spans = t.Spans[1:2]
		}
		t.Spans = t.Spans[:min(left, len(t.Spans))]
		if o.Tags > 0 {
			for i := range t.Spans {
				t.Spans[i].Tags = exactly(o.Tags, t.Spans[i].Tags)
			}
		}
		left -= len(t.Spans)
		list = append(list, t)
	}
	return list
}

// exactly cuts tags or adds some.
func exactly(n int, tags []Pair) []Pair {
	for i := len(tags); i < n; i++ {
		tags = append(tags, Pair{fmt.Sprintf("attribute.%d", i), fmt.Sprintf("value-%08x", i*0x9e3779b)})
	}
	return tags[:n]
}

func newTrace(index uint32, random *rand.Rand) Trace {
	t := Trace{ID: index<<8 | 0xff}
	if index%5 != 4 { // one trace in five has a short id
		t.High = random.Uint64() | 1<<60
	}
	address := func() string {
		return fmt.Sprintf("10.%d.%d.%d", 1+random.IntN(250), random.IntN(256), 1+random.IntN(254))
	}
	process := func(service string) Endpoint {
		return Endpoint{service, fmt.Sprintf("%s-%08x-%04x", service, random.Uint32(), random.IntN(1<<16)), address(), 8080}
	}
	elsewhere := func(service string, port int) Endpoint { return Endpoint{Service: service, IP: address(), Port: port} }
	frontend, cart, payment, shipping := process("frontend"), process("cart"), process("payment"), process("shipping")
	user := Endpoint{IP: address(), Port: 30000 + random.IntN(10000)}
	number := random.IntN(1_000_000)
	path := fmt.Sprintf("/api/v1/%s/%d", resources[random.IntN(len(resources))], number)
	called := func(method, path string) []Pair {
		return []Pair{
			{"component", "net/http"},
			{"http.method", method},
			{"http.path", path},
			{"http.status_code", "200"},
			{"user_agent.original", agents[random.IntN(len(agents))]},
		}
	}
	calls := func(to Endpoint, method, path string) []Pair {
		return append(called(method, path)[:4:4], Pair{"http.url", fmt.Sprintf("http://%s.shop.svc:%d%s", to.Service, to.Port, path)})
	}
	statement := func(database, text string) []Pair {
		return []Pair{{"component", "database/sql"}, {"db.type", "sql"}, {"db.instance", database}, {"db.statement", text}}
	}
	queue := []Pair{{"component", "kafka"}, {"kafka.topic", "orders-paid"}, {"kafka.partition", fmt.Sprint(random.IntN(32))}}
	version := fmt.Sprintf("2.%d.%d", random.IntN(20), random.IntN(100))
	add := func(id, parent uint32, kind Kind, at Endpoint, remote Endpoint, name string, start, took int, tags []Pair, events ...Event) {
		tags = append(tags, Pair{"host.name", at.Instance}, Pair{"app.version", version}, Pair{"cloud.zone", "eu-central-1b"})
		s := Span{
			ID: index<<8 | id, Kind: kind, Name: name, Local: at, Remote: remote, Tags: tags, Events: events,
			Start:    time.Duration(start)*time.Millisecond + time.Duration(random.IntN(900))*time.Microsecond,
			Duration: time.Duration(took)*time.Millisecond + time.Duration(random.IntN(900))*time.Microsecond,
		}
		if parent != 0 {
			s.Parent = index<<8 | parent
		}
		s.Shared = kind == Server && parent != 0
		t.Spans = append(t.Spans, s)
	}
	reserve, pay := fmt.Sprintf("/reserve/%d", number), fmt.Sprintf("/payments/%d", number)
	add(1, 0, Server, frontend, user, "post /api/v1/{resource}/{id}", 0, 180, called("POST", path),
		Event{4 * time.Millisecond, "request.parsed"}, Event{171 * time.Millisecond, "response.started"})
	add(2, 1, Local, frontend, Endpoint{}, "validate basket", 5, 8, []Pair{{"basket.items", fmt.Sprint(1 + random.IntN(20))}, {"basket.rules", "eu-2026"}})
	add(3, 1, Client, frontend, cart, "put /reserve/{id}", 15, 50, calls(cart, "PUT", reserve))
	add(4, 3, Server, cart, Endpoint{IP: frontend.IP, Port: 41000}, "put /reserve/{id}", 17, 45, called("PUT", reserve), Event{22 * time.Millisecond, "cache.miss"})
	add(5, 4, Client, cart, elsewhere("mysql", 3306), "select stock", 24, 30,
		statement("cart", "SELECT item_id, amount, reserved_until FROM stock WHERE item_id IN (?, ?, ?) AND warehouse = ? FOR UPDATE"))
	add(6, 1, Client, frontend, payment, "post /payments/{id}", 70, 95, calls(payment, "POST", pay))
	add(7, 6, Server, payment, Endpoint{IP: frontend.IP, Port: 41001}, "post /payments/{id}", 73, 88, called("POST", pay),
		Event{90 * time.Millisecond, "card.authorized"})
	add(8, 7, Producer, payment, elsewhere("kafka", 9092), "send orders-paid", 150, 4, queue)
	add(9, 8, Consumer, shipping, elsewhere("kafka", 9092), "receive orders-paid", 160, 60, queue)
	add(10, 9, Client, shipping, elsewhere("mysql", 3306), "insert shipment", 165, 40,
		statement("shipping", "INSERT INTO shipments (order_id, address_id, carrier, weight_g, state, created_at) VALUES (?, ?, ?, ?, 'NEW', NOW())"))
	return t
}

// id is the id in a request with the number.
func id(nonce, low uint32) uint64 { return uint64(nonce)<<32 | uint64(low) }
