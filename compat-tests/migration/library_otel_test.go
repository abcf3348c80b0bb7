// SPDX-License-Identifier: Apache-2.0

package migration

import (
	"testing"

	bridge "github.com/spanbridge/spanbridge/propagation/otel"
	"go.opentelemetry.io/otel"
	headers "go.opentelemetry.io/otel/propagation"
	sdk "go.opentelemetry.io/otel/sdk/trace"
)

func TestLibraryOTel(t *testing.T) {
	otel.SetTextMapPropagator(bridge.New("billing"))
	ctx, span := sdk.NewTracerProvider().Tracer("x").Start(t.Context(), "x")
	defer span.End()
	out := make(headers.MapCarrier)
	otel.GetTextMapPropagator().Inject(ctx, out)
	if out["traceparent"] == "" || out["b3"] == "" || out["sw8"] == "" {
		t.Error(out)
	}
}
