// SPDX-License-Identifier: Apache-2.0

package jaeger_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"

	"github.com/spanbridge/spanbridge/tracer"
	"github.com/spanbridge/spanbridge/tracer/reporter"
	"github.com/spanbridge/spanbridge/tracer/reporter/jaeger"
)

// A service reports to an agent by UDP.
func ExampleNewUDP() {
	agent, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer agent.Close()

	r, err := jaeger.NewUDP(agent.LocalAddr().String()) // such as "jaeger-agent:6831"
	if err != nil {
		fmt.Println(err)
		return
	}
	t := tracer.New("shop", tracer.WithReporter(r))
	t.StartSpan("GET /cart").Finish()
	if err := t.Close(); err != nil { // sends what is left
		fmt.Println(err)
	}

	packet := make([]byte, jaeger.MaxPacket)
	n, _, err := agent.ReadFrom(packet)
	fmt.Println(n > 0, err, r.Counts().Sent)
	// Output: true <nil> 1
}

// A service reports to a collector, as JAEGER_ENDPOINT, JAEGER_USER and
// JAEGER_PASSWORD ask for it.
func ExampleNewHTTP() {
	collector := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		user, _, _ := r.BasicAuth()
		fmt.Println(r.Method, r.URL.Path, user)
		w.WriteHeader(http.StatusAccepted)
	}))
	defer collector.Close()

	r, err := jaeger.NewHTTP(collector.URL+"/api/traces", reporter.WithBasicAuth("shop", "secret"))
	if err != nil {
		fmt.Println(err)
		return
	}
	t := tracer.New("shop", tracer.WithReporter(r))
	t.StartSpan("GET /cart").Finish()
	if err := t.Close(); err != nil {
		fmt.Println(err)
	}
	// Output: POST /api/traces shop
}
