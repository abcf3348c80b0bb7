# SPDX-License-Identifier: Apache-2.0
"""edge: an aiohttp service that aiozipkin traces. It knows B3 and nothing else.

GET /edge?order=ID asks the next service and answers what that answered, with its
own visit in front. It runs until SIGTERM.
"""
import argparse
import logging

import aiohttp
import aiozipkin as az
from aiohttp import web

from headers import tracing


async def build(args):
    host, port = args.listen.rsplit(":", 1)
    endpoint = az.create_endpoint("edge", ipv4=host, port=int(port))
    tracer = await az.create(args.zipkin, endpoint, sample_rate=1.0, send_interval=0.5)

    async def edge(request):
        here = az.request_span(request)
        with tracer.new_child(here.context) as work:
            work.name("read session")
            work.tag("session.order", request.query["order"])
        # The library hands on no decision against sampling unless it is given
        # the context.
        context = {"span_context": here.context}
        async with request.app["session"].get(
                f"{args.next}?order={request.query['order']}", proxy=args.proxy, trace_request_ctx=context) as answer:
            if answer.status != 200:
                raise web.HTTPBadGateway(text=f"{args.next}: {answer.status} {await answer.text()}")
            later = await answer.json()
        return web.json_response([{
            "service": "edge", "trace": here.context.trace_id, "sampled": bool(here.context.sampled),
            "headers": tracing(request.headers.items()),
        }, *later])

    async def session(app):
        async with aiohttp.ClientSession(trace_configs=[az.make_trace_config(tracer)]) as client:
            app["session"] = client
            yield

    app = web.Application()
    app.cleanup_ctx.append(session)
    app.router.add_get("/edge", edge)
    az.setup(app, tracer)  # closing the app sends what is left
    return app


parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--listen", required=True, help="HOST:PORT")
parser.add_argument("--next", required=True, help="URL of the next service")
parser.add_argument("--proxy", help="URL of the forward proxy that what it sends goes through")
parser.add_argument("--zipkin", required=True, help="URL of POST /api/v2/spans")
args = parser.parse_args()
logging.basicConfig(level=logging.INFO)
host, port = args.listen.rsplit(":", 1)
web.run_app(build(args), host=host, port=int(port), access_log=None, print=None)
