// SPDX-License-Identifier: Apache-2.0

//go:build linux

package limit

import (
	"fmt"
	"net"
	"slices"
	"sync/atomic"
)

// The kinds of pass-throughs.
const (
	HTTP = "http" // a request for each request
	TCP  = "tcp"  // bytes of connections, which the kernel moves
	GRPC = "grpc" // a call for each call, the messages of streams in few streams
	UDP  = "udp"  // what comes within a few milliseconds in an HTTP request
)

// Plan says what a pass-through does.
type Plan struct {
	Kind string
	To   string // host:port
	// Journal is a file that everything is written to before it is answered;
	// empty: none. For HTTP and GRPC.
	Journal string
}

// Limit is a running one.
type Limit struct {
	Address string

	lost atomic.Int64 // what could not be sent on
	stop []func()
}

// workers is how many send, and waiting is how much may wait for them: a client is
// answered when there is room.
const (
	workers = 4
	waiting = 200
)

// Start listens at a free port of loopback.
func Start(p Plan) (*Limit, error) {
	l := &Limit{}
	var j *journal
	if p.Journal != "" {
		var err error
		if j, err = openJournal(p.Journal); err != nil {
			return nil, err
		}
		l.stop = append(l.stop, j.close)
	}
	if p.Kind == UDP {
		return l, l.passUDP(p.To)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	l.Address = listener.Addr().String()
	switch p.Kind {
	case HTTP:
		l.passHTTP(listener, p.To, j)
	case TCP:
		l.passTCP(listener, p.To)
	case GRPC:
		err = l.passGRPC(listener, p.To, j)
	default:
		err = fmt.Errorf("limit: kind %q, want %s, %s, %s or %s", p.Kind, HTTP, TCP, GRPC, UDP)
	}
	return l, err
}

// Close ends it at once.
func (l *Limit) Close() {
	for _, stop := range slices.Backward(l.stop) {
		stop()
	}
}

// Lost is how many bodies, messages or datagrams could not be sent on.
func (l *Limit) Lost() int64 { return l.lost.Load() }
