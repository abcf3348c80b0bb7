// SPDX-License-Identifier: Apache-2.0

package faultnet_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/spanbridge/spanbridge/internal/faultnet"
	"github.com/spanbridge/spanbridge/internal/rawgrpc"
)

func TestHTTPTarget(t *testing.T) {
	var taken atomic.Int64
	target, err := faultnet.NewHTTPTarget(http.StatusAccepted, func(r faultnet.Request) ([]byte, error) {
		if string(r.Body) == "bad" {
			return nil, &faultnet.Refusal{Why: "it is bad"}
		}
		taken.Add(1)
		return []byte("answered"), nil
	})
	if err != nil {
		t.Fatal(err)
	}
	defer target.Close()
	post := func(m faultnet.Manner, body string) (status int, answer string, took int64, err error) {
		target.Set(m)
		before := taken.Load()
		client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: limit}
		resp, err := client.Post("http://"+target.Addr()+"/x", "text/plain", strings.NewReader(body))
		if err != nil {
			return 0, "", taken.Load() - before, err
		}
		defer resp.Body.Close()
		p, err := io.ReadAll(resp.Body)
		return resp.StatusCode, string(p), taken.Load() - before, err
	}
	if s, a, n, err := post(faultnet.Manner{}, "x"); s != 202 || a != "answered" || n != 1 || err != nil {
		t.Errorf("right: %d %q, %d taken, %v", s, a, n, err)
	}
	if s, _, n, err := post(faultnet.Manner{Answer: faultnet.Wrong}, "x"); s != 503 || n != 0 || err != nil {
		t.Errorf("wrong: %d, %d taken, %v", s, n, err)
	}
	if s, _, n, err := post(faultnet.Manner{Answer: faultnet.Wrong, Status: 500, Taken: true}, "x"); s != 500 || n != 1 || err != nil {
		t.Errorf("wrong but taken: %d, %d taken, %v", s, n, err)
	}
	if s, a, n, err := post(faultnet.Manner{Answer: faultnet.Half}, "x"); s != 202 || a != "half" || n != 1 || !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("half: %d %q, %d taken, %v", s, a, n, err)
	}
	if s, a, n, err := post(faultnet.Manner{Answer: faultnet.Twice}, "x"); s != 202 || a != "answered" || n != 1 || err != nil {
		t.Errorf("twice: %d %q, %d taken, %v", s, a, n, err)
	}
	if s, a, _, err := post(faultnet.Manner{}, "bad"); s != 400 || !strings.Contains(a, "it is bad") || err != nil {
		t.Errorf("refused: %d %q, %v", s, a, err)
	}
	began := time.Now()
	if s, _, _, err := post(faultnet.Manner{Wait: 100 * time.Millisecond}, "x"); s != 202 || err != nil || time.Since(began) < 100*time.Millisecond {
		t.Errorf("slow: %d, %v, %v", s, err, time.Since(began))
	}
	target.Set(faultnet.Manner{Answer: faultnet.Silent})
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	req, _ := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+target.Addr(), http.NoBody)
	if resp, err := http.DefaultClient.Do(req); !errors.Is(err, context.DeadlineExceeded) {
		if err == nil {
			resp.Body.Close()
		}
		t.Errorf("silent: %v", err)
	}
}

func TestGRPCTarget(t *testing.T) {
	var taken atomic.Int64
	target, err := faultnet.NewGRPCTarget(func(r faultnet.Request) ([]byte, error) {
		if string(r.Body) == "bad" {
			return nil, &faultnet.Refusal{Why: "it is bad"}
		}
		taken.Add(1)
		return []byte(r.Name + r.Header("life")), nil
	})
	if err != nil {
		t.Fatal(err)
	}
	defer target.Close()
	conn, err := grpc.NewClient(target.Addr(), grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.ForceCodecV2(rawgrpc.Codec{})))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for _, x := range []struct {
		name   string
		manner faultnet.Manner
		body   string
		code   codes.Code
		taken  int64
	}{
		{"right", faultnet.Manner{}, "x", codes.OK, 1},
		{"refused", faultnet.Manner{}, "bad", codes.InvalidArgument, 0},
		{"wrong", faultnet.Manner{Answer: faultnet.Wrong}, "x", codes.Unavailable, 0},
		{"wrong but taken", faultnet.Manner{Answer: faultnet.Wrong, Code: codes.Aborted, Taken: true}, "x", codes.Aborted, 1},
		{"half", faultnet.Manner{Answer: faultnet.Half}, "x", codes.Unavailable, 1},
		{"twice", faultnet.Manner{Answer: faultnet.Twice}, "x", codes.Internal, 1},
		{"slow", faultnet.Manner{Wait: time.Millisecond}, "x", codes.OK, 1},
	} {
		target.Set(x.manner)
		before := taken.Load()
		var answer rawgrpc.Message
		ctx := metadata.AppendToOutgoingContext(t.Context(), "life", "7")
		err := conn.Invoke(ctx, "/a.B/C", rawgrpc.New([]byte(x.body)), &answer)
		if status.Code(err) != x.code || taken.Load()-before != x.taken {
			t.Errorf("%s: %v, %d taken", x.name, err, taken.Load()-before)
		}
		if err == nil && string(answer.Copy()) != "/a.B/C7" {
			t.Errorf("%s: answered %q", x.name, answer.Copy())
		}
		answer.Free()
	}
	target.Set(faultnet.Manner{Answer: faultnet.Silent})
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := conn.Invoke(ctx, "/a.B/C", rawgrpc.New([]byte("x")), &rawgrpc.Message{}); status.Code(err) != codes.DeadlineExceeded {
		t.Errorf("silent: %v", err)
	}
	// A stream, and one answer.
	target.Set(faultnet.Manner{})
	before := taken.Load()
	s, err := conn.NewStream(t.Context(), &grpc.StreamDesc{ClientStreams: true}, "/a.B/Stream")
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if err := s.SendMsg(rawgrpc.New([]byte("x"))); err != nil {
			t.Fatal(err)
		}
	}
	_ = s.CloseSend()
	var answer rawgrpc.Message
	if err := s.RecvMsg(&answer); err != nil || taken.Load()-before != 3 {
		t.Errorf("%v, %d of 3 taken", err, taken.Load()-before)
	}
	answer.Free()
}
