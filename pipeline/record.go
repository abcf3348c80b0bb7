// SPDX-License-Identifier: Apache-2.0

package pipeline

import (
	"encoding/binary"
	"errors"

	"github.com/spanbridge/spanbridge/queue"
	"github.com/spanbridge/spanbridge/span"
)

// A record of the log is a message as it arrived: the body untouched, and a
// head that says how it came.
//
//	head = version(1 byte, 1 or 2) received(uvarint, ns since 1970)
//	       format(uvarint length, bytes) transport(uvarint length, bytes)
//	       with version 2: tenant(uvarint length, bytes)
//
// Version 2 is written for messages of a tenant alone: a log without any can still
// be read by a gateway that knows of none.
const (
	recordVersion = 1
	tenantVersion = 2
)

var errHead = errors.New("pipeline: a record's head cannot be read")

func appendHead(dst []byte, o span.Origin) []byte {
	if dst == nil {
		dst = make([]byte, 0, shortHead+len(o.Format)+len(o.Transport)+len(o.Tenant))
	}
	if o.Tenant == "" {
		dst = append(dst, recordVersion)
	} else {
		dst = append(dst, tenantVersion)
	}
	dst = binary.AppendUvarint(dst, uint64(o.Received))
	dst = appendText(dst, o.Format)
	dst = appendText(dst, o.Transport)
	if o.Tenant != "" {
		dst = appendText(dst, o.Tenant)
	}
	return dst
}

// shortHead is what a head takes beside its texts, if they are short.
const shortHead = 1 + 9 + 3

func appendText(dst []byte, s string) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(s)))
	return append(dst, s...)
}

func readHead(p []byte) (o span.Origin, err error) {
	texts := []*string{&o.Format, &o.Transport}
	switch {
	case len(p) > 0 && p[0] == recordVersion:
	case len(p) > 0 && p[0] == tenantVersion:
		texts = append(texts, &o.Tenant)
	default:
		return o, errHead
	}
	p = p[1:]
	received, n := binary.Uvarint(p)
	if n <= 0 {
		return o, errHead
	}
	o.Received = int64(received)
	p = p[n:]
	for _, s := range texts {
		size, n := binary.Uvarint(p)
		if n <= 0 || size > uint64(len(p)-n) {
			return o, errHead
		}
		*s = string(p[n : n+int(size)])
		p = p[n+int(size):]
	}
	return o, nil
}

// readProtocol reads the protocol of the format from the beginning of a head.
func readProtocol(p []byte) span.Protocol {
	if len(p) == 0 || p[0] != recordVersion && p[0] != tenantVersion {
		return span.Unknown
	}
	p = p[1:]
	_, n := binary.Uvarint(p)
	if n <= 0 {
		return span.Unknown
	}
	p = p[n:]
	size, n := binary.Uvarint(p)
	if n <= 0 || size > uint64(len(p)-n) {
		return span.Unknown
	}
	return protocolNamed(string(p[n : n+int(size)]))
}

// Origin reads from the head of a record how the message came.
func Origin(r queue.Record) (span.Origin, error) { return readHead(r.Head) }

// Decoder makes a batch of a body that was decoded before.
type Decoder func(body []byte, origin span.Origin) (*span.Batch, error)
