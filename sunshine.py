"""The front door: one command, `sunshine`, which loads a room only when one of its commands is called."""

import io
import os
import sys
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from contract.lifetime import end_with_input

# name: (where, one line of help). Kept here, so that `sunshine --help` imports no room.
COMMANDS = {
    "demo": ("demo:demo", "Run everything on this machine: centre, edge and a camera. 一键演示"),
    "detect": ("ingest.detect:detect", "Look at pictures, folders and videos, and say what they show."),
    "check-camera": ("ingest.cli:check_camera", "Try a camera and say in words what works and what does not. 检查摄像头"),
    "find-cameras": ("ingest.cli:find_cameras", "Say which cameras answer in the networks of this machine. 查找摄像头"),
    "serve": ("serve:serve", "Run the centre: API and console. 启动中心"),
    "accounts": ("api.cli:accounts", "Users of the centre: add, list, reset a password. 账号"),
    "clients": ("api.clients.cli:app", "Programs of other systems: add, list, rotate, revoke. 其他系统的程序"),
    "enrol-code": ("api.cli:enrol_code", "Print a one-time code with which an edge joins the centre."),
    "backup": ("api.cli:backup", "Copy all that the centre keeps, while it runs. 备份"),
    "to-postgres": ("api.cli:to_postgres", "Move the centre's database from SQLite to PostgreSQL."),
    "keys": ("api.cli:keys", "The keys that protect stored credentials: rotate."),
    "audit": ("api.audit.cli:app", "The record of who did what: verify. 审计核验"),
    "evidence": ("api.evidence.cli:app", "Sealed evidence: verify a package or a chain, offline. 证据核验"),
    "openapi": ("api.cli:openapi", "Print the OpenAPI document of the centre."),
    "edge": ("ingest.edge_cli:app", "The edge box: enroll, run, capacity. 边缘端"),
    "simulate": ("simulator.cli:app", "Render kitchens with known truth (development)."),
    "model": ("models.cli:app", "Train and evaluate the models (development)."),
    "bench": ("bench.cli:app", "Measure what the edge costs, against baselines of the same run (development)."),
}


class _Lazy(TyperCommand):
    """A command that is imported when it is called."""

    def __init__(self, name: str, target: str, help: str) -> None:
        super().__init__(name, help=help)
        self._target = target

    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:
        module, _, attribute = self._target.partition(":")
        try:
            target = getattr(import_module(module), attribute)
        except ModuleNotFoundError as error:
            if error.name != module.partition(".")[0]:
                raise
            words = f"`sunshine {self.name}` needs the development checkout: this installation has no {error.name!r}."
            raise SystemExit(words) from None
        if not isinstance(target, typer.Typer):
            app = typer.Typer(add_completion=False)
            app.command(self.name)(target)
            target = app
        return get_command(target).make_context(info_name, args, parent=parent, **extra)


class _FrontDoor(TyperGroup):
    def list_commands(self, ctx: Any) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> TyperCommand | None:
        return _Lazy(cmd_name, *COMMANDS[cmd_name]) if cmd_name in COMMANDS else None


def main() -> None:
    end_with_input()
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A terminal that knows no Chinese, or a file name that is no text, is no reason to stop.
        sys.stdout.reconfigure(errors="backslashreplace")
    # A checkout is run as `python -m sunshine` from anywhere; child processes start the same way.
    os.environ.setdefault("PYTHONUNBUFFERED", "1")
    words = "Sunshine Kitchen 阳光厨房: cameras in, confirmed hygiene cases out."
    front_door = _FrontDoor(name="sunshine", help=words, no_args_is_help=True)
    front_door(sys.argv[1:], prog_name="sunshine")


if __name__ == "__main__":
    main()
