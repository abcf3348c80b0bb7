// SPDX-License-Identifier: Apache-2.0

package exporters

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/translate"
)

// Settings of a target.
type Settings struct {
	// Endpoint is a URL for targets by HTTP (the path of the protocol is added
	// when it has none); host:port for targets by gRPC, or https://host:port for
	// TLS.
	Endpoint string
	Headers  map[string]string // added to every request
	TLS      TLS
	Gzip     bool
	Timeout  time.Duration // of a request
	// Connections is how many requests may be on their way at once.
	Connections int
	UserAgent   string
}

// sender sends messages in order. It returns the first error; what came before
// it may have been taken.
type sender interface {
	send(ctx context.Context, messages []translate.Message) (answers, error)
	close()
}

// answers is what a target said besides "taken".
type answers struct {
	refused int
	why     string
}

// Exporter writes and sends spans to one target.
type Exporter struct {
	target   translate.Target
	encoders sync.Pool
	sender   sender
}

// New makes an exporter. It opens no connection yet; an error means that the
// settings are wrong.
func New(target translate.Target, s Settings) (*Exporter, error) {
	e := &Exporter{target: target}
	first := target.New()
	e.encoders.New = func() any { return first.Fork() }
	e.encoders.Put(first)
	var err error
	switch target.Network {
	case translate.HTTP:
		e.sender, err = newHTTPSender(target, s)
	case translate.GRPC:
		e.sender, err = newGRPCSender(target, s)
	default:
		err = fmt.Errorf("targets of kind %s cannot be sent by %q", target.Kind, target.Network)
	}
	if err != nil {
		return nil, err
	}
	return e, nil
}

// Consume sends a parcel.
func (e *Exporter) Consume(ctx context.Context, p span.Parcel) (span.LeftOut, error) {
	enc := e.encoders.Get().(translate.Encoder)
	defer e.encoders.Put(enc)
	enc.Reset()
	for _, b := range p.Notices {
		enc.Notices(b)
	}
	var left span.LeftOut
	if left.NoForm = enc.Add(p.Items); left.NoForm > 0 {
		left.Why = "some have no form in the protocol of the target"
	}
	messages := enc.Messages()
	if len(messages) == 0 {
		return left, nil
	}
	a, err := e.sender.send(ctx, messages)
	if err != nil {
		return span.LeftOut{}, err
	}
	// What a target claims to have refused is bounded by what it was sent.
	left.Refused = min(max(a.refused, 0), len(p.Items)-left.NoForm)
	if left.Refused > 0 {
		left.Why = a.why
	}
	return left, nil
}

// Close closes the connections. Consume must have returned everywhere.
func (e *Exporter) Close() { e.sender.close() }
