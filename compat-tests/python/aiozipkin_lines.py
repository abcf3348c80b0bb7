# SPDX-License-Identifier: Apache-2.0
"""Reports a span for each line of its input, named by the line, with aiozipkin."""
import argparse
import asyncio
import sys

import aiozipkin as az

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--zipkin", required=True)
args = parser.parse_args()


async def main():
    tracer = await az.create(args.zipkin, az.create_endpoint("lines"), sample_rate=1.0)
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        with tracer.new_trace(sampled=True) as span:
            span.name(line.strip())
    await tracer.close()


asyncio.run(main())
