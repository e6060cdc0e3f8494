"""`gateboard.html`: one run on one page that needs nothing else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from seg6b.gates.result import GateBoard, Status
from seg6b.render.data import BoardData
from seg6b.render.page import render_page
from seg6b.render.rows import closest_call, dataset_rows, details, owners_to_reopen, said, state_row
from seg6b.render.sections import RUNTIME, SECTIONS, drawn
from seg6b.render.wording import compact, interval, number, seconds, signed
from seg6b.runs.disk import write_text


def write_gateboard(data: BoardData, path: Path) -> None:
    """Write the board; the file appears whole or not at all."""
    write_text(path, gateboard_html(data))


def gateboard_html(data: BoardData) -> str:
    """The board: verdict, every gate, the statistics layer, drill-downs, time and size, provenance."""
    sections = [(section, drawn(section, data)) for section in SECTIONS]
    runtime = drawn(RUNTIME, data)
    plots = [plot for _, several in sections for plot in several] + runtime
    context = {
        "title": f"Segment 6B gateboard {data.receipt.run_id[:8]}",
        "data": data,
        "receipt": data.receipt,
        "board": data.board,
        "headline": headline(data.board),
        "tiles": tiles(data),
        "reopen": owners_to_reopen(data.board),
        "sections": sections,
        "runtime": runtime,
        "state_rows": [state_row(s, data.budgets) for s in data.states],
        "dataset_rows": dataset_rows(data.states),
        "provenance": list(provenance(data)),
        "hashes": list(hashes(data)),
        "number": number,
        "signed": signed,
        "interval": interval,
        "details": details,
    }
    return render_page("gateboard.html.j2", plots, context)


def headline(board: GateBoard) -> str:
    """The verdict's meaning in one sentence."""
    gates = list(board.gates.values())
    hard = [g for g in gates if g.kind == "hard"]
    at_b, at_bplus = sum(g.b is Status.PASS for g in hard), sum(g.bplus is Status.PASS for g in gates)
    lacking = sum(g.b is Status.INSUFFICIENT for g in gates)
    said = f"{at_b} of {len(hard)} hard gates pass B; {at_bplus} of {len(gates)} gates pass B+"
    return f"{said}; {lacking} {'lacks' if lacking == 1 else 'lack'} data." if lacking else f"{said}."


def tiles(data: BoardData) -> list[tuple[str, str, str]]:
    """The figures beside the verdict: name, figure, remark."""
    ran = [s for s in data.states if not s.staged_from]
    wall = sum(s.elapsed_s.get("total", 0.0) for s in ran)
    arrivals = data.receipt.world.get("arrivals")
    speed = f"{compact(arrivals / wall)} arrivals/s" if isinstance(arrivals, int) and wall > 0.0 else ""
    out = [
        (
            "World",
            str(data.receipt.world.get("name", "")),
            f"{arrivals:,} arrivals" if isinstance(arrivals, int) else "",
        ),
        ("Posture", data.receipt.posture, f"seed {data.receipt.seed}"),
        (
            "Time",
            seconds(wall),
            speed if len(ran) == len(data.states) else f"{', '.join(s.state for s in ran)} executed",
        ),
        ("Peak memory", f"{max((s.peak_rss_mb for s in ran), default=0.0):,.0f} MB", "highest of all states"),
    ]
    call = closest_call(data.board)
    return [*out, ("Closest call", call[0].gate_id, call[1])] if call else out


def provenance(data: BoardData) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """Groups of named facts that say which run this was."""
    receipt = data.receipt
    yield (
        "Run",
        [
            ("run", receipt.run_id),
            ("lane", receipt.lane),
            ("role", receipt.role),
            ("seed", str(receipt.seed)),
            ("scenario", receipt.scenario_id),
            ("posture", receipt.posture),
            ("started", receipt.started_utc),
            ("ended", receipt.ended_utc or "not yet"),
            ("gate file", data.board.gate_file),
            ("code", receipt.git_revision or "outside a checkout"),
        ],
    )
    yield "Knobs", list(_flat("", receipt.knobs))
    yield "Versions", list(receipt.versions.items())
    yield "Machine", details(receipt.machine)
    draws = Counter[str]()
    for state in data.states:
        draws.update(state.rng_draws)
    yield "Draws", [(name, f"{n:,}") for name, n in sorted(draws.items())]


def hashes(data: BoardData) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """Groups of full-length hashes."""
    receipt = data.receipt
    named = [("manifest fingerprint", receipt.manifest_fingerprint), ("parameter hash", receipt.parameter_hash)]
    yield "Hashes", [*named, *((f"pack {pack}", digest) for pack, digest in receipt.pack_hashes.items())]
    yield "Input keys", [(s.state, s.input_key) for s in data.states]


def _flat(prefix: str, tree: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for key, value in tree.items():
        if isinstance(value, Mapping):
            yield from _flat(f"{prefix}{key}.", value)
        else:
            yield f"{prefix}{key}", said(value)
