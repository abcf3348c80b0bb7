// SPDX-License-Identifier: Apache-2.0

package grpcmetadata_test

import (
	"context"
	"fmt"

	"google.golang.org/grpc/metadata"

	"github.com/spanbridge/spanbridge/propagation"
	"github.com/spanbridge/spanbridge/propagation/grpcmetadata"
)

var p = propagation.New(propagation.Write(propagation.B3))

// In an interceptor of a server, and before a call of a client.
func Example() {
	incoming := metadata.NewIncomingContext(context.Background(), metadata.Pairs("x-b3-traceid", "a", "x-b3-spanid", "b", "x-b3-sampled", "1"))
	caller := grpcmetadata.Extract(incoming, p)
	client := caller.Child(7)
	md, _ := metadata.FromOutgoingContext(grpcmetadata.Inject(incoming, p, &client, propagation.Caller{Service: "me"}))
	fmt.Println(md["b3"])
	// Output: [000000000000000a-0000000000000007-1-000000000000000b]
}

func ExampleInjectMD() {
	md := metadata.Pairs("authorization", "x")
	c := grpcmetadata.ExtractMD(metadata.Pairs("b3", "a-b-1"), p)
	grpcmetadata.InjectMD(md, p, &c, propagation.Caller{})
	fmt.Println(md["b3"], md.Get("authorization"))
	// Output: [000000000000000a-000000000000000b-1] [x]
}
