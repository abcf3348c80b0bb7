// SPDX-License-Identifier: Apache-2.0

// Package grpcmetadata carries a trace in the metadata of gRPC calls.
//
// What goes in is the context.Context of a call: the incoming metadata of a
// server, the outgoing one of a client. What comes out is a propagation.Context,
// or a context.Context whose outgoing metadata names the span. Keys are lower
// case and of the letters that gRPC takes, and values are printable, whatever the
// baggage holds: gRPC fails a call with others.
//
// What is lost is what the formats lose: see docs/headers.md.
package grpcmetadata

import (
	"context"

	"google.golang.org/grpc/metadata"

	"github.com/spanbridge/spanbridge/propagation"
)

// Extract reads the context from the metadata of a call that came in; an empty
// one if there is none.
func Extract(ctx context.Context, p *propagation.Propagator) propagation.Context {
	md, ok := metadata.FromIncomingContext(ctx)
	if !ok {
		return propagation.Context{}
	}
	return ExtractMD(md, p)
}

// ExtractMD reads the context from metadata.
func ExtractMD(md metadata.MD, p *propagation.Propagator) propagation.Context {
	return p.Extract(propagation.Metadata(md))
}

// Inject is ctx with the context in its outgoing metadata, in place of what was
// there of the propagator's formats. The metadata of ctx itself stays as it is.
func Inject(ctx context.Context, p *propagation.Propagator, c *propagation.Context, from propagation.Caller) context.Context {
	md, ok := metadata.FromOutgoingContext(ctx) // a copy
	if !ok {
		md = make(metadata.MD, 4)
	}
	InjectMD(md, p, c, from)
	return metadata.NewOutgoingContext(ctx, md)
}

// InjectMD writes the context into metadata.
func InjectMD(md metadata.MD, p *propagation.Propagator, c *propagation.Context, from propagation.Caller) {
	p.Inject(c, from, propagation.Metadata(md))
}
