// SPDX-License-Identifier: Apache-2.0

package jaeger

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"strconv"

	"github.com/spanbridge/spanbridge/translate"
	"github.com/spanbridge/spanbridge/translate/wire"
)

// ParseStrategies reads a strategies file of Jaeger:
//
//	{"default_strategy": S, "service_strategies": [S and "service": name, …]}
//
// where S is "type": "probabilistic" or "ratelimiting", "param": a number and
// "operation_strategies": [{"operation": name, "type": "probabilistic",
// "param": a number}, …]. Jaeger takes what it does not understand for its
// default; here it is an error. As in Jaeger, the operations of the default
// strategy hold for every service that does not name them itself.
func ParseStrategies(data []byte) (*Strategies, error) {
	p := &strategiesParser{j: wire.JSON{Buf: data}}
	s := p.file()
	if p.bad == nil && p.j.Err == nil && p.j.Peek() != 0 {
		p.j.Fail(p.j.Pos, p.j.Found(), "the end of the file")
	}
	switch {
	case p.bad != nil:
		return nil, fmt.Errorf("sampling strategies: %s", p.bad)
	case p.j.Err != nil:
		return nil, fmt.Errorf("sampling strategies: %s", p.syntax())
	}
	return s, nil
}

type strategiesParser struct {
	j   wire.JSON
	bad *translate.Fault
}

// syntax is the fault of the reader with the line it is in.
func (p *strategiesParser) syntax() translate.Fault {
	var w *wire.Fault
	if !errors.As(p.j.Err, &w) {
		return translate.Fault{Found: p.j.Err.Error()}
	}
	line := 1 + bytes.Count(p.j.Buf[:min(w.At, len(p.j.Buf))], []byte("\n"))
	return translate.Fault{Place: fmt.Sprintf("line %d", line), Found: w.Found, Want: w.Want}
}

func (p *strategiesParser) refuse(place, found, want string) {
	if p.bad == nil && p.j.Err == nil {
		p.bad = &translate.Fault{Place: place, Found: found, Want: want}
	}
}

// text reads a string.
func (p *strategiesParser) text(place string) string {
	if p.j.Peek() != '"' {
		p.refuse(place, p.j.Found(), "a string")
		p.j.Skip()
		return ""
	}
	s, ok := p.j.AppendUnescaped(nil, p.j.String())
	if !ok {
		p.refuse(place, "a broken escape", "a string")
	}
	return string(s)
}

// number reads a number.
func (p *strategiesParser) number(place string) float64 {
	if c := p.j.Peek(); c != '-' && (c < '0' || c > '9') {
		p.refuse(place, p.j.Found(), "a number")
		p.j.Skip()
		return 0
	}
	text := p.j.Raw(p.j.String())
	v, err := strconv.ParseFloat(text, 64)
	if err != nil {
		p.refuse(place, shorten(text), "a number")
	}
	return v
}

// object reads an object whose members are known to member.
func (p *strategiesParser) object(place string, want string, member func(key string) bool) {
	if p.j.Peek() != '{' {
		p.refuse(place, p.j.Found(), "an object")
		p.j.Skip()
		return
	}
	p.j.Object()
	for {
		k, ok := p.j.Key()
		if !ok {
			return
		}
		if key := p.j.Raw(k); !member(key) {
			p.refuse(place, "key "+strconv.Quote(shorten(key)), want)
			p.j.Skip()
		}
	}
}

// list reads a list, or null for an empty one.
func (p *strategiesParser) list(place string, element func(place string)) {
	if p.j.Null() {
		return
	}
	if p.j.Peek() != '[' {
		p.refuse(place, p.j.Found(), "a list")
		p.j.Skip()
		return
	}
	p.j.Array()
	for i := 1; p.j.Elem(); i++ {
		element(place + " " + strconv.Itoa(i))
	}
}

func (p *strategiesParser) file() *Strategies {
	s := &Strategies{fallback: Strategy{probability: defaultProbability}, services: map[string]Strategy{}}
	p.object("", `"default_strategy" or "service_strategies"`, func(key string) bool {
		switch key {
		case "default_strategy":
			if !p.j.Null() {
				_, s.fallback = p.strategy(key, false)
			}
		case "service_strategies":
			p.list(key, func(place string) {
				service, one := p.strategy(place, true)
				if _, ok := s.services[service]; ok {
					p.refuse(place+": service", strconv.Quote(shorten(service))+" again", "each service once")
				}
				s.services[service] = one
			})
		default:
			return false
		}
		return true
	})
	if shared := s.fallback.operations; shared != nil {
		for service, one := range s.services {
			one.inherit(shared)
			s.services[service] = one
		}
	}
	return s
}

// inherit adds the operations of the default strategy, as Jaeger's file
// provider does.
func (s *Strategy) inherit(shared *operations) {
	if s.operations == nil {
		own := *shared
		if !s.limited {
			own.fallback = s.probability
		}
		s.operations = &own
		return
	}
	own := s.operations.list
	for _, o := range shared.list {
		if !contains(own, o.name) {
			s.operations.list = append(s.operations.list, o)
		}
	}
}

func contains(list []operation, name string) bool {
	for i := range list {
		if list[i].name == name {
			return true
		}
	}
	return false
}

// given is what one object of the file says.
type given struct {
	name     string
	typ      string
	param    float64
	hasName  bool
	hasType  bool
	hasParam bool
}

// member reads a member that strategies and operations share.
func (g *given) member(p *strategiesParser, place, key string) bool {
	switch key {
	case "type":
		g.typ, g.hasType = p.text(place+": type"), true
	case "param":
		g.param, g.hasParam = p.number(place+": param"), true
	default:
		return false
	}
	return true
}

const (
	typeProbabilistic = "probabilistic"
	typeRateLimiting  = "ratelimiting"
)

// check looks at type and param.
func (g *given) check(p *strategiesParser, place, types string) {
	switch {
	case !g.hasType:
		p.refuse(place+": type", "nothing", types)
	case g.typ == typeProbabilistic && !(g.hasParam && g.param >= 0 && g.param <= 1):
		p.refuse(place+": param", g.found(), "a probability from 0 to 1")
	case g.typ == typeRateLimiting && !(g.hasParam && g.param >= 0 && g.param <= math.MaxInt16 && g.param == math.Trunc(g.param)):
		p.refuse(place+": param", g.found(), "a whole number of traces a second up to 32767")
	}
}

func (g *given) found() string {
	if !g.hasParam {
		return "nothing"
	}
	return strconv.FormatFloat(g.param, 'g', -1, 64)
}

// strategy reads a strategy; that of a service has the service's name.
func (p *strategiesParser) strategy(place string, named bool) (service string, s Strategy) {
	var g given
	var list []operation
	want := `"type", "param" or "operation_strategies"`
	if named {
		want = `"service", ` + want
	}
	p.object(place, want, func(key string) bool {
		switch {
		case key == "service" && named:
			g.name, g.hasName = p.text(place+": service"), true
		case key == "operation_strategies":
			p.list(place+": "+key, func(place string) {
				o := p.operation(place)
				if contains(list, o.name) {
					p.refuse(place+": operation", strconv.Quote(shorten(o.name))+" again", "each operation once")
				}
				list = append(list, o)
			})
		default:
			return g.member(p, place, key)
		}
		return true
	})
	if named && g.name == "" {
		p.refuse(place+": service", "nothing", "the name of a service")
	}
	const types = `"` + typeProbabilistic + `" or "` + typeRateLimiting + `"`
	g.check(p, place, types)
	switch g.typ {
	case typeProbabilistic:
		s.probability = g.param
	case typeRateLimiting:
		s.limited, s.perSecond = true, int16(g.param)
	default:
		p.refuse(place+": type", strconv.Quote(shorten(g.typ)), types)
	}
	if len(list) > 0 {
		s.operations = &operations{fallback: s.probability, list: list}
		if s.limited {
			s.operations.fallback = defaultProbability
		}
	}
	return g.name, s
}

// operation reads the strategy of an operation, which can only be
// probabilistic: the answer to clients has no other.
func (p *strategiesParser) operation(place string) operation {
	var g given
	p.object(place, `"operation", "type" or "param"`, func(key string) bool {
		if key == "operation" {
			g.name, g.hasName = p.text(place+": operation"), true
			return true
		}
		return g.member(p, place, key)
	})
	if !g.hasName {
		p.refuse(place+": operation", "nothing", "the name of an operation")
	}
	g.check(p, place, strconv.Quote(typeProbabilistic))
	if g.typ != typeProbabilistic {
		p.refuse(place+": type", strconv.Quote(shorten(g.typ)), strconv.Quote(typeProbabilistic))
	}
	return operation{g.name, g.param}
}
