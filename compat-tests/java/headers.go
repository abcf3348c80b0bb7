// SPDX-License-Identifier: Apache-2.0

package java

import (
	"embed"
	"io/fs"
	"strings"
	"testing"

	"github.com/spanbridge/spanbridge/compat-tests/lab"
)

//go:embed headers
var headersFiles embed.FS

// Headers runs Headers.java over what package headers gives it.
func Headers(t testing.TB, samples string) string {
	t.Helper()
	source, err := fs.Sub(headersFiles, "headers")
	if err != nil {
		t.Fatal(err)
	}
	classpath := lab.Jar(t, "org.apache.skywalking:apm-agent:9.4.0") + ":" + lab.Classpath(t, "brave",
		"io.zipkin.brave:brave:6.3.1",
		"io.zipkin.reporter2:zipkin-reporter-brave:3.5.1",
		"io.zipkin.reporter2:zipkin-sender-urlconnection:3.5.1",
	)
	classes := lab.Classes(t, "headers", source, classpath)
	cmd := lab.JVM("64m", "-cp", classes+":"+classpath, "org.apache.skywalking.apm.agent.core.context.Headers")
	cmd.Stdin = strings.NewReader(samples)
	return lab.Run(t, "headers", cmd, limit)
}
