// SPDX-License-Identifier: Apache-2.0

// Package skywalking is the reporter of package tracer to a SkyWalking OAP, as
// a native agent reports: segments by gRPC, the properties of the instance and
// its signs of life.
//
// Records go in, segments come out. A server's or consumer's span is an entry, a
// client's or producer's one an exit, all others are local; layer and component
// follow from the tags (http.*, db.*, component …). A span that another process
// may refer to, because it is an entry, a remote call, or a header was written
// for it, is number 0 of a segment of its own, whose name a header can name
// before any report (span.SegmentName); the others are packed into the segment
// of their parent. So the segments of callers and callees that speak sw8 are
// joined by references, in both directions. What is changed for OAP's sake (names are
// cut, ids in paths are masked, some keys are renamed) is said in package
// translate/skywalking. Each span has its own id as the tag bridge.span_id.
//
// Lost: types of values, times below a millisecond, the debug flag, kinds of
// references; references beside the parent become tags otlp.link.N.
package skywalking

import (
	"context"

	"github.com/spanbridge/spanbridge/tracer"
	"github.com/spanbridge/spanbridge/tracer/reporter"
	"github.com/spanbridge/spanbridge/tracer/reporter/internal/rpc"
	"github.com/spanbridge/spanbridge/translate"
	"github.com/spanbridge/spanbridge/translate/skywalking"
)

// Methods of the protocol, version 3.
const (
	methodCollect    = "/skywalking.v3.TraceSegmentReportService/collect"
	methodProperties = "/skywalking.v3.ManagementService/reportInstanceProperties"
	methodKeepAlive  = "/skywalking.v3.ManagementService/keepAlive"
)

// WithToken sets the token that the backend wants of its agents
// (receiver-sharing-server's authentication).
func WithToken(token string) reporter.Option { return reporter.WithHeader("authentication", token) }

// New makes a reporter to an OAP: host:11800, https://host:11800 by TLS, or
// several of them that stand behind commas.
func New(address string, options ...reporter.Option) (*reporter.Reporter, error) {
	s := reporter.NewSettings(options...)
	conn, err := rpc.Dial(address, s)
	if err != nil {
		return nil, err
	}
	k := &sender{
		conn:      conn,
		converter: reporter.NewConverter("skywalking.segments"),
		encoder:   skywalking.NewEncoder(translate.EncoderOptions{Residue: translate.None, Own: true}),
		bytes:     s.BatchBytes,
		alive:     newAlive(conn, s),
	}
	return reporter.New(k, s), nil
}

type sender struct {
	*alive
	conn      *rpc.Conn
	converter *reporter.Converter
	encoder   translate.Encoder
	bytes     int
	message   []byte // the segments of a batch in a row
	ends      []int
	lent      bool // message may still be with a call that failed
}

func (k *sender) Write(records []*tracer.Record) reporter.Written {
	for i, r := range records {
		if i == 0 || r.Process != records[i-1].Process {
			k.Start(r.Process) // if nobody did before
		}
	}
	k.converter.Reset()
	w := reporter.Written{Records: k.converter.Fill(records, k.bytes)}
	k.encoder.Reset()
	k.encoder.Add(k.converter.Items())
	if k.lent {
		k.message, k.lent = nil, false
	}
	k.message, k.ends = k.message[:0], k.ends[:0]
	for _, m := range k.encoder.Messages() {
		k.message = append(k.message, m.Body...)
		k.ends = append(k.ends, len(k.message))
	}
	w.Bytes = len(k.message)
	return w
}

// Send sends the segments in one stream, as agents do. When it is answered, all
// of them are gone.
func (k *sender) Send(ctx context.Context) error {
	err := k.conn.Stream(ctx, methodCollect, k.message, k.ends)
	k.lent = k.lent || err != nil
	return err
}

func (k *sender) Close() error {
	k.stop()
	return k.conn.Close()
}
