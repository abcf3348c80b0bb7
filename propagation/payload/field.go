// SPDX-License-Identifier: Apache-2.0

package payload

import (
	"net/url"
	"strings"

	"github.com/spanbridge/spanbridge/propagation"
)

// Form is how a field is written.
type Form uint8

// Forms of a field.
const (
	// Text is the JSON of an object in a text, as sanic_zipkin writes it:
	//	{"x": 1, "zipkin_headers": "{\"X-B3-TraceId\": \"463a…\", …}"}
	Text Form = iota
	// Object is an object of texts, such as Dubbo's attachments. What else is in
	// it stays there:
	//	{"x": 1, "attachments": {"path": "order", "sw8": "1-…"}}
	Object
	// Flat has no field: each header is a member of the body, or a parameter of
	// the query, as in the distributed tracing extension of CloudEvents:
	//	{"x": 1, "traceparent": "00-…"}
	Flat
)

// MaxBody is the bound of bodies where a Field sets none, in bytes.
const MaxBody = 1 << 20

// Field is where a service has the headers in its data.
type Field struct {
	// Name is the member of the body and the parameter of the query. It is not
	// used by Flat.
	Name string
	Form Form
	// MaxBody is the longest body that is looked at; 0 stands for 1 MiB.
	MaxBody int
}

// SanicZipkin is the field of the Python library of that name. Its propagator
// should write propagation.B3Multi.
var SanicZipkin = Field{Name: "zipkin_headers", Form: Text}

// Attachments is where Dubbo, and what calls it by JSON, has its headers.
var Attachments = Field{Name: "attachments", Form: Object}

func (f Field) most() int {
	if f.MaxBody > 0 {
		return f.MaxBody
	}
	return MaxBody
}

// headers are the headers of a field, in the order in which they were written.
type headers []struct{ key, value string }

// Each implements propagation.Reader.
func (h *headers) Each(f func(key, value string)) {
	for _, p := range *h {
		f(p.key, p.value)
	}
}

// Set implements propagation.Writer.
func (h *headers) Set(key, value string) {
	*h = append(*h, struct{ key, value string }{key, value})
}

// Unescaped marks the carrier as one of any text, as OpenTracing's text maps are.
func (h *headers) Unescaped() {}

// read takes the headers out of an object. As readers of JSON do, it takes the
// last of members with one name.
func (h *headers) read(object []byte) {
	at := make(map[string]int)
	members(object, func(m member) {
		if !propagation.IsHeader(m.key, propagation.AllFormats()...) {
			return
		}
		v, ok := scalar(m.value)
		if !ok {
			return
		}
		if i, known := at[m.key]; known {
			(*h)[i].value = v
			return
		}
		at[m.key] = len(*h)
		h.Set(m.key, v)
	})
}

// ExtractBody reads the context from a body. A body without the field gives an
// empty one.
func (f Field) ExtractBody(p *propagation.Propagator, body []byte) (propagation.Context, error) {
	if err := open(body, f.most()); err != nil {
		return propagation.Context{}, err
	}
	var h headers
	if f.Form == Flat {
		h.read(body)
		return p.Extract(&h), nil
	}
	var value []byte
	members(body, func(m member) {
		if m.key == f.Name {
			value = m.value
		}
	})
	if object := f.object(value); object != nil {
		h.read(object)
	}
	return p.Extract(&h), nil
}

// object is the object of a field's value, nil if there is none. An object where
// a text is expected is one as well, and the other way about.
func (f Field) object(value []byte) []byte {
	if len(value) == 0 {
		return nil
	}
	if value[0] == '"' {
		value = []byte(unquote(value))
		if open(value, f.most()) != nil {
			return nil
		}
	}
	if value[space(value, 0)] != '{' {
		return nil
	}
	return value
}

// InjectBody appends body to dst with the context written into it by p, in
// place of what the field had of p's formats. With an error nothing is
// appended, and the body is to go on as it came.
func (f Field) InjectBody(dst, body []byte, p *propagation.Propagator, c *propagation.Context, from propagation.Caller) ([]byte, error) {
	if err := open(body, f.most()); err != nil {
		return dst, err
	}
	var h headers
	p.Inject(c, from, &h)
	stale := func(key string) bool { return propagation.IsHeader(key, p.Writes()...) }
	return f.write(dst, body, stale, h), nil
}

// RemoveBody appends body to dst without the field: of an object that holds
// other things, without the headers of all formats.
func (f Field) RemoveBody(dst, body []byte) ([]byte, error) {
	if err := open(body, f.most()); err != nil {
		return dst, err
	}
	if f.Form == Text {
		return splice(dst, body, func(key string) bool { return key == f.Name }), nil
	}
	any := func(key string) bool { return propagation.IsHeader(key, propagation.AllFormats()...) }
	return f.write(dst, body, any, nil), nil
}

// write puts headers into a body that is valid.
func (f Field) write(dst, body []byte, drop func(string) bool, h headers) []byte {
	put := make([]pair, len(h))
	for i, p := range h {
		put[i] = pair{p.key, appendQuoted(nil, p.value)}
	}
	if f.Form == Flat {
		return splice(dst, body, drop, put...)
	}
	var value []byte
	members(body, func(m member) {
		if m.key == f.Name {
			value = m.value
		}
	})
	object := f.object(value)
	if object == nil {
		if len(put) == 0 {
			return append(dst, body...)
		}
		object = []byte("{}")
	}
	field := pair{key: f.Name, value: splice(nil, object, drop, put...)}
	if isEmpty(field.value) {
		field.value = nil
	} else if f.Form == Text {
		field.value = appendQuoted(nil, string(field.value))
	}
	return splice(dst, body, nil, field)
}

func isEmpty(object []byte) bool {
	return object[space(object, space(object, 0)+1)] == '}'
}

// ExtractQuery reads the context from a raw query. What cannot be read of it is
// left aside.
func (f Field) ExtractQuery(p *propagation.Propagator, query string) propagation.Context {
	var h headers
	for part := range strings.SplitSeq(query, "&") {
		k, v, ok := parameter(part)
		switch {
		case !ok:
		case f.Form == Flat:
			if propagation.IsHeader(k, propagation.AllFormats()...) {
				h.Set(k, v)
			}
		case k == f.Name && len(h) == 0:
			h = f.ofText(v)
		}
	}
	return p.Extract(&h)
}

// ofText are the headers of the text of a parameter.
func (f Field) ofText(text string) (h headers) {
	if object := []byte(text); open(object, f.most()) == nil {
		h.read(object)
	}
	return h
}

func parameter(part string) (key, value string, ok bool) {
	k, v, _ := strings.Cut(part, "=")
	key, err1 := url.QueryUnescape(k)
	value, err2 := url.QueryUnescape(v)
	return key, value, err1 == nil && err2 == nil
}

// InjectQuery is a raw query with the context written into it by p. The other
// parameters stay as they are.
func (f Field) InjectQuery(query string, p *propagation.Propagator, c *propagation.Context, from propagation.Caller) string {
	var h headers
	p.Inject(c, from, &h)
	if f.Form == Flat {
		stale := func(key string) bool { return propagation.IsHeader(key, p.Writes()...) }
		query = without(query, stale)
		for _, x := range h {
			query = with(query, x.key, x.value)
		}
		return query
	}
	query = f.RemoveQuery(query)
	if len(h) == 0 {
		return query
	}
	put := make([]pair, len(h))
	for i, x := range h {
		put[i] = pair{x.key, appendQuoted(nil, x.value)}
	}
	return with(query, f.Name, string(splice(nil, []byte("{}"), nil, put...)))
}

// RemoveQuery is a raw query without the field.
func (f Field) RemoveQuery(query string) string {
	if f.Form == Flat {
		return without(query, func(key string) bool { return propagation.IsHeader(key, propagation.AllFormats()...) })
	}
	return without(query, func(key string) bool { return key == f.Name })
}

// without takes parameters out.
func without(query string, drop func(key string) bool) string {
	var kept []string
	all := true
	for part := range strings.SplitSeq(query, "&") {
		if k, _, _ := parameter(part); drop(k) {
			all = false
			continue
		}
		kept = append(kept, part)
	}
	if all {
		return query
	}
	return strings.Join(kept, "&")
}

func with(query, key, value string) string {
	if query != "" {
		query += "&"
	}
	return query + url.QueryEscape(key) + "=" + url.QueryEscape(value)
}

// ExtractValues reads the context from parameters, of a query or of a form.
func (f Field) ExtractValues(p *propagation.Propagator, v url.Values) propagation.Context {
	if f.Form == Flat {
		var h headers
		for k, values := range v {
			if propagation.IsHeader(k, propagation.AllFormats()...) && len(values) > 0 {
				h.Set(k, values[0])
			}
		}
		return p.Extract(&h)
	}
	h := f.ofText(v.Get(f.Name))
	return p.Extract(&h)
}

// InjectValues writes the context into parameters.
func (f Field) InjectValues(v url.Values, p *propagation.Propagator, c *propagation.Context, from propagation.Caller) {
	var h headers
	p.Inject(c, from, &h)
	if f.Form == Flat {
		for k := range v {
			if propagation.IsHeader(k, p.Writes()...) {
				delete(v, k)
			}
		}
		for _, x := range h {
			v.Set(x.key, x.value)
		}
		return
	}
	v.Del(f.Name)
	if len(h) == 0 {
		return
	}
	put := make([]pair, len(h))
	for i, x := range h {
		put[i] = pair{x.key, appendQuoted(nil, x.value)}
	}
	v.Set(f.Name, string(splice(nil, []byte("{}"), nil, put...)))
}
