// SPDX-License-Identifier: Apache-2.0

package skywalking

import (
	"strings"

	"github.com/spanbridge/spanbridge/span"
)

// operation is the name of a span as an endpoint of OAP: METHOD:route for
// entries by HTTP, as the Java agent's plugins write it. Paths have their ids
// masked, since every name becomes an endpoint with metrics of its own.
func (c *converter) operation(name string, r *role) string {
	verb, rest := span.CutMethod(name)
	switch {
	case r.layer != layerHTTP:
		// Paths without a word of HTTP; other names may have slashes as well.
		if strings.HasPrefix(rest, "/") || strings.Contains(rest, "://") {
			return c.mask(name)
		}
		return name
	case r.typ != typeEntry:
		return c.outbound(name, verb, rest, r)
	}
	method, _ := span.CutMethod(r.method)
	method = or(method, verb)
	switch {
	case r.route != "":
		// sanic_zipkin writes the whole URL of the request there.
		if path := pathOf(r.route); path != "" {
			return c.endpoint(method, path)
		}
		return c.endpoint(method, r.route)
	case strings.HasPrefix(rest, "/"):
		return c.endpoint(method, rest)
	case name == "" || verb != "" && rest == "":
		if path := or(r.path, pathOf(r.url)); path != "" {
			return c.endpoint(method, path)
		}
		return method
	default:
		return name
	}
}

// outbound is the name of a call by HTTP. A client knows the route seldom; where
// it does, the route stands for a path or for nothing but the method.
func (c *converter) outbound(name, verb, rest string, r *role) string {
	path := strings.HasPrefix(rest, "/") || strings.Contains(rest, "://")
	switch route := pathOf(r.route); {
	case route != "" && (path || rest == ""):
		if verb == "" {
			return c.mask(route)
		}
		mark := len(c.names)
		c.names = append(c.names, verb...)
		c.names = append(c.names, ' ')
		c.names = span.AppendMasked(c.names, route)
		return c.names.since(mark)
	case verb != "" && rest == "":
		return verb
	default:
		return c.mask(name)
	}
}

// pathOf is the path of a URL.
func pathOf(url string) string {
	if _, rest, ok := strings.Cut(url, "://"); ok {
		if i := strings.IndexByte(rest, '/'); i >= 0 {
			return rest[i:]
		}
		return ""
	}
	if strings.HasPrefix(url, "/") {
		return url
	}
	return ""
}

func (c *converter) endpoint(method, path string) string {
	mark := len(c.names)
	if method != "" {
		c.names = append(c.names, method...)
		c.names = append(c.names, ':')
	}
	c.names = span.AppendMasked(c.names, path)
	return c.names.since(mark)
}

// mask masks the path in a name.
func (c *converter) mask(name string) string {
	if strings.IndexByte(name, '/') < 0 {
		return name
	}
	mark := len(c.names)
	c.names = span.AppendMasked(c.names, name)
	return c.names.since(mark)
}
