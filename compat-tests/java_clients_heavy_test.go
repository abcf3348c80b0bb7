// SPDX-License-Identifier: Apache-2.0

//go:build heavy

package compat_test

import (
	"fmt"
	"testing"

	"github.com/spanbridge/spanbridge/compat-tests/java"
	"github.com/spanbridge/spanbridge/compat-tests/lab"
)

func TestBrave(t *testing.T) {
	for _, o := range []java.BraveOptions{
		{}, {Shared: true, Bits128: true}, {Proto3: true, Shared: true}, {Proto3: true, Bits128: true},
	} {
		t.Run(fmt.Sprintf("%+v", o), func(t *testing.T) {
			r := lab.NewRecorder(t)
			awaitZipkin(t, r, java.Brave(t, r.URL+zipkinPath, o))
			if !hasEmptyPost(t, r) {
				t.Error("no post without spans, want the one of the second flush")
			}
		})
	}
}

func hasEmptyPost(t *testing.T, r *lab.Recorder) bool {
	t.Helper()
	for _, body := range r.Bodies(zipkinPath) {
		spans, err := zipkinSpans(body)
		if err != nil {
			t.Fatal(err)
		}
		if len(spans) == 0 {
			return true
		}
	}
	return false
}

func TestSkyWalkingJava(t *testing.T) {
	r := lab.NewRecorder(t)
	awaitSegments(t, r, segmentPath, java.SkyWalking(t, r.Addr))
}
