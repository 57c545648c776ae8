"""Takes figures with limits of their own from the JSON of a bench: a line each of what, unit, value and limit.

figures.py fanout|setup <JSON
"""

import json
import sys


def line(what, unit, value, limit):
    print(what, unit, value, limit, sep="\t")


def fanout(found):
    one = {}
    for row in found["rows"]:
        limit = one.setdefault(row["readers"], row["p50"])
        groups = f", {row['groups']} groups" if row["groups"] else ""
        line(f"publish with {row['subscribers']} {row['readers']}{groups}; limit: with one", "ns", row["p50"], limit)


def setup(found):
    line("open a bus; limit: open and map as much", "us", found["open"]["p50"] / 1e3, found["limit"] / 1e3)
    size = found["createdBytes"] / 2**20
    create, limit = (found[name]["p50"] / 1e6 for name in ("create", "createLimit"))
    line(f"create and remove {size:.0f} MiB, prefaulted; limit: posix_fallocate and touch", "ms", create, limit)
    line("memory of a bus beside headers and cells; limit asked for: 1 MiB", "KiB", found["busBytes"] / 1024, 1024)
    line("memory of an endpoint in its process; limit asked for: 4 KiB", "KiB", found["endpointBytes"] / 1024, 4)


{"fanout": fanout, "setup": setup}[sys.argv[1]](json.load(sys.stdin))
