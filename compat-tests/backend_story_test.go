// SPDX-License-Identifier: Apache-2.0

//go:build heavy

package compat_test

import (
	"maps"
	"slices"
	"strings"

	"github.com/spanbridge/spanbridge/compat-tests/story"
)

// change applies f to every span of a story.
func change(s story.Story, f func(*story.Span)) story.Story {
	out := s
	out.Spans = slices.Clone(s.Spans)
	for i := range out.Spans {
		f(&out.Spans[i])
	}
	return out
}

// atJaeger is a story as Jaeger shows what it got as protobuf of its own: it
// takes a status of 500 and above for a failure even when nobody says so.
func atJaeger(s story.Story) story.Story {
	return change(s, func(sp *story.Span) {
		if code := sp.Tags["http.status_code"]; strings.HasPrefix(code, "5") {
			sp.Failed = true
		}
	})
}

// jaegerOptions: Jaeger has no endpoints.
func jaegerOptions() story.Options {
	return story.Options{FoldCase: true, IgnoreIDs: true, NoRemote: true}
}

// atOAP is a story as OAP shows it: what follows from a span is its child; a
// call to nobody knows whom is local; endpoints are called METHOD:path; the peer
// is one text.
func atOAP(s story.Story) story.Story {
	native := isSkyWalking(s)
	return change(s, func(sp *story.Span) {
		if native {
			return
		}
		if strings.HasPrefix(s.Client, "jaeger-client-go") && sp.Parent == "" && len(sp.Links) > 0 {
			sp.Parent = sp.Links[0]
		}
		sp.Tags = renamed(sp.Tags)
		peer := sp.Tags["peer.service"]
		if sp.Kind == story.Client && sp.Remote == nil && peer == "" {
			sp.Kind = story.Local
		}
		delete(sp.Tags, "peer.service")
		if sp.Kind == story.Server {
			sp.Name = endpoint(sp)
		}
		sp.Remote = nil
	})
}

// renamed gives tags the names that OAP knows. The instance has a field of its
// own there.
func renamed(tags map[string]string) map[string]string {
	out := maps.Clone(tags)
	for from, to := range map[string]string{"http.request.method": "http.method", "sql.query": "db.statement", "service.instance.id": "", "message_bus.destination": "mq.topic"} {
		v, ok := out[from]
		delete(out, from)
		if ok && to != "" {
			out[to] = v
		}
	}
	return out
}

// endpoint is the name of a server span at OAP: METHOD:path with ids masked,
// where the client told of HTTP.
func endpoint(sp *story.Span) string {
	switch sp.Service {
	case "brave-stock", "otel-stock", "jaeger-shop", "jaeger-stock":
		return sp.Name // no word of HTTP in their tags
	case "go-stock":
		return sp.Name + ":" + sp.Tags["http.path"]
	}
	method, path, ok := strings.Cut(sp.Name, " ")
	if !ok {
		return sp.Name
	}
	return method + ":" + strings.Replace(path, "/42", "/{id}", 1)
}

func oapOptions() story.Options {
	return story.Options{FoldCase: true, IgnoreIDs: true, NoLinks: true}
}

func isSkyWalking(s story.Story) bool {
	return strings.HasPrefix(s.Client, "go2sky") || strings.HasPrefix(s.Client, "apache-skywalking") || strings.HasPrefix(s.Client, "skywalking")
}
