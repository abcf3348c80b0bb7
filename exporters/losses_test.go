// SPDX-License-Identifier: Apache-2.0

package exporters

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/spanbridge/spanbridge/internal/metrics"
)

// What could not be carried counts once, when the target has taken it.
func TestLosses(t *testing.T) {
	t.Parallel()
	status := http.StatusServiceUnavailable
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }))
	defer server.Close()
	set := metrics.New(prometheus.NewRegistry())
	e := open(t, httpTarget(), Settings{Endpoint: server.URL, Metrics: set})
	f := func(want float64, fails bool) {
		t.Helper()
		_, err := e.Consume(t.Context(), parcel(7, 8, 7))
		got := testutil.ToFloat64(set.LostFields.WithLabelValues("zipkin", "t", "kind"))
		if got != want || (err != nil) != fails {
			t.Errorf("%v lost, %v; want %v", got, err, want)
		}
	}
	f(0, true)
	status = http.StatusAccepted
	f(2, false)
	f(4, false)
}
