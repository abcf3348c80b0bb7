// SPDX-License-Identifier: Apache-2.0

package env_test

import (
	"fmt"
	"net"
	"os"

	"github.com/spanbridge/spanbridge/tracer"
	"github.com/spanbridge/spanbridge/tracer/env"
)

func ExampleNewTracer() {
	agent, err := net.ListenPacket("udp", "127.0.0.1:0") // Jaeger's, or a bridge: port 6831
	if err != nil {
		fmt.Println(err)
		return
	}
	defer agent.Close()
	_, port, _ := net.SplitHostPort(agent.LocalAddr().String())
	os.Setenv("JAEGER_AGENT_HOST", "127.0.0.1")
	os.Setenv("JAEGER_AGENT_PORT", port)
	os.Setenv("JAEGER_SAMPLER_TYPE", "const")
	os.Setenv("JAEGER_SAMPLER_PARAM", "1")
	os.Setenv("BRIDGE_PROPAGATION", "uber,sw8")
	defer os.Clearenv()

	t, closer, err := env.NewTracer("orders")
	if err != nil {
		fmt.Println(err)
		return
	}
	t.StartSpan("op").Finish()
	fmt.Println(closer.Close()) // sends what is left
	n, _, err := agent.ReadFrom(make([]byte, 65_000))
	fmt.Println(n > 0, err)
	// Output:
	// <nil>
	// true <nil>
}

// For another reporter, the settings can be had one by one.
func ExampleSettings() {
	os.Setenv("JAEGER_SERVICE_NAME", "orders")
	os.Setenv("JAEGER_SAMPLER_TYPE", "const")
	os.Setenv("JAEGER_SAMPLER_PARAM", "1")
	defer os.Clearenv()
	s, err := env.Read()
	if err != nil {
		fmt.Println(err)
		return
	}
	sampler, err := s.NewSampler()
	if err != nil {
		fmt.Println(err)
		return
	}
	finished := tracer.NewInMemoryReporter(0)
	t := tracer.New(s.Service, append(s.Options(), tracer.WithSampler(sampler), tracer.WithReporter(finished))...)
	t.StartSpan("op").Finish()
	fmt.Println(finished.Records()[0].Process.Service, finished.Records()[0].Tags)
	// Output: orders [{sampler.type const} {sampler.param true}]
}

func ExampleRead() {
	os.Setenv("JAEGER_SAMPLER_TYPE", "const")
	os.Setenv("JAEGER_DISABLED", "perhaps")
	defer os.Clearenv()
	_, err := env.Read()
	fmt.Println(err)
	// Output:
	// JAEGER_DISABLED: "perhaps", want true or false
	// JAEGER_SAMPLER_PARAM: nothing, want 0 or 1
}
