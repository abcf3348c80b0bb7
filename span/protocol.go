// SPDX-License-Identifier: Apache-2.0

package span

import "strings"

// Protocol is a family of formats whose conventions a span follows: which of
// its attributes are mirrored, and how.
type Protocol uint8

// Protocols. Unknown stands for all others.
const (
	Unknown Protocol = iota
	Zipkin
	Jaeger
	OTLP
	SkyWalking
	NumProtocols = int(iota)
)

var protocolNames = [NumProtocols]string{"unknown", "zipkin", "jaeger", "otlp", "skywalking"}

// String is the name in lower case, as formats begin with it.
func (p Protocol) String() string { return protocolNames[p] }

// ProtocolNamed is the protocol of a name, Unknown if there is none.
func ProtocolNamed(name string) Protocol {
	for p := Zipkin; int(p) < NumProtocols; p++ {
		if protocolNames[p] == name {
			return p
		}
	}
	return Unknown
}

// ProtocolOf is the protocol of a format's name, such as "zipkin.v2.json".
func ProtocolOf(format string) Protocol {
	name, _, _ := strings.Cut(format, ".")
	return ProtocolNamed(name)
}

// Home is the protocol whose conventions the attributes of a span follow: that
// of the batch, unless the span says another one.
func (b *Batch) Home(s *Span) Protocol {
	if s.Home != Unknown {
		return s.Home
	}
	return b.protocol
}
