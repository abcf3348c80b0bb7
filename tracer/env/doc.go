// SPDX-License-Identifier: Apache-2.0

// Package env makes a tracer by the environment names of Jaeger's clients, so
// that a service which is deployed with them needs no other setting:
//
//	tracer, closer, err := env.NewTracer("shop")
//
// In go environment variables, out comes a Tracer that reports to Jaeger's agent
// or collector, or to a bridge in their place. The names mean what they mean to
// jaeger-client-go, but for these: ids have 128 bits unless JAEGER_TRACEID_128BIT
// says no; a sampler that needs a parameter must be given one; until the remote
// sampler has its first answer, 1 trace in 1000 is sampled when JAEGER_SAMPLER_PARAM
// does not say otherwise; and durations may be plain numbers of milliseconds, as
// Jaeger's other clients have them.
//
//	JAEGER_SERVICE_NAME               the service
//	JAEGER_DISABLED                   true: no tracing at all
//	JAEGER_TAGS                       process tags: a=1,b=${HOSTNAME:none}
//	JAEGER_TRACEID_128BIT             false: new trace ids of 64 bits
//	JAEGER_SAMPLER_TYPE               const, probabilistic, ratelimiting or remote
//	JAEGER_SAMPLER_PARAM              0 or 1; a rate from 0 to 1; traces a second
//	JAEGER_SAMPLING_ENDPOINT          URL of the remote sampler's server
//	JAEGER_SAMPLER_MANAGER_HOST_PORT  the same in its older form, or host:port
//	JAEGER_SAMPLER_REFRESH_INTERVAL   how often the server is asked
//	JAEGER_SAMPLER_MAX_OPERATIONS     operations with a lower bound of their own
//	JAEGER_REPORTER_LOG_SPANS         true: a log line for each span as well
//	JAEGER_REPORTER_MAX_QUEUE_SIZE    spans that wait at most
//	JAEGER_REPORTER_FLUSH_INTERVAL    how long a span waits for others
//	JAEGER_REPORTER_ATTEMPT_RECONNECTING_DISABLED, …_RECONNECT_INTERVAL
//	                                  whether, and how often, the agent's name is looked up again
//	JAEGER_ENDPOINT                   URL of a collector, instead of an agent
//	JAEGER_USER, JAEGER_PASSWORD      for the collector
//	JAEGER_AGENT_HOST, …_PORT         the agent; localhost and 6831 by default
//
// Which headers are written is in BRIDGE_PROPAGATION, a list such as b3,sw8,w3c,
// or none; else in JAEGER_PROPAGATION, which Jaeger's Java client has; else in
// OTEL_PROPAGATORS, whose names that mean nothing here are left aside; else
// propagation.New's. Those formats are also preferred when a request's headers
// disagree. All formats are read in any case.
package env
