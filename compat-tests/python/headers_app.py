# SPDX-License-Identifier: Apache-2.0
"""Reads headers with aiozipkin and with the SkyWalking agent, and writes some.

Standard input has lines "sample NUMBER" and below each "KEY VALUE" for its
headers. Standard output has "reading NUMBER PARSER" and below "FIELD VALUE", and
"writing LIBRARY CASE" and below "FIELD VALUE" for what the library knows and
"header KEY VALUE" for what it wrote. All but the first words is in base64.
"""

import base64
import queue
import sys

from aiozipkin import helpers
from multidict import CIMultiDict
from skywalking import config

config.agent_name = "py-order"
config.agent_instance_name = "py-order-1"
config.agent_profile_active = False
config.finalize()

# ruff: noqa: E402: the agent reads its settings when it is imported.
from skywalking.agent import agent
from skywalking.trace.carrier import Carrier
from skywalking.trace.context import NoopContext, SpanContext
from skywalking.trace.span import NoopSpan

# The agent asks whether its queue is full before it makes a span. It is not
# started here: nothing is to be reported.
agent._SkyWalkingAgent__segment_queue = queue.Queue(1000)


def text(value):
    return base64.b64encode(str(value).encode()).decode()


def say(kind, first, second, fields, headers=()):
    print(kind, text(first), text(second))
    for name, value in fields.items():
        if value is not None and value != "":
            print(name, text(value))
    for key, value in headers:
        print("header", text(key), text(value))


def samples(lines):
    headers = number = None
    for line in lines:
        key, _, value = line.strip().partition(" ")
        if key == "sample":
            if number is not None:
                yield number, headers
            number, headers = value, CIMultiDict()
        elif key:
            headers[base64.b64decode(key).decode()] = base64.b64decode(value).decode()
    if number is not None:
        yield number, headers


def of_zipkin(context):
    if context is None:
        return {}
    return {
        "Trace": context.trace_id,
        "Span": context.span_id,
        "Parent": context.parent_id,
        "Sampling": "debug" if context.debug else {None: "defer", True: "accept", False: "deny"}[context.sampled],
    }


def read_zipkin(headers, *prefixes):
    some = {k: v for k, v in headers.items() if k.lower().startswith(prefixes)}
    return of_zipkin(helpers.make_context(some))


def read_skywalking(headers):
    carrier = Carrier()
    for item in carrier:  # as the agent's plugins do
        value = headers.get(item.key)
        if value:
            item.val = value
    span = SpanContext().new_entry_span("/orders", carrier=carrier)
    if isinstance(span, NoopSpan):
        return {"Fault": "the agent traces nothing below it"}
    if not span.refs:
        return {}
    ref = span.refs[0]
    fields = {
        "Name": ref.trace_id,
        "Segment": ref.segment_id,
        "Number": ref.span_id,
        "Service": ref.service,
        "Instance": ref.service_instance,
        "Endpoint": ref.endpoint,
        "Address": ref.client_address,
    }
    for key, value in span.context._correlation.items():
        fields["Baggage." + text(key)] = value
    return fields


def faults(read, *args):
    try:
        return read(*args)
    except Exception as e:
        return {"Fault": repr(e)}


def write_zipkin():
    trace, span, parent = "463ac35c9f6413ad48485a3953bb6124", "00f067aa0ba902b7", "48485a3953bb6124"
    for ids in (trace, span, parent), (trace, span, None), (trace[16:], span, parent):
        for sampled, debug in (True, False), (False, False), (True, True):
            context = helpers.TraceContext(
                trace_id=ids[0], span_id=ids[1], parent_id=ids[2], sampled=sampled, debug=debug, shared=False
            )
            case = f"{len(ids[0])} digits, parent {ids[2]}, sampled {sampled}, debug {debug}"
            fields = of_zipkin(context)
            say("writing", "aiozipkin b3", case, fields, context.make_single_header().items())
            if debug:  # it always writes X-B3-Flags: 0
                fields["Sampling"] = "accept"
            say("writing", "aiozipkin X-B3", case, fields, context.make_headers().items())


def write_skywalking():
    def call(context, case):
        with context.new_exit_span("/bills/世界", peer="billing:8080") as span:
            carrier = span.inject()
            fields = {
                "Name": carrier.trace_id,
                "Segment": carrier.segment_id,
                "Number": carrier.span_id,
                "Service": carrier.service,
                "Instance": carrier.service_instance,
                "Endpoint": carrier.endpoint,
                "Address": carrier.client_address,
                "Sampling": "accept",
            }
            for key, value in context._correlation.items():
                fields["Baggage." + text(key)] = value
            say("writing", "apache-skywalking", case, fields, [(i.key, i.val) for i in carrier])

    call(SpanContext(), "root")
    context = SpanContext()
    with context.new_entry_span("/orders"):
        context.put_correlation("user", "Jürgen 世界")
        context.put_correlation("tier", "gold")
        with context.new_local_span("work"):
            call(context, "below an entry")
    carrier = NoopContext().new_exit_span("/bills", "billing:8080").inject()
    say("writing", "apache-skywalking", "not traced", {}, [(i.key, i.val) for i in carrier])


def main():
    for number, headers in samples(sys.stdin):
        say("reading", number, "aiozipkin b3", faults(read_zipkin, headers, "b3"))
        say("reading", number, "aiozipkin X-B3", faults(read_zipkin, headers, "x-b3-"))
        say("reading", number, "apache-skywalking", faults(read_skywalking, headers))
    write_zipkin()
    write_skywalking()


main()
