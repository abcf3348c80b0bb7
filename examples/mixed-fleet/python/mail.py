# SPDX-License-Identifier: Apache-2.0
"""mail: takes the messages of a Kafka topic; aiozipkin traces it by the B3 headers
of each record. The value of a message is the number of an order.

GET /mail?order=ID waits for the message of that order and answers with the visit.
It runs until SIGTERM.
"""
import argparse
import asyncio
import logging

import aiozipkin as az
from aiohttp import web
from aiokafka import AIOKafkaConsumer, TopicPartition

from headers import tracing

WAIT = 60


async def consume(consumer, tracer, broker, visits):
    async for record in consumer:
        headers = tracing(record.headers)
        context = az.make_context(headers)
        span = tracer.new_child(context) if context else tracer.new_trace()
        with span:
            span.name("take order")
            span.kind(az.CONSUMER)
            host, port = broker.rsplit(":", 1)
            span.remote_endpoint("kafka", ipv4=host, port=int(port))
            span.tag("messaging.destination.name", record.topic)
            with tracer.new_child(span.context) as work:
                work.name("write letter")
                work.tag("letter.order", record.value.decode())
        visits[record.value.decode()].set_result({
            "service": "mail", "trace": span.context.trace_id, "sampled": bool(span.context.sampled),
            "headers": headers,
        })


class Visits(dict):
    """A future for each order, whoever asks for it first."""

    def __missing__(self, order):
        self[order] = asyncio.get_running_loop().create_future()
        return self[order]


async def build(args):
    host, port = args.listen.rsplit(":", 1)
    tracer = await az.create(args.zipkin, az.create_endpoint("mail", ipv4=host, port=int(port)),
                             sample_rate=1.0, send_interval=0.5)
    visits = Visits()

    async def mail(request):
        try:
            visit = await asyncio.wait_for(asyncio.shield(visits[request.query["order"]]), WAIT)
        except asyncio.TimeoutError:
            raise web.HTTPGatewayTimeout(text=f"no message for order {request.query['order']} within {WAIT} s")
        del visits[request.query["order"]]
        return web.json_response([visit])

    async def consumer(app):
        # Without a group: nobody else takes part, and nothing is to be remembered.
        client = AIOKafkaConsumer(bootstrap_servers=args.kafka, auto_offset_reset="earliest")
        await client.start()
        client.assign([TopicPartition(args.topic, 0)])
        task = asyncio.create_task(consume(client, tracer, args.kafka, visits))
        task.add_done_callback(lambda t: t.cancelled() or t.result())
        yield
        task.cancel()
        await client.stop()
        await tracer.close()  # sends what is left

    app = web.Application()
    app.cleanup_ctx.append(consumer)
    app.router.add_get("/mail", mail)
    return app


parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--listen", required=True, help="HOST:PORT")
parser.add_argument("--kafka", required=True, help="HOST:PORT of the broker")
parser.add_argument("--topic", required=True)
parser.add_argument("--zipkin", required=True, help="URL of POST /api/v2/spans")
args = parser.parse_args()
logging.basicConfig(level=logging.INFO)
host, port = args.listen.rsplit(":", 1)
web.run_app(build(args), host=host, port=int(port), access_log=None, print=None)
