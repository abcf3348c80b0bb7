// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"net"
	"strconv"

	"github.com/twmb/franz-go/pkg/kgo"
)

// sendMessage is the first caller as a producer: a message with its headers.
func (f *fleet) sendMessage(ctx context.Context, order string, headers map[string]string) error {
	client, err := kgo.NewClient(kgo.SeedBrokers(f.kafka.ListenAddrs()...), kgo.DefaultProduceTopic(topic))
	if err != nil {
		return err
	}
	defer client.Close()
	record := &kgo.Record{Value: []byte(order)}
	for name, value := range headers {
		record.Headers = append(record.Headers, kgo.RecordHeader{Key: name, Value: []byte(value)})
	}
	return client.ProduceSync(ctx, record).FirstErr()
}

func splitAddr(addr string) (host string, port int, err error) {
	host, p, err := net.SplitHostPort(addr)
	if err != nil {
		return "", 0, fmt.Errorf("address %q, want HOST:PORT: %w", addr, err)
	}
	port, err = strconv.Atoi(p)
	return host, port, err
}
