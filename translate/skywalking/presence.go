// SPDX-License-Identifier: Apache-2.0

package skywalking

import (
	"strings"

	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/translate/wire"
)

// OAP lists a service of which it knows no inbound call only after a keepAlive,
// and an instance's details only after its properties. Native agents send them
// themselves; for the processes of converted spans the encoder does.

const (
	beatEvery = 60_000_000_000 // ns between two signs of life of an instance
	// After that many beats the properties are told again, as the Java agent
	// does (collector.properties_report_period_factor): OAP may have been down.
	beatsPerProperties = 10
)

// presence is what OAP was told of an instance.
type presence struct {
	last    int64 // the receipt of the message that the last beat was for, ns since 1970
	beats   int
	payload uint64 // the last one that the instance was seen in
}

// announce says that the process of a converted span lives, when it is time to.
// A payload that is written once more because it did not arrive says it again.
// The lock of the memory is held.
func (e *Encoder) announce(it *span.Item, r *role, at *place) {
	if at != nil && e.memory.inProcess(at, r.service, r.instance) {
		// Most spans of a payload are of a few processes.
		n := e.memory.processOf(at)
		heard := &e.heard[n>>8%uint64(len(e.heard))]
		if *heard == n {
			return
		}
		*heard = n
	}
	mark := len(e.names)
	e.names = append(e.names, r.service...)
	e.names = append(e.names, 0)
	e.names = append(e.names, r.instance...)
	key := e.names.since(mark)
	now := it.Batch.Origin.Received
	p := e.memory.instances.get(key)
	switch {
	case p == nil:
		p = e.memory.instances.put(strings.Clone(key))
		*p = presence{last: now}
	case p.payload == e.payload:
		return
	case now == p.last:
		p.beats--
	case now-p.last < beatEvery:
		return
	}
	p.last, p.payload = now, e.payload
	if p.beats%beatsPerProperties == 0 {
		e.notes = append(e.notes, e.begin(methodProperties))
		e.role(&e.observed, it)
		e.appendProperties(it, r, &e.observed)
		e.observed = role{}
		e.end(e.notes)
	}
	p.beats++
	e.notes = append(e.notes, e.begin(methodKeepAlive))
	e.buf = appendText(e.buf, 1, r.service)
	e.buf = appendText(e.buf, 2, r.instance)
	e.end(e.notes)
}

// appendProperties tells of the process of a role by the signs of another one, of
// the same span, that was not recalled.
func (e *Encoder) appendProperties(it *span.Item, r, of *role) {
	e.buf = appendText(e.buf, 1, r.service)
	e.buf = appendText(e.buf, 2, r.instance)
	e.buf = appendPair(e.buf, 3, "language", strings.ToLower(or(of.language, unknown)))
	if host := or(of.signs.instance[1], of.signs.instance[2], of.signs.instance[3]); host != "" {
		e.buf = appendPair(e.buf, 3, "hostname", host)
	}
	if ip := it.Span().Local.IP4(); ip.IsValid() {
		var mark int
		e.buf, mark = wire.Open(e.buf, 3)
		e.buf = appendText(e.buf, 1, "ipv4")
		e.buf = appendText(e.buf, 2, ip.String())
		e.buf = wire.Close(e.buf, mark)
	}
}
