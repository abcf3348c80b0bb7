// SPDX-License-Identifier: Apache-2.0

package jaeger

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/spanbridge/spanbridge/translate"
)

// What routes, ports and targets name must be there.
func TestProtocolIsWhole(t *testing.T) {
	t.Parallel()
	p := New(nil)
	ports, formats := map[string]translate.Network{}, map[string]bool{}
	for _, one := range p.Ports {
		ports[one.Name] = one.Network
	}
	for _, one := range p.Formats {
		formats[one.Name] = one.Decode != nil
	}
	for _, r := range p.HTTP {
		if ports[r.Port] != translate.HTTP || (r.Format == nil) == (r.Respond == nil) || (r.Format == nil) != (r.Answer == nil) {
			t.Errorf("route %s", r.Path)
		}
	}
	for _, r := range p.GRPC {
		if ports[r.Port] != translate.GRPC || (r.Format == "") == (r.Respond == nil) || r.Format != "" && !formats[r.Format] {
			t.Errorf("method %s", r.Method)
		}
	}
	for _, r := range p.UDP {
		if !formats[r.Format] {
			t.Errorf("datagram %s", r.Method)
		}
	}
	for _, target := range p.Targets {
		if target.New(translate.EncoderOptions{}) == nil || !target.UniqueIDs {
			t.Errorf("target %s", target.Kind)
		}
	}
}

// Datagrams of every kind find their decoder.
func TestDatagramMethod(t *testing.T) {
	t.Parallel()
	for _, name := range sampleFiles(t, "jaeger-client-go/*-udp*.bin") {
		if method, err := translate.DatagramMethod(sample(t, name)); err != nil || method != New(nil).UDP[0].Method {
			t.Errorf("%s calls %q, %v", name, method, err)
		}
	}
}

// Row 27 of the checklist, and what the collector has no words for.
func TestRow27Answers(t *testing.T) {
	t.Parallel()
	route := New(nil).HTTP[0]
	f := func(media, want string) {
		t.Helper()
		if got := route.Format(media); got != want {
			t.Errorf("%q is %q, want %q", media, got, want)
		}
	}
	f("application/x-thrift", formatThrift)
	f("application/vnd.apache.thrift.binary", formatThrift)
	f("application/vnd.apache.thrift.compact", "")
	f("application/json", "")
	f("", "")

	g := func(o translate.Outcome, status int, body string) {
		t.Helper()
		want := translate.Reply{Status: status}
		if body != "" {
			want.Media, want.Body = "text/plain; charset=utf-8", []byte(body+"\n")
		}
		if d := cmp.Diff(want, route.Answer(o)); d != "" {
			t.Errorf("-want +got:\n%s", d)
		}
	}
	bad := errors.New("jaeger thrift: what")
	g(translate.Outcome{}, 202, "")
	g(translate.Outcome{Verdict: translate.BadBody, Err: bad}, 400, "Unable to process request body: jaeger thrift: what")
	g(translate.Outcome{Verdict: translate.WrongMedia, Err: bad}, 400, "Cannot parse content type: mime: no media type")
	g(translate.Outcome{Verdict: translate.WrongMedia, Media: "a/b", Err: bad}, 400, "Unsupported content type: a/b")
	g(translate.Outcome{Verdict: translate.WrongMedia, Media: "application/x-thrift", Err: errors.New("encoding br")}, 400, "encoding br")
	g(translate.Outcome{Verdict: translate.TooLarge, Err: errors.New("too large")}, 413, "too large")
	g(translate.Outcome{Verdict: translate.Busy, Err: errors.New("busy")}, 503, "Cannot submit Jaeger batch: busy")

	h := func(o translate.Outcome, code translate.Code, message string) {
		t.Helper()
		if d := cmp.Diff(translate.GRPCReply{Code: code, Message: message}, New(nil).GRPC[0].Answer(o)); d != "" {
			t.Errorf("-want +got:\n%s", d)
		}
	}
	h(translate.Outcome{}, translate.OK, "")
	h(translate.Outcome{Verdict: translate.BadBody, Err: bad}, translate.InvalidArgument, "jaeger thrift: what")
	h(translate.Outcome{Verdict: translate.TooLarge, Err: bad}, translate.InvalidArgument, "jaeger thrift: what")
	h(translate.Outcome{Verdict: translate.Busy, Err: bad}, translate.ResourceExhausted, "jaeger thrift: what")
}
