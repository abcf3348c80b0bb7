// SPDX-License-Identifier: Apache-2.0

package skywalking

import (
	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/translate"
	"github.com/spanbridge/spanbridge/translate/wire"
)

// notice describes a message about a process: InstanceProperties or
// InstancePingPkg.
type notice struct {
	form   string
	shape  *shape
	layer  int // number of the field layer
	ping   bool
	fields *wire.ProtoMessage // for JSON
}

var (
	propertiesNotice = notice{form: "skywalking properties", shape: &propertiesShape, layer: 4, fields: &propertiesFields}
	pingNotice       = notice{form: "skywalking ping", shape: &pingShape, layer: 3, ping: true, fields: &pingFields}
)

func decodeProperties(body []byte, origin span.Origin) (*span.Batch, error) {
	return decodeNotice(body, origin, &propertiesNotice)
}

func decodePing(body []byte, origin span.Origin) (*span.Batch, error) {
	return decodeNotice(body, origin, &pingNotice)
}

func decodeNotice(body []byte, origin span.Origin, k *notice) (*span.Batch, error) {
	r := newReader(body, origin, k.form)
	r.notice(0, len(body), k)
	return r.w.Batch(), r.bad.OrNil()
}

// notice reads a notice of n bytes at a place of the buffer, and mends it when
// a string is broken.
func (r *reader) notice(at, n int, k *notice) {
	mark := r.w.Mark()
	r.torn = false
	err := r.readNotice(at, n, k)
	if err == nil && r.torn {
		r.w.Undo(mark)
		if at, n, err = r.mend(at, n, k.shape); err == nil {
			r.buf, r.side = r.w.Side(), true
			err = r.readNotice(at, n, k)
		}
	}
	if err != nil {
		r.w.Undo(mark)
		r.bad.Stop(translate.FaultOf("", err))
	}
}

// readNotice reads a notice. One that names neither a service nor an instance
// is about nobody.
func (r *reader) readNotice(at, n int, k *notice) error {
	i := span.Instance{Ping: k.ping, Raw: r.textAt(at, n)}
	p := wire.Proto{Buf: r.buf, Pos: at, End: at + n}
	mark := r.w.AttrMark()
	for {
		field, typ, ok := p.Next()
		if !ok {
			break
		}
		switch {
		case field == 1 && typ == wire.TypeBytes:
			i.Service = r.some(&p)
		case field == 2 && typ == wire.TypeBytes:
			i.Name = r.some(&p)
		case field == k.layer && typ == wire.TypeBytes:
			i.Layer = r.some(&p)
		case field == 3 && typ == wire.TypeBytes:
			if key, value, ok := r.pair(&p); ok {
				r.w.Attr(span.StringAttr(key, value))
			}
		default:
			p.Skip(field, typ)
		}
	}
	if p.Err != nil {
		return p.Err
	}
	i.Attrs = r.w.AttrsFrom(mark)
	if i.Service.Present() || i.Name.Present() {
		r.w.Instance(i)
	}
	return nil
}
