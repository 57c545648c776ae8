"""Turns what Benchmarks/run measured into the generated part of docs/PERFORMANCE.md, and its plots.

report.py RESULTS FIGURES VERSIONS LEFT-OUT PAGE: what stands in PAGE outside the two marks is kept.
"""

import os
import platform
import statistics
import sys
from collections import Counter, defaultdict

BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"
WORKS = [
    ("roundtrip-64", "Round trip of 64 bytes", "cache line"),
    ("stream-64", "64 bytes, one at a time", "bare ring"),
    ("stream-64-batch16", "64 bytes, sixteen at a time", None),
    ("stream-1024", "1 KiB, every byte written and read", "memcpy"),
    ("stream-65536", "64 KiB, every byte written and read", "memcpy"),
    ("wakeup-64", "To a reader that sleeps in the kernel", "bare futex"),
    ("untouched-64", "Round trip in place, payload untouched", "64 bytes"),
    ("into-one", "64 bytes, several publishers into one partition", "1 publishing"),
]
LIMITS = {limit for _, _, limit in WORKS}


def rows(path):
    with open(path) as lines:
        return [line.rstrip("\n").split("\t") for line in lines if line.strip()]


def short(value):
    for factor, unit in ((1e9, " G"), (1e6, " M"), (1e3, " k")):
        if value >= factor:
            return f"{value / factor:.3g}{unit}"
    return f"{value:.3g}"


def bars(title, unit, values, path):
    """Writes horizontal bars on a logarithmic scale: each decade has the same width."""
    import math

    low = 10 ** math.floor(math.log10(min(v for _, v in values)) - 0.2)
    span = math.log10(max(v for _, v in values) / low)
    height = 44 + 26 * len(values)
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="720" height="{height}" '
        'font-family="sans-serif" font-size="13">',
        f'<rect width="720" height="{height}" fill="#fff"/>',
        f'<text x="10" y="22" font-size="15">{title} ({unit}, logarithmic)</text>',
    ]
    for index, (name, value) in enumerate(values):
        y = 36 + 26 * index
        width = 420 * math.log10(value / low) / span
        colour = "#d9730d" if name == "ShmBus" else "#b8b8b8" if name in LIMITS or name == "bare ring" else "#4a78b0"
        out.append(f'<text x="150" y="{y + 15}" text-anchor="end">{name}</text>')
        out.append(f'<rect x="158" y="{y}" width="{width:.1f}" height="20" fill="{colour}"/>')
        out.append(f'<text x="{164 + width:.1f}" y="{y + 15}">{short(value)}</text>')
    with open(path, "w") as file:
        file.write("\n".join(out + ["</svg>", ""]))


def table(work, title, limit, found, folder):
    """One section: a table of medians, the best first, and its plot."""
    is_rate = work.startswith(("stream", "into"))
    metric = "rate" if is_rate else "p50"
    medians = {
        peer: {name: statistics.median(values) for name, values in metrics.items()}
        for peer, metrics in found.items()
        if metric in metrics
    }
    if not medians:
        return []
    order = sorted(medians, key=lambda peer: medians[peer][metric], reverse=is_rate)
    plot = f"performance-{work}.svg"
    unit = "messages a second" if is_rate else "nanoseconds, median"
    bars(title, unit, [(peer, medians[peer][metric]) for peer in order], os.path.join(folder, plot))
    size = int(work.split("-")[1]) if work[-1].isdigit() else 64
    base = medians.get(limit, {}).get(metric)
    spread = lambda peer: "{} to {}".format(short(min(found[peer][metric])), short(max(found[peer][metric])))
    head = ["", "messages/s", "bytes/s"] if is_rate else ["", "p50 ns", "p99 ns", "p99.9 ns"]
    head += ["range of the repetitions"] + ([f"of the {limit}"] if base else [])
    out = [f"### {title}", "", "| " + " | ".join(head) + " |", "|---" + "|--:" * (len(head) - 1) + "|"]
    for peer in order:
        mine = medians[peer]
        cells = [f"**{peer}**" if peer == "ShmBus" else peer]
        if is_rate:
            cells += [short(mine["rate"]), short(mine["rate"] * size) + "B"]
        else:
            cells += [f"{mine[name]:,.0f}" if name in mine else "" for name in ("p50", "p99", "p999")]
        cells += [spread(peer)] + ([f"{mine[metric] / base:.2f}"] if base else [])
        out.append("| " + " | ".join(cells) + " |")
    return out + ["", f"![{title}]({plot})", ""]


def others(found):
    """What has no peers: each figure beside its own limit."""
    if not found:
        return []
    out = ["### Beside limits of their own", "", "|  | median | limit | of the limit |", "|---|--:|--:|--:|"]
    for (what, unit), pairs in found.items():
        value, limit = (statistics.median(pair[place] for pair in pairs) for place in (0, 1))
        out.append(f"| {what} | {value:,.1f} {unit} | {limit:,.1f} {unit} | {value / limit:.2f} |")
    return out + [""]


def machine():
    with open("/proc/cpuinfo") as lines:
        model = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), "unknown")
    return f"{model}, {os.cpu_count()} processors, Linux {platform.release().split('-')[0]}"


def main(results, figures, versions, left_out, page):
    found = defaultdict(lambda: defaultdict(lambda: defaultdict(list)))
    for peer, work, metric, value in rows(results):
        found[work][peer][metric].append(float(value))
    notes = dict(rows(versions))
    how = notes.pop("how", "")
    folder = os.path.dirname(page) or "."
    body = [BEGIN, "", f"Measured on {machine()}; {how.rstrip(' ,')}.", ""]
    if "chrt" in how:
        body += ["Other work went on meanwhile, and what was measured ran before it (`--busy`).", ""]
    for work, title, limit in WORKS:
        body += table(work, title, limit, found[work], folder)
    beside = defaultdict(list)
    for what, unit, value, limit in rows(figures):
        beside[what, unit].append((float(value), float(limit)))
    body += others(beside)
    body += ["Versions: " + ", ".join(f"{name} {version}" for name, version in notes.items()) + ".", ""]
    missing = Counter(tuple(row) for row in rows(left_out))
    reasons = [f"{': '.join(row)} ({count} times)" for row, count in sorted(missing.items())]
    body += ["Left out: " + ("; ".join(reasons) or "nothing") + ".", "", END]
    old = open(page).read() if os.path.exists(page) else f"{BEGIN}\n{END}\n"
    start, end = old.index(BEGIN), old.index(END) + len(END)
    with open(page, "w") as file:
        file.write(old[:start] + "\n".join(body) + old[end:])
    print(f"wrote {page}")


main(*sys.argv[1:])
