# SPDX-License-Identifier: Apache-2.0
"""One of the two services of a story with sanic_zipkin: `shop` calls `stock` when
it is asked for /, by POST and by GET.

Runs until SIGTERM, sends what is left and prints its part of the story as one
line of JSON. The keys are the span ids, so that the two parts can be put together.
"""
import argparse
import json

from sanic import Sanic, response
from sanic_zipkin import SanicZipkin, logger, sz_rpc

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--service", required=True)
parser.add_argument("--zipkin", required=True, help="URL of POST /api/v2/spans")
parser.add_argument("--port", type=int, required=True)
parser.add_argument("--other", help="URL of the service to call")
args = parser.parse_args()

app = Sanic(args.service)
zipkin = SanicZipkin(app, service=args.service, zipkin_address=args.zipkin, host="127.0.0.1", port=args.port)
spans = []
tracers = []


def tell(context, name, kind="", **tags):
    """Notes the innermost span. The plug-in marks what a user asks for as CLIENT."""
    tracers[:] = [context.tracer]
    c = context.span[-1].context
    spans.append({"key": c.span_id, "parent": c.parent_id or "", "trace": c.trace_id, "id": c.span_id,
                  "service": args.service, "name": name, "kind": kind, "tags": tags})


@logger(type="method", category="demo", detail="counts ü", description="counts what is left")
async def count(context, data):
    tell(context, "count", fun_name="count", detail="counts ü", description="counts what is left")
    return data


@logger()
async def fail(context, data):
    "fails"
    # The span has ended before this runs, so that no error reaches it.
    tell(context, "fail", fun_name="fail", description="fails")
    raise ValueError("sold out é")


@zipkin.route("/")
async def root(request, context):
    tell(context, "GET /", "CLIENT", **{"http.method": "GET", "http.path": "/"})
    await count(context, {"k": "v"})
    try:
        await fail(context, 1)
    except ValueError:
        pass
    for method in ("POST", "GET"):
        answer = await sz_rpc(context, args.other + "/items", {"x": 1}, method=method)
        if answer.status != 200:
            return response.json({"status": answer.status}, status=502)
    return response.json({})


@zipkin.route("/items", methods=["GET", "POST"])
async def items(request, context):
    tell(context, request.method + " /items", "SERVER", **{"http.method": request.method, "http.path": "/items"})
    await count(context, 2)
    return response.json({})


@app.listener("after_server_stop")
async def end(app, loop):
    for tracer in tracers:
        await tracer.close()
    print(json.dumps({"client": "sanic_zipkin 0.1.2", "spans": spans}), flush=True)


app.run(host="127.0.0.1", port=args.port, access_log=False)
