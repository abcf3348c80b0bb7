// SPDX-License-Identifier: Apache-2.0

package otlp

import (
	"bytes"
	"math"
	"strings"
	"testing"

	"github.com/spanbridge/spanbridge/translate/wire"
)

// An attribute of which the sizes are known beforehand is written as any other.
func TestIntAttrOfKnownSize(t *testing.T) {
	t.Parallel()
	for _, key := range []string{"", "a", "network.peer.port", strings.Repeat("k", 110), strings.Repeat("k", 120), strings.Repeat("k", 200)} {
		for _, v := range []int64{0, 1, 127, 128, 16383, 16384, math.MaxInt64, -1, math.MinInt64} {
			d, kv, value := openAttr([]byte("x"), fieldAttribute, key)
			want := closeAttr(wire.AppendVarintAlways(d, anyInt, uint64(v)), kv, value)
			if got := appendIntAttr([]byte("x"), fieldAttribute, key, v); !bytes.Equal(got, want) {
				t.Errorf("%d under %q:\n%x, want\n%x", v, key, got, want)
			}
		}
	}
}

// Every key that is made of an end is one that says something of an end, which
// foreignWriter.named relies on.
func TestMadeKeysAreTold(t *testing.T) {
	t.Parallel()
	for _, key := range []string{
		"peer.service", peerKeys.addr, peerKeys.second, peerKeys.port, localKeys.addr, localKeys.second, localKeys.port,
	} {
		if !isTold(key) {
			t.Error(key)
		}
	}
}
