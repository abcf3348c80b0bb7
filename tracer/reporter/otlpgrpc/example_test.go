// SPDX-License-Identifier: Apache-2.0

package otlpgrpc_test

import (
	"crypto/tls"
	"fmt"

	"github.com/spanbridge/spanbridge/tracer"
	"github.com/spanbridge/spanbridge/tracer/reporter"
	"github.com/spanbridge/spanbridge/tracer/reporter/otlpgrpc"
)

// A service reports to an OpenTelemetry Collector by gRPC, over TLS.
func ExampleNew() {
	r, err := otlpgrpc.New("https://collector:4317",
		reporter.WithTLS(&tls.Config{MinVersion: tls.VersionTLS13}),
		reporter.WithHeader("api-key", "secret"))
	if err != nil {
		fmt.Println(err)
		return
	}
	t := tracer.New("shop", tracer.WithReporter(r))
	t.StartSpan("GET /cart").Finish()
	if err := t.Close(); err != nil {
		fmt.Println(err)
	}
}
