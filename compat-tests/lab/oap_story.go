// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"context"
	"fmt"
	"net"
	"strconv"

	"github.com/spanbridge/spanbridge/compat-tests/story"
)

// Story asks for traces and returns their spans in the form that story.Diff
// compares.
func (o *OAP) Story(ctx context.Context, traces ...string) ([]story.Span, error) {
	var all []story.Span
	for _, id := range traces {
		spans, err := o.Trace(ctx, id)
		if err != nil {
			return nil, err
		}
		if len(spans) == 0 {
			return nil, fmt.Errorf("trace %s has no spans", id)
		}
		all = append(all, OAPStory(spans)...)
	}
	return all, nil
}

// OAPStory brings spans into the form that story.Diff compares. The parent of a
// segment's root is its first reference; all others are links.
func OAPStory(spans []OAPSpan) []story.Span {
	id := func(segment string, number int) string { return fmt.Sprintf("%s:%d", segment, number) }
	var out []story.Span
	for _, s := range spans {
		v := story.Span{
			Key: id(s.SegmentID, s.SpanID), Trace: s.TraceID, ID: id(s.SegmentID, s.SpanID),
			Service: s.Service, Name: s.Endpoint, Kind: kindOf(s), Failed: s.IsError, Tags: map[string]string{},
		}
		if s.ParentSpanID >= 0 {
			v.Parent = id(s.SegmentID, s.ParentSpanID)
		}
		for _, r := range s.Refs {
			if to := id(r.ParentSegmentID, r.ParentSpanID); v.Parent == "" {
				v.Parent = to
			} else {
				v.Links = append(v.Links, to)
			}
		}
		for _, t := range s.Tags {
			v.Tags[t.Key] = t.Value
		}
		for _, l := range s.Logs {
			fields := map[string]string{}
			for _, f := range l.Data {
				fields[f.Key] = f.Value
			}
			v.Events = append(v.Events, fields["event"])
			if v.Error == "" {
				v.Error = fields["message"]
			}
		}
		if s.Peer != "" {
			v.Remote = peer(s.Peer)
		}
		out = append(out, v)
	}
	return out
}

// kindOf reads the kind from the two things that SkyWalking has instead.
func kindOf(s OAPSpan) string {
	switch {
	case s.Type == "Entry" && s.Layer == "MQ":
		return story.Consumer
	case s.Type == "Exit" && s.Layer == "MQ":
		return story.Producer
	case s.Type == "Entry":
		return story.Server
	case s.Type == "Exit":
		return story.Client
	}
	return story.Local
}

// peer splits host:port. An address without a port is a host.
func peer(address string) *story.Endpoint {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		host = address
	}
	e := &story.Endpoint{}
	if net.ParseIP(host) != nil {
		e.IP = host
	} else {
		e.Service = host
	}
	e.Port, _ = strconv.Atoi(port)
	return e
}
