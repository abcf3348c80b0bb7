// SPDX-License-Identifier: Apache-2.0

// Package visit turns what two services under a SkyWalking agent report about
// themselves into a story. The services are the same program in any language:
//
//	GET /order   asks the other service for /stock
//	GET /broken  asks the other service for /fail, and fails too
//
// and answer with a JSON list of visits, the outermost first.
package visit

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/spanbridge/spanbridge/compat-tests/story"
)

// Visit is one handled request.
type Visit struct {
	Service string `json:"service"`
	Path    string `json:"path"`
	SW8     string `json:"sw8"` // header of the request
	Trace   string `json:"trace"`
	Segment string `json:"segment"`
	Span    int    `json:"span"` // number of the entry span

	Local *struct {
		Name string `json:"name"`
		Span int    `json:"span"`
	} `json:"local"` // a span inside, if there was one
}

// Form says what an agent makes of a request.
type Form struct {
	Client    string                   // library and version
	EntryName func(path string) string // name of an entry span
	EntryTags func(path string, status int) map[string]string
	Message   bool // whether an error has its message in a field of its own
}

// Fault is what the services fail with.
const Fault = "sold out ünï"

// Play asks the service at url for /order and /broken and tells what its agent
// and the one of the other service made of it.
func Play(ctx context.Context, url string, f Form) (story.Story, error) {
	s := story.Story{Client: f.Client}
	for _, path := range []string{"/order", "/broken"} {
		visits, err := ask(ctx, url+path)
		if err != nil {
			return story.Story{}, err
		}
		spans, err := f.spans(visits)
		if err != nil {
			return story.Story{}, fmt.Errorf("%s: %w", path, err)
		}
		s.Spans = append(s.Spans, spans...)
	}
	return s, nil
}

func ask(ctx context.Context, url string) ([]Visit, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return nil, err
	}
	var visits []Visit
	if err := json.Unmarshal(body, &visits); err != nil {
		return nil, fmt.Errorf("%s: status %d: %w in %.300q", url, res.StatusCode, err, body)
	}
	if len(visits) != 2 {
		return nil, fmt.Errorf("%s: %d visits, want 2", url, len(visits))
	}
	return visits, nil
}

func (f Form) spans(visits []Visit) ([]story.Span, error) {
	outer, inner := visits[0], visits[1]
	from, err := parse(inner.SW8)
	if err != nil {
		return nil, err
	}
	if from.trace != inner.Trace || from.segment != outer.Segment || from.service != outer.Service {
		return nil, fmt.Errorf("sw8 %+v of the inner request, want the trace %q, segment %q and service %q of the outer", from, inner.Trace, outer.Segment, outer.Service)
	}
	entry := f.entry(outer, "")
	exit := story.Span{
		Key: "exit " + inner.Path, Parent: entry.Key, Trace: from.trace, ID: fmt.Sprintf("%s:%s", from.segment, from.number),
		Service: outer.Service, Name: inner.Path, Kind: story.Client, Failed: inner.failed(),
		Remote: from.address, Tags: map[string]string{"http.method": "GET"},
	}
	spans := []story.Span{entry, exit, f.entry(inner, exit.Key)}
	if l := inner.Local; l != nil {
		spans = append(spans, story.Span{
			Key: "local " + inner.Path, Parent: "entry " + inner.Path, Trace: inner.Trace,
			ID: fmt.Sprintf("%s:%d", inner.Segment, l.Span), Service: inner.Service, Name: l.Name, Kind: story.Local,
		})
	}
	return spans, nil
}

func (f Form) entry(v Visit, parent string) story.Span {
	s := story.Span{
		Key: "entry " + v.Path, Parent: parent, Trace: v.Trace, ID: fmt.Sprintf("%s:%d", v.Segment, v.Span),
		Service: v.Service, Name: f.EntryName(v.Path), Kind: story.Server, Failed: v.failed(),
		Tags: f.EntryTags(v.Path, v.status()),
	}
	if v.Path == "/fail" && f.Message {
		s.Error, s.Events = Fault, []string{"error"}
	}
	return s
}

func (v Visit) failed() bool { return v.status() >= 400 }

func (v Visit) status() int {
	switch v.Path {
	case "/broken":
		return http.StatusBadGateway
	case "/fail":
		return http.StatusInternalServerError
	}
	return http.StatusOK
}

// origin is what a sw8 header says about the caller.
type origin struct {
	trace, segment, number, service string
	address                         *story.Endpoint
}

func parse(header string) (origin, error) {
	fields := strings.Split(header, "-")
	if len(fields) != 8 {
		return origin{}, fmt.Errorf("sw8 %q has %d fields, want 8", header, len(fields))
	}
	text := map[int]string{}
	for _, i := range []int{1, 2, 4, 7} {
		b, err := base64.StdEncoding.DecodeString(fields[i])
		if err != nil {
			return origin{}, fmt.Errorf("sw8 %q: field %d: %w", header, i, err)
		}
		text[i] = string(b)
	}
	host, port, _ := strings.Cut(text[7], ":")
	o := origin{trace: text[1], segment: text[2], number: fields[3], service: text[4], address: &story.Endpoint{IP: host}}
	if _, err := fmt.Sscan(port, &o.address.Port); err != nil {
		return origin{}, fmt.Errorf("sw8 %q: address %q, want host:port", header, text[7])
	}
	return o, nil
}
