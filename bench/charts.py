"""`python bench/charts.py`: CPU, size and memory of pictures, in a process that does nothing else but holds the bot.

CPU is of drawing, the middle of N pictures of different data; peak is how far RSS rises above what it was before the
first picture; growth is what remains after 500 pictures of 50 markets.
"""

from __future__ import annotations

import gc
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

N = 31  # pictures of each kind
N_MARKETS, N_PICTURES = 50, 500
MAX_CPU_MS, MAX_PEAK_MIB, MAX_GROWTH_MIB = 30.0, 3.0, 1.0


def memory_mib(field: str) -> float:
    """VmRSS now, or VmHWM, the highest so far."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition(f"{field}:")[2].split()[0]) / 1024


def forget_the_peak() -> None:
    """From now on VmHWM tells the highest since now (proc(5), clear_refs)."""
    Path("/proc/self/clear_refs").write_text("5")


def cpu_ms(draw: Callable[[int], bytes]) -> tuple[float, int]:
    """The middle of N, and the size of the last one."""
    taken = []
    for number in range(N):
        began = time.process_time()
        png = draw(number)
        taken.append((time.process_time() - began) * 1000)
    return sorted(taken)[N // 2], len(png)


def measured() -> int:
    import webhook_server  # noqa: F401 - what the process holds anyway

    gc.collect()
    before = memory_mib("VmRSS")
    began = time.perf_counter()
    import pictures

    from render.figures import format_amount
    from render.picture import charts, drawing

    loaded_ms, loaded = (time.perf_counter() - began) * 1000, memory_mib("VmRSS") - before
    markets = [pictures.candles(180, seed=number, symbol=f"COIN{number}-USDT") for number in range(N_MARKETS)]
    lines = {n: pictures.lines(n) for n in (3, 9)}
    span = charts.span_of(pictures.candles(168), 168)
    head = charts.Head("BTC open interest", "7 days", None, None)
    figures = {
        "candles, volume, OI, CVD": lambda n: pictures.whole(markets[n]),
        "profile": lambda n: pictures.profile(markets[n]),
        "CVD": lambda n: charts.cvd(pictures.head(markets[n]), markets[n], pictures.flow(markets[n]), is_running=True),
        "3 exchanges, 7 days": lambda n: charts.by_exchange(head, lines[3], span, "", format_amount),
        "9 exchanges, 7 days": lambda n: charts.by_exchange(head, lines[9], span, "", format_amount),
    }
    made = [figures["candles, volume, OI, CVD"](number) for number in range(N_MARKETS)]
    gc.collect()
    forget_the_peak()
    base = memory_mib("VmRSS")
    first_ms = time.process_time()
    drawing.draw(made[0])
    first_ms = (time.process_time() - first_ms) * 1000
    peak = memory_mib("VmHWM") - base
    costs = {name: cpu_ms(lambda n, of=of: drawing.draw(of(n)).png) for name, of in figures.items()}  # type: ignore[misc]
    after_some = memory_mib("VmRSS")
    for number in range(N_PICTURES):
        drawing.draw(made[number % N_MARKETS])
    growth = memory_mib("VmRSS") - after_some
    print(f"loading {loaded_ms:.0f} ms, {loaded:+.1f} MiB; the first picture {first_ms:.0f} ms\n")
    print("picture                      CPU ms   bytes")
    for name, (took, size) in costs.items():
        print(f"{name:28} {took:6.1f} {size:7,}")
    print(f"\npeak {peak:+.1f} MiB, growth after {N_PICTURES} pictures of {N_MARKETS} markets {growth:+.2f} MiB")
    worst = max(took for took, _ in costs.values())
    return int(worst > MAX_CPU_MS or peak > MAX_PEAK_MIB or growth > MAX_GROWTH_MIB)


if __name__ == "__main__":
    # In a process of its own, whose allocator nobody has used before.
    sys.exit(measured() if sys.argv[1:] == ["--here"] else subprocess.call([sys.executable, __file__, "--here"]))
