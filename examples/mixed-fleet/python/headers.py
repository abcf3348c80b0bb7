# SPDX-License-Identifier: Apache-2.0
"""Which headers of a request carry a trace."""

NAMES = ("b3", "sw8", "uber-trace-id", "traceparent", "tracestate", "baggage")
PREFIXES = ("x-b3-", "sw8-", "uberctx-", "jaeger-", "ot-", "x-ot-")


def tracing(headers):
    """The headers that tracers read, names in lower case. Headers are pairs."""
    found = {}
    for name, value in headers:
        name = name.lower()
        if name in NAMES or name.startswith(PREFIXES):
            found[name] = value.decode() if isinstance(value, bytes) else value
    return found
