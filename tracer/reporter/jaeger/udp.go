// SPDX-License-Identifier: Apache-2.0

package jaeger

import (
	"context"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/spanbridge/spanbridge/tracer"
	"github.com/spanbridge/spanbridge/tracer/reporter"
	"github.com/spanbridge/spanbridge/translate/jaeger"
)

// MaxPacket is the length of the longest datagram that agents take
// (jaeger-client-go, utils.UDPPacketMaxLength).
const MaxPacket = 65_000

// spansPerPacket is how many spans wait for each other at most: about as many as
// fit into a datagram, so that datagrams go out one by one and not in bursts,
// which overrun the agent's buffer.
const spansPerPacket = 200

// NewUDP makes a reporter to an agent: host:6831, Thrift in the compact
// protocol. WithBatch may make datagrams shorter than MaxPacket. A span that
// does not fit into a datagram is dropped. By UDP nobody says what arrived:
// Counts.Sent are spans that were sent.
func NewUDP(address string, options ...reporter.Option) (*reporter.Reporter, error) {
	s := reporter.NewSettings(options...)
	if _, port, err := net.SplitHostPort(address); err != nil || port == "" || strings.Contains(port, "/") {
		return nil, fmt.Errorf("reporter: address: %q, want host:port of an agent", address)
	}
	s.BatchSpans = min(s.BatchSpans, spansPerPacket)
	return reporter.New(&datagrams{
		batch:   newBatch(true, min(s.BatchBytes, MaxPacket)),
		address: address,
		resolve: s.Resolve,
	}, s), nil
}

// datagrams sends batches to an agent.
type datagrams struct {
	*batch
	address string
	resolve time.Duration

	conn  net.Conn
	known string // the address behind the name
	since time.Time
}

func (d *datagrams) Write(records []*tracer.Record) reporter.Written { return d.write(records) }

// Send sends a datagram. The error of a datagram to a port where nobody listens
// comes with the next one.
func (d *datagrams) Send(ctx context.Context) error {
	if d.conn == nil || d.resolve > 0 && time.Since(d.since) > d.resolve {
		if err := d.dial(ctx); err != nil && d.conn == nil {
			return &reporter.TryAgain{Err: err}
		}
	}
	if deadline, ok := ctx.Deadline(); ok {
		_ = d.conn.SetWriteDeadline(deadline)
	}
	_, err := d.conn.Write(d.message)
	if err == nil {
		return nil
	}
	d.since = time.Time{}
	if d.resolve == 0 {
		_ = d.dial(ctx)
	}
	return &reporter.TryAgain{Err: fmt.Errorf("agent %s: %w", d.address, err)}
}

// dial looks the agent's address up and makes a connection to it, unless there
// is one. One that is there stays when that fails.
func (d *datagrams) dial(ctx context.Context) error {
	d.since = time.Now()
	conn, err := new(net.Dialer).DialContext(ctx, "udp", d.address)
	if err != nil {
		return err
	}
	if known := conn.RemoteAddr().String(); d.conn != nil && known == d.known {
		return conn.Close()
	}
	if d.conn != nil {
		_ = d.conn.Close()
	}
	d.conn, d.known = conn, conn.RemoteAddr().String()
	return nil
}

func (d *datagrams) Close() error {
	if d.conn == nil {
		return nil
	}
	return d.conn.Close()
}

var _ reporter.Sender = (*datagrams)(nil)

// batch makes Thrift messages of records.
type batch struct {
	converter *reporter.Converter
	encoder   *jaeger.ThriftEncoder
	most      int  // bytes
	firm      bool // and no more for a message of one span either
	message   []byte
}

func newBatch(agent bool, most int) *batch {
	return &batch{
		converter: reporter.NewConverter("jaeger.thrift"), most: most, firm: agent,
		encoder: jaeger.NewThriftEncoder(agent, agent),
	}
}

// write makes one message, of one process.
func (b *batch) write(records []*tracer.Record) (w reporter.Written) {
	b.converter.Reset()
	for _, r := range records {
		if r.Process != records[0].Process {
			break
		}
		b.converter.Add(r)
		items := b.converter.Items()
		it := &items[len(items)-1]
		if w.Records == 0 {
			b.encoder.Reset(it)
		}
		if b.encoder.Add(it) > b.most && (b.firm || b.encoder.Len() > 1) {
			b.encoder.Undo()
			if b.encoder.Len() > 0 {
				break // it begins the next message
			}
			w.Records++
			w.TooLarge++
			continue
		}
		w.Records++
	}
	b.message = b.encoder.Message()
	w.Bytes = len(b.message)
	return w
}
