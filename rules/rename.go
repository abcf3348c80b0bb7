// SPDX-License-Identifier: Apache-2.0

package rules

import (
	"github.com/spanbridge/spanbridge/span"
)

// Attributes that say the name of a service or an instance.
const (
	keyService  = "service.name"
	keyInstance = "service.instance.id"
	keyPeer     = "peer.service"
)

// rename gives every name that is looked up its new one.
func (c *change) rename() {
	r := c.rules
	c.texts = make([]span.Text, len(r.services.to)+len(r.instances.to))
	c.spans()
	c.resources()
	c.segments()
	c.notices()
}

// service is the new name of a service, false when it keeps its own.
func (c *change) service(t span.Text) (span.Text, bool) { return c.text(t, &c.rules.services, 0) }

// instance is the same for an instance.
func (c *change) instance(t span.Text) (span.Text, bool) {
	return c.text(t, &c.rules.instances, len(c.rules.services.to))
}

func (c *change) text(t span.Text, n *names, first int) (span.Text, bool) {
	i := n.find(c.now.Str(t))
	if i < 0 {
		return t, false
	}
	to := &c.texts[first+i]
	if !to.Present() {
		d := c.edit()
		if d.Room() < len(n.to[i]) {
			return t, false
		}
		*to = d.Copy(n.to[i])
	}
	return *to, true
}

// spans renames both ends of each span. Most spans of a batch have the service
// of the one before, as the very same text.
func (c *change) spans() {
	var last, lastTo span.Text
	for i := range c.now.Spans() {
		s := c.now.Spans()[i]
		local := s.Local.Service
		if local != last {
			last = local
			lastTo, _ = c.service(local)
		}
		s.Local.Service = lastTo
		changed := lastTo != local
		if to, ok := c.service(s.Remote.Service); ok {
			s.Remote.Service = to
			changed = true
			c.mirrored(s.Attrs, keyPeer)
		}
		if changed {
			s.Has &^= span.Exact
			c.edit().Spans()[i] = s
		}
	}
}

// mirrored renames the service in an attribute that says what a field says.
func (c *change) mirrored(r span.Range, key string) {
	for i, a := range c.now.Attrs(r) {
		if !a.Mirrored || a.Type != span.String || c.now.Str(a.Key) != key {
			continue
		}
		if to, ok := c.service(a.Text()); ok {
			c.setAttr(r, i, &a, to)
		}
	}
}

func (c *change) setAttr(r span.Range, i int, a *span.Attr, to span.Text) {
	v := span.StringAttr(a.Key, to)
	v.Mirrored = a.Mirrored
	c.edit().Attrs(r)[i] = v
}

// resources renames what a resource says of its service.
func (c *change) resources() {
	for n := uint32(1); int(n) <= c.now.NumResources(); n++ {
		res := c.now.Resource(n)
		changed := false
		for i, a := range c.now.Attrs(res.Attrs) {
			if a.Type != span.String {
				continue
			}
			to, ok := a.Text(), false
			switch c.now.Str(a.Key) {
			case keyService:
				to, ok = c.service(to)
			case keyInstance:
				to, ok = c.instance(to)
			}
			if ok {
				changed = true
				c.setAttr(res.Attrs, i, &a, to)
			}
		}
		if changed {
			c.edit().Resources()[n-1].Raw = span.Text{}
		}
	}
}

// segments renames what SkyWalking's agents say of themselves and of callers,
// in the fields and in the bytes that an OAP is given.
func (c *change) segments() {
	if c.now.NumSegments() == 0 {
		return
	}
	touched := make([]bool, c.now.NumSegments()+1)
	for n := uint32(1); int(n) <= c.now.NumSegments(); n++ {
		g := *c.now.Segment(n)
		service, ok1 := c.service(g.Service)
		instance, ok2 := c.instance(g.Instance)
		if ok1 || ok2 {
			g.Service, g.Instance = service, instance
			c.edit().Segments()[n-1] = g
			touched[n] = true
		}
	}
	for i := range c.now.Spans() {
		s := &c.now.Spans()[i]
		if s.Segment == 0 {
			continue
		}
		for _, ref := range c.now.Refs(s.Refs) {
			if ref.Agent != 0 && c.caller(ref.Agent) {
				touched[s.Segment] = true
			}
		}
	}
	for n, yes := range touched {
		if yes {
			c.raw(&c.edit().Segments()[n-1].Raw, c.rules.segment)
		}
	}
}

// caller renames what a reference says of the other process.
func (c *change) caller(n uint32) bool {
	a := *c.now.AgentRef(n)
	service, ok1 := c.service(a.Service)
	instance, ok2 := c.instance(a.Instance)
	if ok1 || ok2 {
		a.Service, a.Instance = service, instance
		c.edit().AgentRefs()[n-1] = a
	}
	return ok1 || ok2
}

func (c *change) notices() {
	for i, n := range c.now.Instances() {
		service, ok1 := c.service(n.Service)
		name, ok2 := c.instance(n.Name)
		if !ok1 && !ok2 {
			continue
		}
		n.Service, n.Name = service, name
		c.raw(&n.Raw, c.rules.notice)
		c.edit().Instances()[i] = n
	}
}

// raw rewrites bytes that are kept as they were received.
func (c *change) raw(t *span.Text, rewrite func(dst, raw []byte, service, instance func(string) string) []byte) {
	if t.Len() == 0 || rewrite == nil {
		return
	}
	d := c.edit()
	out := rewrite(nil, []byte(d.Str(*t)), c.rules.services.name, c.rules.instances.name)
	if d.Room() >= len(out) {
		*t = d.Copy(string(out))
	}
}
