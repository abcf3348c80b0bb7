// SPDX-License-Identifier: Apache-2.0

package migration

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/SkyAPM/go2sky"
	"github.com/SkyAPM/go2sky/reporter"
	"github.com/spanbridge/spanbridge/propagation"
	bridge "github.com/spanbridge/spanbridge/propagation/go2sky"
)

func TestLibraryGo2sky(t *testing.T) {
	r := httptest.NewRequest(http.MethodGet, "/bills", nil)
	r.Header.Set("b3", "463ac35c9f6413ad48485a3953bb6124-00f067aa0ba902b7-1")
	out := make(http.Header)
	log, err := reporter.NewLogReporter()
	check(t, err)
	tracer, err := go2sky.NewTracer("billing", go2sky.WithReporter(log))
	check(t, err)
	check(t, bills(t.Context(), tracer, r, out))
	if out.Get("sw8") == "" || out.Get("traceparent")[3:35] != "463ac35c9f6413ad48485a3953bb6124" {
		t.Error(out)
	}
}

func bills(ctx context.Context, tracer *go2sky.Tracer, r *http.Request, out http.Header) error {
	codec := bridge.New()
	ctx, extract := codec.Entry(ctx, propagation.HTTP(r.Header))
	span, ctx, err := tracer.CreateEntrySpan(ctx, "/bills", extract)
	if err != nil {
		return err
	}
	defer span.End()
	exit, err := tracer.CreateExitSpan(ctx, "/ledger", "ledger:8080", codec.Exit(ctx, propagation.HTTP(out)))
	if err != nil {
		return err
	}
	exit.End()
	return nil
}
