// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"flag"
	"net/http"
	"time"
)

// serviceFlags are the arguments of the services that are written in Go.
type serviceFlags struct {
	listen, next, zipkin, jaeger, skywalking, kafka, topic, write string
}

func parseService(name string, args []string) (*serviceFlags, error) {
	s := &serviceFlags{}
	flags := flag.NewFlagSet(name, flag.ContinueOnError)
	flags.StringVar(&s.listen, "listen", "", "HOST:PORT")
	flags.StringVar(&s.next, "next", "", "URL of the next service")
	flags.StringVar(&s.zipkin, "zipkin", "", "URL of POST /api/v2/spans")
	flags.StringVar(&s.jaeger, "jaeger", "", "HOST:PORT for UDP")
	flags.StringVar(&s.skywalking, "skywalking", "", "HOST:PORT for gRPC")
	flags.StringVar(&s.kafka, "kafka", "", "HOST:PORT of the broker")
	flags.StringVar(&s.topic, "topic", "", "the topic of the messages")
	flags.StringVar(&s.write, "write", "w3c", "the headers that the next service understands")
	if err := flags.Parse(args); err != nil {
		return nil, err
	}
	if s.listen == "" {
		return nil, errors.New("--listen is missing")
	}
	return s, nil
}

func newServer(addr string, handler http.Handler) *http.Server {
	return &http.Server{Addr: addr, Handler: handler, ReadHeaderTimeout: 10 * time.Second}
}

// orders is a handler that may fail; what failed is the next service.
type orders func(r *http.Request) ([]visit, error)

func (f orders) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	list, err := f(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	answerVisits(w, list)
}
