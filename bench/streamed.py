"""`python bench/streamed.py`: a long list streamed through ArrayCutter against orjson.loads of the whole.

The list is the offline Binance's of all spot tickers, cut into chunks of 64 KiB as they arrive. CPU seconds of this
process; the ratio is what counts. Peak: of the Python objects alive at once, by tracemalloc.
"""

from __future__ import annotations

import sys
import time
import tracemalloc
import urllib.request
from collections.abc import Callable

import orjson
from house import ROOT, World

CHUNK = 64 * 1024
N = 15


def whole(body: bytes) -> int:
    return len(orjson.loads(body))


def streamed(body: bytes) -> int:
    from asking.cutter import ArrayCutter  # the project's own, found below ROOT

    cutter = ArrayCutter("binance", ())
    return sum(len(cutter.feed(body[i : i + CHUNK])) for i in range(0, len(body), CHUNK))


def cpu_ms(work: Callable[[bytes], int], body: bytes) -> float:
    began = time.process_time()
    for _ in range(N):
        work(body)
    return (time.process_time() - began) / N * 1000


def peak_mib(work: Callable[[bytes], int], body: bytes) -> float:
    tracemalloc.start()
    work(body)
    peak = tracemalloc.get_traced_memory()[1] / 1048576
    tracemalloc.stop()
    return peak


def main() -> None:
    sys.path.append(str(ROOT))
    with World() as world:
        url = world.environ["BINANCE_SPOT_URL"] + "/api/v3/ticker/24hr"
        with urllib.request.urlopen(url, timeout=10) as answer:
            body = answer.read()
    rows = whole(body)
    if streamed(body) != rows:
        raise RuntimeError("the stream has other rows than the whole")
    ratios = sorted(cpu_ms(streamed, body) / cpu_ms(whole, body) for _ in range(9))
    print(f"{rows} rows, {len(body) / 1e6:.2f} MB")
    print(f"orjson.loads  {cpu_ms(whole, body):6.1f} ms  peak {peak_mib(whole, body):5.1f} MiB")
    print(f"streamed      {cpu_ms(streamed, body):6.1f} ms  peak {peak_mib(streamed, body):5.1f} MiB")
    print(f"ratio of CPU  median {ratios[4]:.2f}, {ratios[0]:.2f} to {ratios[-1]:.2f} in 9 pairs")


if __name__ == "__main__":
    main()
