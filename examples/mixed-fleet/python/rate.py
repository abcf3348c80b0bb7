# SPDX-License-Identifier: Apache-2.0
"""rate: a service of http.server and urllib that the SkyWalking agent for Python
traces. It knows sw8 and nothing else.

GET /rate?order=ID asks the next service and answers what that answered, with its
own visit in front. It runs until SIGTERM.
"""
import argparse
import json
import signal
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit
from urllib.request import urlopen

from skywalking import agent, config
from skywalking.decorators import trace
from skywalking.trace.context import get_context
from skywalking.trace.tags import Tag

from headers import tracing

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--listen", required=True, help="HOST:PORT")
parser.add_argument("--next", required=True, help="URL of the next service")
parser.add_argument("--skywalking", required=True, help="HOST:PORT of the collector")
args = parser.parse_args()

config.init(agent_collector_backend_services=args.skywalking, agent_protocol="grpc",
            agent_name="rate", agent_instance_name="rate-1")
agent.start()


class Currency(Tag):
    key = "currency"


@trace(op="convert")
def convert():
    get_context().active_span.tag(Currency("EUR"))


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        url = urlsplit(self.path)
        if url.path != "/rate":
            self.answer(404, [])
            return
        context = get_context()
        visit = {
            "service": "rate", "trace": str(context.segment.related_traces[0]), "sampled": True,
            "headers": tracing(self.headers.items()), "baggage": dict(context._correlation),
        }
        convert()
        order = parse_qs(url.query)["order"][0]
        with urlopen(f"{args.next}?order={order}") as answer:
            later = json.load(answer)
        self.answer(200, [visit, *later])

    def answer(self, status, visits):
        body = json.dumps(visits).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


host, port = args.listen.rsplit(":", 1)
server = ThreadingHTTPServer((host, int(port)), Handler)
# shutdown waits for the loop that this handler interrupts.
signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
server.serve_forever()
