// SPDX-License-Identifier: Apache-2.0

package translate

import "github.com/spanbridge/spanbridge/translate/wire"

// DatagramMethod is the method that a Thrift message calls, by which UDP routes
// are chosen: clients send every method and both protocols to any of the ports.
func DatagramMethod(packet []byte) (string, error) {
	t := &wire.Thrift{Buf: packet, Compact: wire.IsCompact(packet)}
	name, _ := t.Message()
	if t.Err != nil {
		return "", &Malformed{Format: "thrift datagram", Faults: []Fault{FaultOf("head", t.Err)}, Cut: true}
	}
	return name, nil
}
