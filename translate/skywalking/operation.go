// SPDX-License-Identifier: Apache-2.0

package skywalking

import "strings"

// operation is the name of a span as an endpoint of OAP: METHOD:route for
// entries by HTTP, as the Java agent's plugins write it. Paths have their ids
// masked, since every name becomes an endpoint with metrics of its own.
func (c *converter) operation(name string, r *role) string {
	verb, rest := verbOf(name)
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
	method, _ := verbOf(r.method)
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
		c.names = appendMasked(c.names, route)
		return c.names.since(mark)
	case verb != "" && rest == "":
		return verb
	default:
		return c.mask(name)
	}
}

var verbs = [...]string{"GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "TRACE", "CONNECT"}

// verbOf splits a method off a name like "get /users", "HTTP GET" or
// "GET:/users"; verb is in upper case, "" where the name starts with none.
func verbOf(name string) (verb, rest string) {
	if len(name) > 5 && strings.EqualFold(name[:5], "http ") {
		name = name[5:]
	}
	head, rest := name, ""
	if i := strings.IndexAny(name, " :"); i >= 0 {
		head, rest = name[:i], name[i+1:]
	}
	for _, v := range verbs {
		if strings.EqualFold(v, head) {
			return v, rest
		}
	}
	return "", name
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
	c.names = appendMasked(c.names, path)
	return c.names.since(mark)
}

// Endpoint is the name that a server's span gets here for a request of HTTP, for
// those who must name it before there is a span: METHOD:/path with masked ids.
func Endpoint(method, path string) string {
	dst := make([]byte, 0, len(method)+1+len(path))
	dst = append(append(dst, method...), ':')
	return string(appendMasked(dst, path))
}

// mask masks the path in a name.
func (c *converter) mask(name string) string {
	if strings.IndexByte(name, '/') < 0 {
		return name
	}
	mark := len(c.names)
	c.names = appendMasked(c.names, name)
	return c.names.since(mark)
}

// appendMasked appends a path without its query and with {id} for the parts
// that look like ids: numbers, UUIDs, hex digits.
func appendMasked(dst []byte, path string) []byte {
	if i := strings.IndexAny(path, "?#"); i >= 0 {
		path = path[:i]
	}
	for {
		i := strings.IndexByte(path, '/')
		word := path
		if i >= 0 {
			word = path[:i]
		}
		if isID(word) {
			dst = append(dst, "{id}"...)
		} else {
			dst = append(dst, word...)
		}
		if i < 0 {
			return dst
		}
		dst = append(dst, '/')
		path = path[i+1:]
	}
}

// isID tells an id from a word: only digits, or at least eight hex digits and
// dashes with a digit among them.
func isID(word string) bool {
	digits, hex := 0, 0
	for i := range len(word) {
		switch c := word[i]; {
		case '0' <= c && c <= '9':
			digits++
		case 'a' <= c && c <= 'f', 'A' <= c && c <= 'F':
			hex++
		case c == '-' && len(word) == 36:
		default:
			return false
		}
	}
	return digits > 0 && (hex == 0 && digits == len(word) || digits+hex >= 8)
}
