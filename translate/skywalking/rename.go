// SPDX-License-Identifier: Apache-2.0

package skywalking

import (
	"github.com/spanbridge/spanbridge/translate/wire"
)

// renaming rewrites the names in a message. The functions give the new name of
// a service or an instance, or the name itself.
type renaming struct {
	service, instance func(string) string
}

// RenameSegment appends a SegmentObject with other names for its service and
// instance, and for those that its references name as callers. All else stays
// byte for byte.
func RenameSegment(dst, segment []byte, service, instance func(string) string) []byte {
	n := renaming{service, instance}
	return n.rewrite(dst, segment, 4, 5, 3, func(dst, one []byte) []byte {
		return n.rewrite(dst, one, 0, 0, 5, func(dst, ref []byte) []byte {
			return n.rewrite(dst, ref, 5, 6, 0, nil)
		})
	})
}

// RenameNotice does the same for an InstanceProperties or InstancePingPkg.
func RenameNotice(dst, notice []byte, service, instance func(string) string) []byte {
	n := renaming{service, instance}
	return n.rewrite(dst, notice, 1, 2, 0, nil)
}

// rewrite appends a message. The fields of those numbers are a service, an
// instance and a message in which inner does the same; 0 stands for no field.
// What cannot be read is left as it is.
func (n renaming) rewrite(dst, message []byte, service, instance, inside int, inner func(dst, m []byte) []byte) []byte {
	before := len(dst)
	for p := wire.ReadProto(message); ; {
		from := p.Pos
		field, typ, ok := p.Next()
		if !ok {
			if p.Err != nil {
				return append(dst[:before], message...)
			}
			return dst
		}
		if typ != wire.TypeBytes || field != service && field != instance && field != inside {
			p.Skip(field, typ)
			dst = append(dst, message[from:p.Pos]...)
			continue
		}
		at, size := p.Bytes()
		if p.Err != nil {
			continue
		}
		text := message[at : at+size]
		switch field {
		case service:
			dst = wire.AppendStringAlways(dst, field, n.service(string(text)))
		case instance:
			dst = wire.AppendStringAlways(dst, field, n.instance(string(text)))
		default:
			var mark int
			dst, mark = wire.Open(dst, field)
			dst = wire.Close(inner(dst, text), mark)
		}
	}
}
