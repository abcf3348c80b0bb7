// SPDX-License-Identifier: Apache-2.0

package proxy_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/spanbridge/spanbridge/propagation"
	"github.com/spanbridge/spanbridge/proxy"
)

// A service that speaks B3, called by somebody who speaks Jaeger.
func Example() {
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, r.Header.Get("b3"))
	}))
	defer service.Close()
	to, err := proxy.ParseTarget(service.URL)
	if err != nil {
		log.Fatal(err)
	}
	p, err := proxy.New(proxy.Options{
		Service:  "orders",
		Inbound:  []proxy.Route{{Address: "127.0.0.1:0", To: to}},
		Inward:   []propagation.Format{propagation.B3},
		Forward:  "127.0.0.1:0",
		Outward:  []propagation.Format{propagation.B3, propagation.SW8},
		Timeouts: proxy.DefaultTimeouts,
	})
	if err != nil {
		log.Fatal(err)
	}
	if err := p.Open(); err != nil {
		log.Fatal(err)
	}
	p.Serve()
	defer func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		p.Shutdown(ctx)
	}()

	call, err := http.NewRequestWithContext(context.Background(), http.MethodGet, "http://"+p.Ports()[0].Address, nil)
	if err != nil {
		log.Fatal(err)
	}
	call.Header.Set("uber-trace-id", "463ac35c9f6413ad:f067aa0ba902b7:0:1")
	answer, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(call)
	if err != nil {
		log.Fatal(err)
	}
	defer answer.Body.Close()
	b3, err := io.ReadAll(answer.Body)
	fmt.Println(string(b3), err)
	// Output: 463ac35c9f6413ad-00f067aa0ba902b7-1 <nil>
}

func ExampleParseRoute() {
	r, err := proxy.ParseRoute("127.0.0.1:8090=https://stock.example")
	fmt.Println(r.Address, r.To.Host, err)
	_, err = proxy.ParseRoute("https://stock.example")
	fmt.Println(err)
	// Output:
	// 127.0.0.1:8090 stock.example <nil>
	// route "https://stock.example", want ADDRESS=URL, such as 127.0.0.1:8090=http://orders:8080
}

func ExampleParseTarget() {
	_, err := proxy.ParseTarget("orders:8080")
	fmt.Println(err)
	// Output: "orders:8080", want a URL with http or https and a host, such as http://127.0.0.1:8080
}

func ExampleIsLoopback() {
	fmt.Println(proxy.IsLoopback("127.0.0.1:8081"), proxy.IsLoopback(":8081"))
	// Output: true false
}
