"""One message through Apprise, in a process of its own: the order comes on standard input, the result goes to standard output.

Whatever connects, to whatever address a name led, is seen by an audit hook of the interpreter (PEP 578) before it connects; so
the address that is checked is the very one that is connected to, through redirects too. Nor is any file of this machine opened
but Python's own: some services send one that the address names (`?template=`), or take a key from it.
"""

import json
import logging
import mimetypes
import os
import sys
from pathlib import Path
from typing import Any

import apprise

from api.kit.outbound import Network, Refused, check_address, read_networks

_CONNECTING = frozenset({"socket.connect", "socket.sendto", "socket.sendmsg"})
_STARTING = ("subprocess.", "os.system", "os.exec", "os.fork", "os.posix_spawn", "os.spawn", "os.startfile", "syslog.")
# Where Python and its libraries lie; what they import lazily may also lie beside us.
_OF_PYTHON = tuple(str(Path(prefix).resolve()) + os.sep for prefix in (sys.prefix, sys.base_prefix))
_CODE = (".py", ".pyc", ".so")


def watch(networks: tuple[Network, ...], refused: list[str]) -> None:
    """From now on, for the rest of this process. Reasons are noted too: Apprise keeps to itself what is raised inside."""
    mimetypes.init()  # reads /etc

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        try:
            if event in _CONNECTING:
                _check(arguments[1], networks)
            elif event == "open" and not _is_of_python(arguments[0]):
                raise PermissionError("No file of this machine is opened for a message.")
            elif event.startswith(_STARTING):
                raise Refused("This would act on the server itself.")
        except Refused as error:
            refused.append(str(error))
            raise

    sys.addaudithook(hook)


def _check(address: object, networks: tuple[Network, ...]) -> None:
    if address is None:  # of a socket that is connected: it was seen then
        return
    if not isinstance(address, tuple):
        raise Refused("This would act on the server itself.")
    try:
        check_address(str(address[0]), networks)
    except ValueError as error:
        raise Refused("A name was connected to that had not been looked up.") from error


def _is_of_python(path: object) -> bool:
    """One that is open already is a number."""
    if not isinstance(path, str | bytes):
        return isinstance(path, int)
    real = os.path.realpath(os.fsdecode(path))
    return real.startswith(_OF_PYTHON) or real.endswith(_CODE)


def main() -> None:
    order = json.load(sys.stdin)
    # Whatever else is printed in here is not the result.
    result_file = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    refused: list[str] = []
    sent = False
    with apprise.LogCapture(level=logging.WARNING, fmt="%(message)s") as log:  # type: ignore[no-untyped-call]
        service = apprise.Apprise()
        if service.add(order["address"]):
            watch(read_networks(order["networks"]), refused)
            sent = bool(service.notify(title=order["title"], body=order["body"]))
        said = log.getvalue().splitlines()
    json.dump({"sent": sent, "refused": next(iter(refused), None), "said": said}, result_file)
    result_file.close()


if __name__ == "__main__":
    main()
