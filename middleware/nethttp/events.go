// SPDX-License-Identifier: Apache-2.0

package nethttp

import (
	"crypto/tls"
	"net/http/httptrace"
	"net/textproto"

	"github.com/opentracing/opentracing-go/log"
)

// events logs what happens on the connection.
func (c *call) events() *httptrace.ClientTrace {
	event := func(name string, err error, fields ...log.Field) {
		fields = append(fields, log.Event(name))
		if err != nil {
			fields = append(fields, log.String("message", err.Error()))
		}
		c.log(fields...)
	}
	return &httptrace.ClientTrace{
		GetConn: func(address string) { event("GetConn", nil, log.String("address", address)) },
		GotConn: func(i httptrace.GotConnInfo) {
			fields := []log.Field{log.Bool("reused", i.Reused)}
			if i.Conn != nil {
				fields = append(fields, log.String("address", i.Conn.RemoteAddr().String()))
			}
			if i.WasIdle {
				fields = append(fields, log.String("idle", i.IdleTime.String()))
			}
			event("GotConn", nil, fields...)
		},
		DNSStart:          func(i httptrace.DNSStartInfo) { event("DNSStart", nil, log.String("host", i.Host)) },
		DNSDone:           func(i httptrace.DNSDoneInfo) { event("DNSDone", i.Err) },
		ConnectStart:      func(_, address string) { event("ConnectStart", nil, log.String("address", address)) },
		ConnectDone:       func(_, address string, err error) { event("ConnectDone", err, log.String("address", address)) },
		TLSHandshakeStart: func() { event("TLSHandshakeStart", nil) },
		TLSHandshakeDone:  func(_ tls.ConnectionState, err error) { event("TLSHandshakeDone", err) },
		WroteHeaders:      func() { event("WroteHeaders", nil) },
		WroteRequest:      func(i httptrace.WroteRequestInfo) { event("WroteRequest", i.Err) },
		Got1xxResponse: func(code int, _ textproto.MIMEHeader) error {
			event("Got1xxResponse", nil, log.Int("code", code))
			return nil
		},
		GotFirstResponseByte: func() { event("GotFirstResponseByte", nil) },
	}
}
