// SPDX-License-Identifier: Apache-2.0

package exporters

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net"

	"google.golang.org/grpc/credentials"

	"github.com/spanbridge/spanbridge/access"
)

// TLS is how a target is trusted and how the gateway shows who it is. The
// files are in PEM.
type TLS = access.Client

// currentTLS is the credentials of gRPC with what the files say at each
// connection.
type currentTLS struct {
	credentials.TransportCredentials
	current func() *tls.Config
}

func newCurrentTLS(current func() *tls.Config) credentials.TransportCredentials {
	return &currentTLS{credentials.NewTLS(current()), current}
}

// ClientHandshake shakes hands with the setting of now.
func (c *currentTLS) ClientHandshake(ctx context.Context, authority string, raw net.Conn) (net.Conn, credentials.AuthInfo, error) {
	return credentials.NewTLS(c.current()).ClientHandshake(ctx, authority, raw)
}

// Clone is for grpc-go.
func (c *currentTLS) Clone() credentials.TransportCredentials {
	return &currentTLS{c.TransportCredentials.Clone(), c.current}
}

// dialTLS opens connections of HTTP with what the files say at each of them.
func dialTLS(dial dialing, current func() *tls.Config) dialing {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		config := current()
		config.NextProtos = []string{"h2", "http/1.1"}
		if config.ServerName == "" {
			host, _, err := net.SplitHostPort(address)
			if err != nil {
				return nil, err
			}
			config.ServerName = host
		}
		raw, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		c := tls.Client(raw, config)
		ctx, cancel := context.WithTimeout(ctx, handshakeTimeout)
		defer cancel()
		if err := c.HandshakeContext(ctx); err != nil {
			_ = raw.Close()
			return nil, err
		}
		return c, nil
	}
}

// logger is where changes of files are told.
func (s *Settings) logger() *slog.Logger {
	if s.Log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return s.Log
}
