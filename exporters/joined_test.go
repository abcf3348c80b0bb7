// SPDX-License-Identifier: Apache-2.0

package exporters

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/spanbridge/spanbridge/internal/rawgrpc"
	"github.com/spanbridge/spanbridge/translate"
)

func joinedTarget(body string) translate.Target {
	t := grpcTarget("/t.S/stream")
	t.Joined = map[string]translate.Joined{"/t.S/stream": {Method: "/t.S/joined", Field: 3}}
	if body != "" {
		t.New = func(translate.EncoderOptions) translate.Encoder {
			return &longEncoder{encoder{method: "/t.S/stream"}, body}
		}
	}
	return t
}

// longEncoder writes the same long body for each span.
type longEncoder struct {
	encoder
	long string
}

func (e *longEncoder) Fork() translate.Encoder {
	return &longEncoder{encoder{method: e.method}, e.long}
}

func (e *longEncoder) Messages() []translate.Message {
	for i := range e.each {
		e.each[i].Body = []byte(e.long)
	}
	return e.each
}

// parts are the fields of a joined message.
func parts(t *testing.T, message string) (all []string) {
	p := []byte(message)
	for len(p) > 0 {
		number, kind, n := protowire.ConsumeTag(p)
		if n < 0 || number != 3 || kind != protowire.BytesType {
			t.Fatalf("field %d of type %d", number, kind)
		}
		v, m := protowire.ConsumeBytes(p[n:])
		if m < 0 {
			t.Fatal(protowire.ParseError(m))
		}
		all = append(all, string(v))
		p = p[n+m:]
	}
	return all
}

// The messages of a stream go out as one where the server has a method for that.
func TestJoined(t *testing.T) {
	s := &grpcServer{}
	e := open(t, joinedTarget(""), Settings{Endpoint: s.start(t)})
	if _, err := e.Consume(t.Context(), parcel(1, 2)); err != nil {
		t.Fatal(err)
	}
	message, ok := strings.CutPrefix(s.got[0], "/t.S/joined ")
	if got := parts(t, message); len(s.got) != 1 || !ok || fmt.Sprint(got) != "[0000000000000001 0000000000000002]" {
		t.Errorf("got %q", s.got)
	}
}

// A message is not longer than what servers take.
func TestJoinedLong(t *testing.T) {
	s := &grpcServer{}
	long := strings.Repeat("a", mostJoined/3)
	e := open(t, joinedTarget(long), Settings{Endpoint: s.start(t)})
	if _, err := e.Consume(t.Context(), parcel(1, 2, 3, 4)); err != nil {
		t.Fatal(err)
	}
	var got []int
	for _, call := range s.got {
		message, _ := strings.CutPrefix(call, "/t.S/joined ")
		all := parts(t, message)
		got = append(got, len(all))
		for _, body := range all {
			if body != long {
				t.Errorf("a body of %d bytes, want %d", len(body), len(long))
			}
		}
	}
	if !slices.Equal(got, []int{3, 1}) {
		t.Errorf("messages of %v parts, want 3 and 1", got)
	}
}

// A server that lacks the method gets streams, and is not asked for it again.
func TestNotJoined(t *testing.T) {
	var asked int
	s := &grpcServer{}
	streams := func(srv any, ss grpc.ServerStream, _ *grpc.StreamServerInfo, next grpc.StreamHandler) error {
		if method, _ := grpc.MethodFromServerStream(ss); method == "/t.S/joined" {
			asked++
			return status.Error(codes.Unimplemented, "unknown method joined for service t.S")
		}
		return next(srv, ss)
	}
	e := open(t, joinedTarget(""), Settings{Endpoint: s.start(t, grpc.StreamInterceptor(streams))})
	for range 2 {
		if _, err := e.Consume(t.Context(), parcel(1, 2)); err != nil {
			t.Fatal(err)
		}
	}
	want := "/t.S/stream 0000000000000001,0000000000000002"
	if asked != 1 || !slices.Equal(s.got, []string{want, want}) {
		t.Errorf("asked %d times for the method that is not there; got %q", asked, s.got)
	}
}

// NewJoined is what protobuf makes of the parts.
func TestNewJoined(t *testing.T) {
	m := rawgrpc.NewJoined(3, [][]byte{[]byte("a"), nil, []byte(strings.Repeat("b", 300))})
	if got := parts(t, string(m.Copy())); !slices.Equal(got, []string{"a", "", strings.Repeat("b", 300)}) {
		t.Errorf("got %q", got)
	}
	m.Free()
}
