"""`seg6b world`: the sealed worlds: which there are, what is in them, how they compare with the published one."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from seg6b.cli.options import AsJson, Root
from seg6b.world.choose import choose_world, configured, resized
from seg6b.world.manifest import WorldManifest
from seg6b.world.provide import provide, sealed_worlds
from seg6b.world.shape.report import ShapeItem, shape_report

app = typer.Typer(
    no_args_is_help=True, help="Make, list and inspect worlds; compare their shape with the published one."
)

World = Annotated[
    str, typer.Argument(help="A configured name (tiny, default, …), a fingerprint's beginning, or a folder.")
]


@app.command("list")
def list_worlds(root: Root = Path(), *, as_json: AsJson = False) -> None:
    """List every sealed world below mlruns/world."""
    rows = [_row(path, manifest) for path, manifest in sealed_worlds(_worlds(root))]
    if as_json:
        typer.echo(json.dumps(rows, indent=2))
        return
    if not rows:
        typer.echo("No worlds yet. Make one: python -m seg6b world make default")
        return
    typer.echo(f"{'fingerprint':12} {'name':10} {'origin':10} {'arrivals':>12} {'seed':>6} {'MB':>8}")
    for r in rows:
        head = f"{r['manifest_fingerprint'][:12]} {r['name']:10} {r['origin']:10}"
        typer.echo(f"{head} {r['arrivals']:>12,} {r['seed']:>6} {r['bytes'] / 1e6:>8.1f}")


@app.command("show")
def show(world: World = "default", root: Root = Path(), *, as_json: AsJson = False) -> None:
    """Show one world: identity, horizon, tables with rows, files and digests, upstream gates."""
    sealed = choose_world(world, _worlds(root))
    if as_json:
        typer.echo(json.dumps(_row(sealed.root, sealed.manifest) | {"manifest": asdict(sealed.manifest)}, indent=2))
        return
    manifest = sealed.manifest
    typer.echo(f"{manifest.name}  {manifest.manifest_fingerprint}\n{sealed.root}")
    typer.echo(f"{manifest.origin}, seed {manifest.seed}, {manifest.arrivals:,} arrivals, {manifest.scenario_id}")
    typer.echo(f"{manifest.start} to {manifest.end}\n")
    typer.echo(f"{'table':34} {'rows':>13} {'files':>5}  content digest")
    for name, seal in manifest.datasets.items():
        rows, digest = seal.digest.split(":")
        typer.echo(f"{name:34} {int(rows):>13,} {len(seal.files):>5}  {digest}")
    typer.echo(f"\nupstream gates: {' '.join(manifest.segments)}")
    for check, proof in manifest.checks.items():
        typer.echo(f"{check}: {proof}")


@app.command("make")
def make(
    name: Annotated[str, typer.Argument(help="tiny, default, large, authority or parquet.")] = "default",
    arrivals: Annotated[int, typer.Option(help="Rows of the arrival stream; 0 takes the configured number.")] = 0,
    seed: Annotated[int, typer.Option(help="The world's seed; negative takes the configured one.")] = -1,
    source: Annotated[str, typer.Option(help="Folder of a published world to adopt.")] = "",
    threads: Annotated[int, typer.Option(help="Worker threads, 0 for all cores; no row depends on it.")] = 0,
    root: Root = Path(),
    *,
    as_json: AsJson = False,
) -> None:
    """Make a world, or find it if it was made before."""
    settings = resized(configured(name), arrivals, seed, source)
    sealed = provide(settings, _worlds(root), None if as_json else _bar, threads)
    if as_json:
        typer.echo(json.dumps(_row(sealed.root, sealed.manifest), indent=2))
    else:
        typer.echo(f"{settings.name}: {sealed.arrivals:,} arrivals in {sealed.root}")


@app.command("shape")
def shape(world: World = "default", root: Root = Path(), *, as_json: AsJson = False) -> None:
    """Compare a world with the published figures, item by item; exit 1 if one lies outside its tolerance."""
    sealed = choose_world(world, _worlds(root))
    items = shape_report(sealed)
    bad = [item for item in items if not item.ok]
    if as_json:
        typer.echo(json.dumps({"ok": not bad, "items": [asdict(item) for item in items]}, indent=2))
    else:
        typer.echo(f"{'':4} {'item':44} {'published':>13} {'measured':>13} {'from':>11} {'to':>11}")
        for item in items:
            typer.echo(_line(item))
        judged = sum(item.judged for item in items)
        typer.echo(f"\n{judged - len(bad)} of {judged} judged items within tolerance ({sealed.root})")
    if bad:
        raise typer.Exit(1)


def _line(item: ShapeItem) -> str:
    mark = "" if not item.judged else "ok" if item.ok else "OUT"
    measured = "" if item.measured is None else f"{item.measured:,.4f}"
    bounds = f"{item.low:>11,.4f} {item.high:>11,.4f}" if item.judged else f"{'not judged':>23}"
    note = f"  {item.note}" if item.note else ""
    return f"{mark:4} {item.item:44} {item.published:>13,.4f} {measured:>13} {bounds}{note}"


def _row(path: Path, manifest: WorldManifest) -> dict[str, Any]:
    return {
        "manifest_fingerprint": manifest.manifest_fingerprint,
        "name": manifest.name,
        "origin": manifest.origin,
        "arrivals": manifest.arrivals,
        "seed": manifest.seed,
        "scenario_id": manifest.scenario_id,
        "bytes": sum(seal.bytes for seal in manifest.files.values()),
        "files": len(manifest.files),
        "path": str(path),
    }


def _worlds(root: Path) -> Path:
    return root.resolve() / "mlruns" / "world"


def _bar(done: int, total: int) -> None:
    typer.echo(f"\r{done:,} of {total:,} arrivals", nl=done >= total, err=True)
