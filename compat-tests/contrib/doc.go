// SPDX-License-Identifier: Apache-2.0

// Package contrib lets the gateway talk to the translators of OpenTelemetry's
// Collector (opentelemetry-collector-contrib, pkg/translator/zipkin and
// pkg/translator/jaeger, which are what its receivers and exporters are made
// of). It is a module of its own, so that they are dependencies of nothing else.
//
//	go test -tags heavy .
//
// gives what the gateway writes to their readers, which must refuse nothing and
// find status, parents, links, tracestate and events, and what they write to the
// gateway. The gateway is $BRIDGE_BINARY, or built from the sources around.
package contrib
