"""How many cameras a core carries, against the obvious way and against the floor, all measured in one run."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from bench import phases, scenes
from bench.judge import IN_TIME_S, Verdict, judge
from bench.phases import Measured
from contract.catalogue import load_catalogue

Say = Callable[[str], None]


@dataclass
class Side:
    """Everything that was measured of one way at one key-frame interval."""

    measured: list[Measured] = field(default_factory=list)
    verdict: Verdict = field(default_factory=Verdict)

    @property
    def cpu_share(self) -> float:
        seconds = sum(one.seconds * one.cameras for one in self.measured)
        return sum(one.cpu_s for one in self.measured) / seconds


@dataclass
class Density:
    """By key-frame interval in pictures: the three ways; then the empty kitchen, and the edge with more cameras."""

    edge: dict[int, Side] = field(default_factory=dict)
    obvious: dict[int, Side] = field(default_factory=dict)
    floor: dict[int, Side] = field(default_factory=dict)
    empty: Measured | None = None
    decoding: dict[str, Measured] = field(default_factory=dict)
    more: dict[int, Measured] = field(default_factory=dict)

    def as_json(self) -> dict[str, object]:
        line: dict[str, object] = {}
        for gop, edge in self.edge.items():
            if gop in self.obvious:
                line[f"vs_obvious_gop{gop}"] = round(self.obvious[gop].cpu_share / edge.cpu_share, 2)
            line[f"vs_floor_gop{gop}"] = round(edge.cpu_share / self.floor[gop].cpu_share, 3)
            line[f"cpu_gop{gop}"] = {
                "edge": round(edge.cpu_share, 4), "floor": round(self.floor[gop].cpu_share, 4),
                "obvious": round(self.obvious[gop].cpu_share, 4) if gop in self.obvious else None,
            }
            line[f"cameras_per_core_gop{gop}"] = round(1 / edge.cpu_share, 1)
            line[f"delay_p50_s_gop{gop}"] = _rounded(edge.verdict.delay_s(0.5))
            line[f"delay_p95_s_gop{gop}"] = _rounded(edge.verdict.delay_s(0.95))
            line[f"delays_s_gop{gop}"] = [round(delay, 2) for delay in edge.verdict.delays_s]
        edges = Verdict()
        for side in self.edge.values():
            edges.add(side.verdict)
        others = Verdict()
        for side in self.obvious.values():
            others.add(side.verdict)
        runs = [one for side in self.edge.values() for one in side.measured]
        line |= {
            "vs_floor": round(max(edge.cpu_share / self.floor[gop].cpu_share for gop, edge in self.edge.items()), 3),
            "recall": _rounded(edges.recall), "planted": edges.planted, "false_alarms": edges.false_alarms,
            "missed": edges.missed,
            "recall_obvious": _rounded(others.recall), "false_alarms_obvious": others.false_alarms,
            "obvious_finder": next((one.note for side in self.obvious.values() for one in side.measured), None),
            "dropped": sum(one.dropped for one in runs), "looks": sum(one.looks for one in runs),
            "cameras": runs[0].cameras, "pss_mb": round(max(one.pss_mb for one in runs)),
            "preroll_mb": round(max(one.preroll_mb for one in runs)),
            "pss_slope_mb_a_minute": round(max(one.pss_slope_mb_a_minute for one in runs), 2),
        }
        if self.empty is not None:
            busy = self.edge[max(self.edge)]
            line["empty_vs_busy"] = round(self.empty.cpu_share / busy.cpu_share, 3)
            if self.decoding:
                after = {name: whole - self.decoding[name].cpu_share for name, whole in
                         (("busy", busy.cpu_share), ("empty", self.empty.cpu_share))}
                line["empty_vs_busy_after_decoding"] = round(after["empty"] / after["busy"], 3)
        for cameras, one in self.more.items():
            line[f"at_{cameras}_cameras"] = {
                "cpu": round(one.cpu_share, 4), "pss_mb": round(one.pss_mb), "preroll_mb": round(one.preroll_mb),
                "dropped": one.dropped, "looks": one.looks,
            }
        return line


def measure(
    work: Path, weights: Path, train_python: Path | None, streams: int, rounds: int, more: list[int], full: bool, say: Say
) -> Density:
    """Raises phases.BenchError. `streams` cameras in each phase, half of them H.264; `more`: also the edge alone with so many."""
    say("Rendering the cameras' clips (once, some minutes) ...")
    clips = scenes.clips(work)
    runs = work / "runs"
    shutil.rmtree(runs, ignore_errors=True)
    catalogue, result = load_catalogue(), Density()
    plot = scenes.busy()
    # One loop, but for its quiet end. Then, unmeasured, until each event has been played whole and could be told, wherever in the
    # loop a camera began; it is told once, so that measuring on would make every way look cheaper.
    seconds = max(event.to_s for event in plot.events()) + IN_TIME_S - phases.SETTLE_S
    hear_s = plot.duration_s + max(catalogue.rule(event.rule).hold_s for event in plot.events()) + IN_TIME_S - seconds
    for number in range(rounds):
        for gop in sorted(scenes.GOPS, reverse=True):
            played = _choose(clips, "busy", gop, streams)
            folder = runs / f"{number}-gop{gop}"
            ways: list[tuple[dict[int, Side], Callable[[], Measured]]] = [
                (result.edge, lambda: phases.run_edge(played, folder / "edge", seconds, weights, hear_s)),  # noqa: B023
                (result.floor, lambda: phases.run_floor(played, folder / "floor", seconds, weights,  # noqa: B023
                                                        folder / "edge" / "work.jsonl")),  # noqa: B023
            ]
            if train_python is not None:
                python = train_python
                # Before and after, in turn: a machine that warms up, or is busy for a while, favours nobody.
                ways.insert(2 * (number % 2 == 0), (
                    result.obvious,
                    lambda: phases.run_obvious(played, folder / "obvious", seconds, weights, python, hear_s),  # noqa: B023
                ))
            for sides, run in ways:
                name = "edge" if sides is result.edge else "floor" if sides is result.floor else "obvious way"
                measured = run()
                side = sides.setdefault(gop, Side())
                side.measured.append(measured)
                if sides is not result.floor:
                    side.verdict.add(judge(measured, played, catalogue))
                say(f"round {number + 1}, GOP {gop}, {name}: {1000 * measured.cpu_share:.1f} ms of CPU a second and camera, "
                    f"{side.verdict.found} of {side.verdict.planted} found")
    gop = max(scenes.GOPS)
    played = _choose(clips, "empty", gop, streams)
    result.empty = phases.run_edge(played, runs / "empty", seconds / 2, weights)
    say(f"empty kitchen: {1000 * result.empty.cpu_share:.1f} ms of CPU a second and camera")
    if full:
        for scene, log in (("busy", runs / f"0-gop{gop}" / "edge"), ("empty", runs / "empty")):
            only = runs / f"decoding-{scene}.jsonl"
            lines = (log / "work.jsonl").read_text().splitlines()
            only.write_text("\n".join(line for line in lines if '"packet"' in line))
            result.decoding[scene] = phases.run_floor(
                _choose(clips, scene, gop, streams), runs / f"decoding-{scene}", seconds / 2, weights, only
            )
    for cameras in more:
        result.more[cameras] = phases.run_edge(_choose(clips, "busy", gop, cameras), runs / f"more-{cameras}", seconds, weights)
        one = result.more[cameras]
        say(f"{cameras} cameras: {1000 * one.cpu_share:.1f} ms of CPU a second and camera, {one.pss_mb:.0f} MB "
            f"and {one.preroll_mb:.0f} MB of streams for clips")
    return result


def _choose(clips: dict[str, Path], scene: str, gop: int, streams: int) -> list[Path]:
    return [clips[f"{scene}-{list(scenes.CODECS)[i % 2]}-{gop}"] for i in range(streams)]


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)
