// SPDX-License-Identifier: Apache-2.0

package receivers

import (
	"context"
	"errors"
	"net"
	"slices"
	"syscall"
	"time"

	"github.com/spanbridge/spanbridge/translate"
)

// errEnded is for a change of ports that are being closed.
var errEnded = errors.New("the receivers are stopping")

// Change opens, moves and closes ports, and changes how they take what comes. A
// port whose address stays keeps its socket and its connections. One that is
// closed or moved takes no more connections, and finishes what it has received
// within grace. When something cannot be opened or read nothing has changed, and
// the error has a line for each. Of the limits Message, Streams and the times
// must stay.
func (s *Server) Change(ports map[string]Listen, limits Limits, grace time.Duration) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case <-s.ended:
		return errEnded
	default:
	}
	c := &portChange{s: s, ports: ports, terms: make(map[*openPort]*term)}
	if err := c.prepare(); err != nil {
		c.undo()
		return err
	}
	s.intake.inForce.Store(&limits)
	for _, o := range c.stay {
		if t := c.terms[o]; t != nil {
			o.listen = ports[o.Name]
			o.terms.current.Store(t)
		}
	}
	for _, o := range c.leave {
		s.leave(o, grace)
	}
	for _, o := range c.opened {
		if s.started {
			s.serve(o)
		}
	}
	s.open = append(c.stay, c.opened...)
	return nil
}

// leave lets a port come to its end. It takes no more connections when leave
// returns: whoever asked for the change may give its address to another program.
func (s *Server) leave(o *openPort, grace time.Duration) {
	o.refuse()
	s.serving.Go(func() {
		ctx, cancel := context.WithTimeout(s.cut, grace)
		defer cancel()
		o.stop(ctx)
	})
}

// portChange is what is done at one change.
type portChange struct {
	s     *Server
	ports map[string]Listen

	stay    []*openPort
	terms   map[*openPort]*term // new ones, of those that stay
	leave   []*openPort
	opened  []*openPort
	refused []*openPort // of those that leave: their sockets are closed already
}

func (c *portChange) prepare() error {
	var errs []error
	var late []func() error
	c.s.eachPort(func(protocol string, port translate.Port) {
		o := c.s.find(port.Name)
		listen, wanted := c.ports[port.Name]
		if o != nil && wanted && o.listen.Address == listen.Address {
			c.stay = append(c.stay, o)
			if o.listen == listen {
				return
			}
			t, err := c.s.term(port, listen)
			if err != nil {
				errs = append(errs, portError(port, listen, err))
			}
			c.terms[o] = t
			return
		}
		if o != nil {
			c.leave = append(c.leave, o)
		}
		if wanted {
			late = append(late, func() error { return c.open(protocol, port, listen) })
		}
	})
	if len(errs) > 0 {
		return errors.Join(errs...)
	}
	for _, open := range late { // when it is known which ports leave
		errs = append(errs, open())
	}
	return errors.Join(errs...)
}

// open opens a port. Where one that leaves is in its way, that one's socket is
// closed first: else a port could not be moved from one interface to all.
func (c *portChange) open(protocol string, port translate.Port, listen Listen) error {
	o, err := c.s.openPort(protocol, port, listen)
	if errors.Is(err, syscall.EADDRINUSE) && c.clear(port, listen) {
		o, err = c.s.openPort(protocol, port, listen)
	}
	if err != nil {
		return portError(port, listen, err)
	}
	c.opened = append(c.opened, o)
	return nil
}

// clear closes the sockets of ports that leave and have the same number.
func (c *portChange) clear(port translate.Port, listen Listen) (any bool) {
	_, number, _ := net.SplitHostPort(listen.Address)
	for _, o := range c.leave {
		_, former, _ := net.SplitHostPort(o.address.String())
		if former == number && !slices.Contains(c.refused, o) && (o.Network == translate.UDP) == (port.Network == translate.UDP) {
			o.refuse()
			c.refused = append(c.refused, o)
			any = true
		}
	}
	return any
}

// undo closes what was opened and opens again what was closed for it, on the terms
// that it had: their files may not be there any more.
func (c *portChange) undo() {
	for _, o := range c.opened {
		o.stop(context.Background())
	}
	for _, former := range c.refused {
		listen := former.listen
		listen.Address = former.address.String()
		again, err := c.s.openWith(former.terms.now(), former.protocol, former.Port, listen)
		if err != nil {
			c.s.opts.Log.Error("a port could not be opened again", "port", former.Name, "err", err)
			// The next change opens it, if it can.
			c.s.open = slices.DeleteFunc(c.s.open, func(o *openPort) bool { return o == former })
			c.s.leave(former, time.Minute)
			continue
		}
		again.listen = former.listen
		for i, o := range c.s.open {
			if o == former {
				c.s.open[i] = again
			}
		}
		if c.s.started {
			c.s.serve(again)
		}
		c.s.leave(former, time.Minute)
	}
}
