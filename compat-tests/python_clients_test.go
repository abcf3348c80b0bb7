// SPDX-License-Identifier: Apache-2.0

package compat_test

import (
	"errors"
	"testing"

	"github.com/spanbridge/spanbridge/compat-tests/lab"
	"github.com/spanbridge/spanbridge/compat-tests/python"
)

func TestAiozipkin(t *testing.T) {
	r := lab.NewRecorder(t)
	awaitZipkin(t, r, python.Aiozipkin(t, r.URL+zipkinPath))
}

func TestSanicZipkin(t *testing.T) {
	r := lab.NewRecorder(t)
	s, err := python.SanicZipkin(t, r.URL+zipkinPath)
	if errors.Is(err, lab.ErrNoPython) {
		t.Log(err) // the one part that may be missing; its captured requests are replayed elsewhere
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	awaitZipkin(t, r, s)
}

func TestSkyWalkingPython(t *testing.T) {
	t.Run("grpc", func(t *testing.T) {
		r := lab.NewRecorder(t)
		awaitSegments(t, r, segmentPath, python.SkyWalking(t, r.Addr, "grpc"))
	})
	t.Run("http", func(t *testing.T) {
		r := lab.NewRecorder(t)
		awaitSegments(t, r, "/v3/segment", python.SkyWalking(t, r.Addr, "http"))
	})
}
