# SPDX-License-Identifier: Apache-2.0
"""A small HTTP service under the SkyWalking agent. It runs until SIGTERM.

GET /order and /broken ask the other service for /stock and /fail. Each answer is
a JSON list of visits, the outermost first: where a request was handled and what
the agent made of it.
"""
import argparse
import json
import logging
import signal
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.error import HTTPError
from urllib.request import urlopen

from skywalking import agent, config
from skywalking.decorators import trace
from skywalking.trace.context import get_context
from skywalking.trace.tags import Tag

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--service", required=True)
parser.add_argument("--collector", required=True, help="HOST:PORT")
parser.add_argument("--protocol", choices=("grpc", "http"), required=True)
parser.add_argument("--port", type=int, required=True)
parser.add_argument("--other", help="URL of the service to call")
args = parser.parse_args()

config.init(agent_collector_backend_services=args.collector, agent_protocol=args.protocol,
            agent_name=args.service, agent_instance_name=args.service + "-1")
agent.start()


class Unicode(Tag):
    key = "unicode"


@trace(op="count")
def count():
    return {"name": "count", "span": get_context().active_span.sid}


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        context = get_context()
        context.active_span.tag(Unicode("世界 🚀"))
        visit = {
            "service": args.service, "path": self.path, "sw8": self.headers.get("sw8", ""),
            "trace": str(context.segment.related_traces[0]), "segment": str(context.segment.segment_id),
            "span": context.active_span.sid,
        }
        if self.path == "/order":
            self.answer(200, [visit] + ask("/stock"))
        elif self.path == "/broken":
            self.answer(502, [visit] + ask("/fail"))
        elif self.path == "/stock":
            visit["local"] = count()
            logging.getLogger("shelf").warning("few left")
            self.answer(200, [visit])
        else:
            self.answer(500, [visit])
            raise ValueError("sold out ünï")

    def answer(self, status, visits):
        body = json.dumps(visits).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def ask(path):
    try:
        with urlopen(args.other + path) as answer:
            return json.load(answer)
    except HTTPError as error:
        return json.load(error)


server = ThreadingHTTPServer(("127.0.0.1", args.port), Handler)
# shutdown waits for the loop that this handler interrupts.
signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
server.serve_forever()
