# SPDX-License-Identifier: Apache-2.0
"""Plays a story with aiozipkin: the aiohttp service `shop` calls `stock`, which
asks a database and sends a message that `shop` takes.

Prints the story as one line of JSON when all spans have been sent.
"""
import argparse
import asyncio
import json

import aiohttp
import aiozipkin as az
from aiohttp import web

HOST = "127.0.0.1"
TEXT = 'καλημέρα 世界 🚀 " \\ \n'
FAULT = "sold out ünï"


class Story:
    def __init__(self):
        self.spans = []

    def tell(self, context, key, service, name, kind, parent="", **more):
        self.spans.append({
            "key": key, "parent": parent, "trace": context.trace_id, "id": context.span_id,
            "service": service, "name": name, "kind": kind, **more,
        })

    def tell_call(self, request, span, **server):
        """The two halves of a call that this server span is the inner one of."""
        name = f"GET {request.path}"
        root = "GET /broken" if request.path == "/fail" else "GET /cart"
        self.tell(span.context, "client " + name, "shop", "client " + name, az.CLIENT, root)
        self.tell(span.context, "server " + name, "stock", name, az.SERVER, "client " + name,
                  shared=True, remote={"ip": HOST}, **server)
        return "server " + name


async def service(zipkin, name, port, routes):
    endpoint = az.create_endpoint(name, ipv4=HOST, port=port)
    tracer = await az.create(zipkin, endpoint, sample_rate=1.0)
    app = web.Application()
    app.router.add_routes(routes(tracer, app))
    az.setup(app, tracer)  # closing the app sends what is left
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, HOST, port).start()
    return runner


def shop(story, stock_port):
    def routes(tracer, app):
        async def session(app):
            config = az.make_trace_config(tracer)
            async with aiohttp.ClientSession(trace_configs=[config]) as s:
                app["session"] = s
                yield
        app.cleanup_ctx.append(session)

        async def call(request, path):
            url = f"http://{HOST}:{stock_port}{path}"
            async with request.app["session"].get(url) as r:
                return await r.json() if r.status == 200 else {}

        def tell(request, status):
            name = f"GET {request.path}"
            story.tell(az.request_span(request).context, name, "shop", name, az.SERVER, remote={"ip": HOST},
                       tags={"http.path": request.path, "http.method": "GET", "http.status_code": str(status)})

        async def cart(request):
            tell(request, 200)
            message = await call(request, "/items/42")
            with tracer.new_child(az.make_context(message)) as span:
                span.name("take order")
                span.kind(az.CONSUMER)
                span.remote_endpoint("kafka", ipv4="10.1.2.4", port=9092)
            story.tell(span.context, "take", "shop", "take order", az.CONSUMER, "send",
                       remote={"service": "kafka", "ip": "10.1.2.4", "port": 9092})
            return web.json_response({})

        async def broken(request):
            tell(request, 502)
            await call(request, "/fail")
            return web.json_response({}, status=502)

        return [web.get("/cart", cart), web.get("/broken", broken)]
    return routes


def stock(story):
    def routes(tracer, app):
        async def item(request):
            span = az.request_span(request)
            span.annotate("cache.miss")
            span.tag("unicode", TEXT)
            here = story.tell_call(request, span, events=["cache.miss"],
                                   tags={"unicode": TEXT, "http.route": "/items/{id}", "http.status_code": "200"})
            with tracer.new_child(span.context) as db:
                db.name("select items")
                db.kind(az.CLIENT)
                db.remote_endpoint("mysql", ipv4="10.1.2.3", port=3306)
                db.tag("sql.query", "select * from items where name='O''Brien'")
            story.tell(db.context, "database", "stock", "select items", az.CLIENT, here,
                       remote={"service": "mysql", "ip": "10.1.2.3", "port": 3306},
                       tags={"sql.query": "select * from items where name='O''Brien'"})
            with tracer.new_child(span.context) as send:
                send.name("send order")
                send.kind(az.PRODUCER)
                send.remote_endpoint("kafka", ipv4="10.1.2.4", port=9092)
            story.tell(send.context, "send", "stock", "send order", az.PRODUCER, here,
                       remote={"service": "kafka", "ip": "10.1.2.4", "port": 9092})
            return web.json_response(send.context.make_headers())

        async def fail(request):
            story.tell_call(request, az.request_span(request), failed=True, error=FAULT)
            raise ValueError(FAULT)

        return [web.get("/items/{id}", item), web.get("/fail", fail)]
    return routes


async def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--zipkin", required=True, help="URL of POST /api/v2/spans")
    parser.add_argument("--shop-port", type=int, required=True)
    parser.add_argument("--stock-port", type=int, required=True)
    args = parser.parse_args()

    story = Story()
    runners = [
        await service(args.zipkin, "stock", args.stock_port, stock(story)),
        await service(args.zipkin, "shop", args.shop_port, shop(story, args.stock_port)),
    ]
    async with aiohttp.ClientSession() as user:
        for path, want in (("/cart", 200), ("/broken", 502)):
            async with user.get(f"http://{HOST}:{args.shop_port}{path}") as r:
                if r.status != want:
                    raise SystemExit(f"{path}: status {r.status}, want {want}")
    for runner in reversed(runners):
        await runner.cleanup()
    print(json.dumps({"client": "aiozipkin 1.1.1", "spans": story.spans}, ensure_ascii=False))


asyncio.run(main())
