// SPDX-License-Identifier: Apache-2.0

package proxy

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"

	"github.com/spanbridge/spanbridge/propagation"
	"github.com/spanbridge/spanbridge/propagation/payload"
)

// data is the headers in the data of requests: in a member of a JSON body, or in
// a parameter of the query when there is no body.
type data struct {
	field payload.Field
	d     *direction
}

// Outcomes of looking into data.
const (
	dataRead      = "read"
	dataWritten   = "written"
	dataMalformed = "malformed"
	dataLength    = "length"
	dataEncoding  = "encoding"
	dataForm      = "form"
)

func (f *data) count(outcome string) { f.d.metrics.Data.WithLabelValues(f.d.name, outcome).Inc() }

// carrier is the data of one request.
type carrier struct {
	json bool // in the body
	body []byte
	// found: there was a field with a trace in it.
	found bool
}

// read looks for a context in the data of a request. A body that was read is put
// back. The second result is nil when there is no place for a field.
func (f *data) read(r *http.Request) (propagation.Context, *carrier) {
	if isGRPC(r.Header) {
		return propagation.Context{}, nil
	}
	if r.ContentLength == 0 || r.Body == nil || r.Body == http.NoBody {
		c := f.field.ExtractQuery(f.d.propagator, r.URL.RawQuery)
		return c, f.found(&c, &carrier{})
	}
	body, why := f.take(r)
	if why != "" {
		f.count(why)
		return propagation.Context{}, nil
	}
	c, err := f.field.ExtractBody(f.d.propagator, body)
	if err != nil {
		switch trimmed := bytes.TrimLeft(body, " \t\r\n"); {
		case len(trimmed) > 0 && trimmed[0] != '{':
			f.count(dataForm)
		default:
			f.count(dataMalformed)
		}
		return propagation.Context{}, nil
	}
	return c, f.found(&c, &carrier{json: true, body: body})
}

func (f *data) found(c *propagation.Context, at *carrier) *carrier {
	if at.found = c.HasIDs(); at.found {
		f.count(dataRead)
	}
	return at
}

// take reads a body of JSON as far as the limit goes, and puts back what it has
// read. It says why where it does not.
func (f *data) take(r *http.Request) (body []byte, why string) {
	media, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	switch {
	case media != "application/json" && !strings.HasSuffix(media, "+json"):
		return nil, dataForm
	case r.Header["Content-Encoding"] != nil:
		return nil, dataEncoding
	case r.Header["Content-Digest"] != nil || r.Header["Digest"] != nil || r.Header["Content-Md5"] != nil || r.Header["Signature"] != nil:
		return nil, dataEncoding // to change a byte would be found out
	case r.ContentLength > int64(f.field.MaxBody):
		return nil, dataLength
	}
	from := r.Body
	body, err := io.ReadAll(io.LimitReader(from, int64(f.field.MaxBody)+1))
	rest := io.Reader(from)
	if err != nil {
		rest = failing{err}
	}
	r.Body = putBack{io.MultiReader(bytes.NewReader(body), rest), from}
	switch {
	case err != nil:
		return nil, dataMalformed
	case len(body) > f.field.MaxBody:
		return nil, dataLength
	}
	return body, ""
}

// putBack is a body of which a part was read.
type putBack struct {
	io.Reader
	io.Closer
}

// failing fails as the body did that it stands for.
type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// write puts a context into the data of a request.
func (f *data) write(r *http.Request, at *carrier, c *propagation.Context, from propagation.Caller) {
	if !at.json {
		r.URL.RawQuery = f.field.InjectQuery(r.URL.RawQuery, f.d.propagator, c, from)
		path, _, _ := strings.Cut(r.RequestURI, "?")
		if r.RequestURI = path; r.URL.RawQuery != "" {
			r.RequestURI += "?" + r.URL.RawQuery
		}
		f.count(dataWritten)
		return
	}
	body, err := f.field.InjectBody(nil, at.body, f.d.propagator, c, from)
	if err != nil {
		f.count(dataMalformed)
		return
	}
	r.Body = putBack{bytes.NewReader(body), r.Body}
	if len(r.Trailer) == 0 { // else the length stays open: trailers need that
		r.ContentLength, r.TransferEncoding = int64(len(body)), nil
		r.Header["Content-Length"] = []string{strconv.Itoa(len(body))}
	} else {
		r.ContentLength = -1
	}
	f.count(dataWritten)
}

// checkDataField says what is wrong with the name of a field.
func checkDataField(name string) error {
	if strings.ContainsAny(name, "\"\\&=") {
		return errors.New("the name of the data field has a quote, backslash, & or =, want a plain name such as zipkin_headers")
	}
	return nil
}

// with is a context from data, completed by that of the headers if they agree.
// The data count: the tracer of the service reads and writes them.
func with(c, headers propagation.Context) propagation.Context {
	if !c.HasIDs() {
		return headers
	}
	if headers.Trace != c.Trace {
		return c
	}
	c.Baggage = joinBaggage(c.Baggage, headers.Baggage)
	if c.State == "" {
		c.State = headers.State
	}
	if headers.IsNamed() && !c.IsNamed() {
		c.SetName(headers.Name())
	}
	if c.Sampling == propagation.Accept && headers.Sampling > propagation.Accept {
		c.Sampling = headers.Sampling
	}
	if headers.Span == c.Span {
		// Headers of formats that are not written may stay.
		c.Found |= headers.Found
		c.Others = headers.Others
	} else {
		c.Found = 0
	}
	return c
}
