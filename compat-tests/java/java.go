// SPDX-License-Identifier: Apache-2.0

// Package java runs tracing clients written in Java. Their sources are part of
// this package; all else comes through Maven.
package java

import (
	"embed"
	"io/fs"
	"testing"
	"time"

	"github.com/spanbridge/spanbridge/compat-tests/lab"
	"github.com/spanbridge/spanbridge/compat-tests/story"
)

//go:embed brave agent
var files embed.FS

// A JVM on a loaded machine needs long to start.
const limit = 2 * time.Minute

func sources(t testing.TB, folder string) fs.FS {
	t.Helper()
	f, err := fs.Sub(files, folder)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// BraveOptions choose among the forms that Brave can write.
type BraveOptions struct {
	Proto3  bool // protobuf, not JSON
	Shared  bool // a server span reuses the id of the client span
	Bits128 bool // trace ids of 128 bits, not 64
}

// Brave plays the story of Brave.java against a collector, the URL of POST
// /api/v2/spans, and returns when all has been sent.
func Brave(t testing.TB, collector string, o BraveOptions) story.Story {
	t.Helper()
	classpath := braveClasspath(t)
	pick := func(yes bool, a, b string) string {
		if yes {
			return a
		}
		return b
	}
	cmd := lab.JVM("64m", "-cp", classpath, "lab.Brave", collector,
		pick(o.Proto3, "PROTO3", "JSON"), pick(o.Shared, "shared", "separate"), pick(o.Bits128, "128", "64"))
	s, err := story.Parse(lab.Run(t, "brave", cmd, limit))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// braveClasspath is Brave, its senders and our programs.
func braveClasspath(t testing.TB) string {
	t.Helper()
	classpath := lab.Classpath(t, "brave",
		"io.zipkin.brave:brave:6.3.1",
		"io.zipkin.reporter2:zipkin-reporter-brave:3.5.1",
		"io.zipkin.reporter2:zipkin-sender-urlconnection:3.5.1",
		"io.zipkin.reporter2:zipkin-sender-okhttp3:3.5.1",
	)
	return lab.Classes(t, "brave", sources(t, "brave"), classpath) + ":" + classpath
}

// BraveLines starts a program that reports a span for each line, named by it. The
// sender is urlconnection or okhttp.
func BraveLines(t testing.TB, collector, sender string) (line func(string), end func()) {
	t.Helper()
	return lab.Lines(t, "brave-"+sender, lab.JVM("64m", "-cp", braveClasspath(t), "lab.BraveLines", collector, sender))
}
