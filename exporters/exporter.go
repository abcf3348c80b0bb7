// SPDX-License-Identifier: Apache-2.0

package exporters

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/spanbridge/spanbridge/access"
	"github.com/spanbridge/spanbridge/internal/compress"
	"github.com/spanbridge/spanbridge/internal/metrics"
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
	// TenantHeader is the header (gRPC: metadata) that names the tenant of a parcel
	// that has one, in place of what Headers says; "": none does.
	TenantHeader string
	TLS          TLS
	Auth         access.Credentials // sent with every request, as the kind wants it
	Gzip, Zstd   bool               // how messages are compressed; with neither they are not
	Timeout      time.Duration      // of a request
	// Connections is how many requests may be on their way at once.
	Connections int
	UserAgent   string
	// Options are what the encoder follows.
	Options translate.EncoderOptions
	// Metrics count what the protocol could not carry of the spans that were
	// delivered; nil: nobody asks.
	Metrics *metrics.Set
	// Log is told of files of certificates and secrets that have changed; nil:
	// nobody is.
	Log *slog.Logger
}

// coding is how messages are compressed; "": not at all.
func (s *Settings) coding() string {
	switch {
	case s.Zstd:
		return compress.Zstd
	case s.Gzip:
		return compress.Gzip
	}
	return ""
}

// badge is what is shown to the target; nil for nothing.
func (s *Settings) badge(target translate.Target) (*access.Badge, error) {
	if s.Auth.IsZero() {
		return nil, nil //nolint:nilnil // nothing is shown
	}
	return access.NewBadge(s.Auth, target.BareToken, s.logger())
}

// sender sends messages in order. It returns the first error; what came before
// it may have been taken.
type sender interface {
	send(ctx context.Context, messages []translate.Message, tenant string) (answers, error)
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
	options  translate.EncoderOptions
	encoders sync.Pool
	observer translate.Observer // shares the memory of the encoders; nil: none asks
	metrics  *metrics.Set

	mu  sync.RWMutex
	now *inUse
}

// inUse is a sender with the number of those who use it.
type inUse struct {
	sender
	users sync.WaitGroup
	gone  chan struct{} // closed when another one is in its place
}

// New makes an exporter. It opens no connection yet; an error means that the
// settings are wrong.
func New(target translate.Target, s Settings) (*Exporter, error) {
	e := &Exporter{target: target, options: s.Options, metrics: s.Metrics}
	first := target.New(s.Options) // which only makes others: it may do so while those write
	e.encoders.New = func() any { return first.Fork() }
	e.observer, _ = first.Fork().(translate.Observer)
	sender, err := newSender(target, s)
	if err != nil {
		return nil, err
	}
	e.now = &inUse{sender: sender, gone: make(chan struct{})}
	return e, nil
}

func newSender(target translate.Target, s Settings) (sender, error) {
	switch target.Network {
	case translate.HTTP:
		return newHTTPSender(target, s)
	case translate.GRPC:
		return newGRPCSender(target, s)
	default:
		return nil, fmt.Errorf("targets of kind %s cannot be sent by %q", target.Kind, target.Network)
	}
}

// Observe tells an encoder that asks for it of spans that it will be given
// later.
func (e *Exporter) Observe(items []span.Item) {
	if e.observer != nil {
		e.observer.Observe(items)
	}
}

// Consume sends a parcel.
func (e *Exporter) Consume(ctx context.Context, p span.Parcel) (span.LeftOut, error) {
	enc := e.encoders.Get().(translate.Encoder)
	defer e.encoders.Put(enc)
	return e.consume(ctx, p, enc)
}

// Learn tells an encoder that remembers where spans are of those that an earlier
// process has sent in one parcel: what it would have written is not sent.
func (e *Exporter) Learn(items []span.Item) {
	if e.observer == nil {
		return
	}
	enc := e.encoders.Get().(translate.Encoder)
	defer e.encoders.Put(enc)
	enc.Reset()
	enc.Add(items)
	enc.Reset()
}

// Revive sends a parcel of spans that were dead. What the encoders remember of them
// does not count: they would take them for sent.
func (e *Exporter) Revive(ctx context.Context, p span.Parcel) (span.LeftOut, error) {
	enc := e.target.New(e.options)
	if o, ok := enc.(translate.Observer); ok {
		o.Observe(p.Items)
	}
	return e.consume(ctx, p, enc)
}

func (e *Exporter) consume(ctx context.Context, p span.Parcel, enc translate.Encoder) (span.LeftOut, error) {
	enc.Reset()
	for _, b := range p.Notices {
		enc.Notices(b)
	}
	var all span.Tally
	all.Count(p.Items)
	left := leftOut(enc, enc.Add(p.Items), &all)
	messages := enc.Messages()
	if len(messages) == 0 {
		return left, nil
	}
	a, err := e.send(ctx, messages, p.Tenant)
	if err != nil {
		return span.LeftOut{}, err
	}
	e.countLosses(enc.Losses())
	// What a target claims to have refused is bounded by what it was sent.
	if a.refused > 0 {
		rest := left.Total()
		all.Sub(&rest)
		left.Refused, left.Why = all.Share(a.refused), a.why
	}
	return left, nil
}

// leftOut is what an encoder did not write of spans.
func leftOut(enc translate.Encoder, unwritten int, all *span.Tally) (left span.LeftOut) {
	if s, ok := enc.(translate.Selective); ok {
		left = *s.Left()
	} else {
		left.NoForm = all.Share(unwritten)
	}
	if left.NoForm.Total() > 0 && left.Why == "" {
		left.Why = "some have no form in the protocol of the target"
	}
	return left
}

// countLosses counts what could not be carried.
func (e *Exporter) countLosses(l *translate.Losses) {
	if e.metrics == nil {
		return
	}
	for loss := range l.All() {
		e.metrics.LostFields.WithLabelValues(loss.From.String(), e.target.Kind, loss.Field.String()).Add(float64(loss.Spans))
	}
}

// use gives the sender of now; whoever has it says when they are done.
func (e *Exporter) use() *inUse {
	e.mu.RLock()
	defer e.mu.RUnlock()
	e.now.users.Add(1)
	return e.now
}

func (e *Exporter) send(ctx context.Context, messages []translate.Message, tenant string) (answers, error) {
	to := e.use()
	defer to.users.Done()
	return to.send(ctx, messages, tenant)
}

// Prepare makes what is needed to send by other settings, of the same kind of
// target and with the same Options. The first function puts it in the place of
// what is in use, which is closed when those who use it are done; the second one
// throws it away.
func (e *Exporter) Prepare(s Settings) (change, discard func(), err error) {
	sender, err := newSender(e.target, s)
	if err != nil {
		return nil, nil, err
	}
	change = func() {
		next := &inUse{sender: sender, gone: make(chan struct{})}
		e.mu.Lock()
		former := e.now
		e.now = next
		e.mu.Unlock()
		close(former.gone)
		go func() {
			former.users.Wait()
			former.close()
		}()
	}
	return change, sender.close, nil
}

// Forward opens a call of any method of the target, for messages as bytes
// (*rawgrpc.Message). The target's headers are added to those of the context.
func (e *Exporter) Forward(ctx context.Context, method string) (grpc.ClientStream, error) {
	to := e.use()
	defer to.users.Done()
	g, ok := to.sender.(*grpcSender)
	if !ok {
		return nil, fmt.Errorf("targets of kind %s take no calls", e.target.Kind)
	}
	stream, err := g.open(ctx, method)
	if err != nil {
		return nil, err
	}
	return &forwarded{stream, to.gone}, nil
}

// forwarded is a call that ends with the connection of its sender. That it did so
// because of other settings is for its client as if the target had gone.
type forwarded struct {
	grpc.ClientStream
	gone <-chan struct{}
}

// RecvMsg is that of the stream.
func (f *forwarded) RecvMsg(m any) error {
	err := f.ClientStream.RecvMsg(m)
	if status.Code(err) == codes.Canceled {
		select {
		case <-f.gone:
			return status.Error(codes.Unavailable, "the settings of the target have changed")
		default:
		}
	}
	return err
}

// Close closes the connections, once. Consume must have returned everywhere.
func (e *Exporter) Close() {
	e.mu.RLock()
	defer e.mu.RUnlock()
	close(e.now.gone)
	e.now.close()
}
