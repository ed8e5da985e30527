"""Virtual tokens in virtual readers, and a shell in which all programs see them.

    python tests/cards/run.py                       a Rutoken Lite, and a shell
    python tests/cards/run.py --due office          with a key that ends soon
    python tests/cards/run.py --card rutoken-ecp --card jacarta-lt
    python tests/cards/run.py -- gostkey info      one command, and its exit code
    python tests/cards/run.py --keep my-tokens      tokens that are there next time

`make token-bench` installs what is needed and does the first.  It works without
root, and leaves the smart card service of this machine and tokens plugged into it
alone; see `cards.bench` for how.  In the shell, the command `card` is the hand that
pulls a token out and puts it in again:

    card               what is in the readers
    card pull 0        pull out the token of reader 0
    card insert 0      put it in again
    card log 0         the commands it has had, PINs blanked

Virtual tokens keep nothing safe: their PINs stand on the screen and in the files of
--keep.  Never put a key on them that is used for anything.
"""

from __future__ import annotations

import argparse
import importlib.machinery
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path
from types import FrameType

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests"))
if importlib.machinery.PathFinder.find_spec("gostkey") is None:
    # A bare checkout is made importable by the tests' own way.
    import conftest  # noqa: F401

from cards import bench as benches  # noqa: E402
from cards.card import VirtualCard  # noqa: E402
from cards.etoken import EtokenPro  # noqa: E402
from cards.hand import Hand  # noqa: E402
from cards.jacarta_lt import JacartaLt  # noqa: E402
from cards.kinds import KINDS, load  # noqa: E402
from cards.pins import USER  # noqa: E402
from cards.rutoken import FILES, RutokenLite  # noqa: E402

from gostkey.renewal.trial import make_trial  # noqa: E402


def options(arguments: Sequence[str]) -> argparse.Namespace:
    description, _, more = (__doc__ or "").partition("\n\n")
    parser = argparse.ArgumentParser(
        "run.py",
        description=description,
        epilog=more,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--card",
        action="append",
        choices=sorted(KINDS),
        help="a token to put in; again for more [rutoken-lite]",
    )
    parser.add_argument(
        "--due",
        type=Path,
        metavar="FOLDER",
        help="each new token holds the container of a subscriber whose key ends soon; "
        "their authority, for trials only, is made in FOLDER/ca",
    )
    parser.add_argument(
        "--copy",
        action="append",
        type=Path,
        default=[],
        metavar="FOLDER",
        help="each new token holds a copy of the container in FOLDER; again for more",
    )
    parser.add_argument(
        "--free", type=int, metavar="BYTES", help="Rutokens with so little memory left"
    )
    parser.add_argument(
        "--tries-left", type=int, metavar="N", help="of the user's PIN; 0: blocked"
    )
    parser.add_argument(
        "--keep",
        type=Path,
        metavar="FOLDER",
        help="the tokens live there, and are taken from there if they are",
    )
    parser.add_argument(
        "command", nargs="*", help="what to run with the tokens [a shell]"
    )
    return parser.parse_args(list(arguments))


def put_container(card: VirtualCard, number: int, files: dict[str, bytes]) -> None:
    """Put the container of that number (from 0) onto a card of any kind."""
    if isinstance(card, RutokenLite):
        card.add_container(0x0A00 + 0x100 * number, files)
    elif isinstance(card, JacartaLt):
        card.add_container(3 + number, files)
    elif isinstance(card, EtokenPro):
        card.add_container(0xCC00 + number, files)


def make_office(folder: Path, subscribers: int) -> list[dict[str, bytes]]:
    """Make an authority in *folder*/ca; the containers of its subscribers."""
    if folder.exists():
        raise SystemExit(f"{folder}: is there already; name a new folder")
    with tempfile.TemporaryDirectory() as beside:
        made = make_trial(
            Path(beside, "trial"),
            subscribers,
            at=datetime.now(timezone.utc),
            passwords=0,
        )
        containers = [files_in(place) for place in sorted(made.containers.iterdir())]
        folder.mkdir(parents=True)
        shutil.copytree(made.authority, folder / "ca")
    return containers


def files_in(folder: Path) -> dict[str, bytes]:
    found = {name: folder / name for name in FILES if (folder / name).is_file()}
    if "header.key" not in found:
        raise SystemExit(f"{folder}: no container is in there (no header.key)")
    return {name: path.read_bytes() for name, path in found.items()}


def make(
    kind: str, number: int, chosen: argparse.Namespace, due: dict[str, bytes] | None
) -> VirtualCard:
    """A new token, with all that was asked for on it."""
    which = KINDS[kind]
    if issubclass(which, RutokenLite):
        card: VirtualCard = which(serial=0x30DA6803 + number)
    else:
        card = which()
    contents = [files_in(folder) for folder in chosen.copy]
    if due:
        contents.append(due)
    for at, files in enumerate(contents):
        put_container(card, at, files)
    if isinstance(card, RutokenLite):
        if chosen.free is not None:
            card.capacity = card.used + chosen.free
        if chosen.tries_left is not None:
            card.pins[USER].left = chosen.tries_left
    elif chosen.tries_left is not None and isinstance(card, JacartaLt | EtokenPro):
        card.left = chosen.tries_left
    return card


def taken(chosen: argparse.Namespace) -> list[VirtualCard]:
    """All tokens: those kept, or new ones."""
    keep: Path | None = chosen.keep
    kept = sorted(keep.glob("*.card")) if keep else []
    if kept and not chosen.card:
        return [load(path) for path in kept]
    if kept:
        raise SystemExit(f"{keep}: has tokens already; leave out --card to take them")
    cards = []
    kinds = chosen.card or ["rutoken-lite"]
    due = make_office(chosen.due, len(kinds)) if chosen.due else [None] * len(kinds)
    for number, kind in enumerate(kinds):
        card = make(kind, number, chosen, due[number])
        if keep:
            keep.mkdir(parents=True, exist_ok=True)
            card.keep_in(keep / f"{number}-{kind}.card")
        cards.append(card)
    return cards


def shell(folder: Path) -> list[str]:
    """The user's shell, with a prompt that tells where one is if it is bash."""
    program = os.environ.get("SHELL") or "/bin/sh"
    if Path(program).name != "bash":
        return [program]
    settings = folder / "bashrc"
    settings.write_text(
        "[ -f ~/.bashrc ] && . ~/.bashrc\n"
        f'PATH="{search_path(folder)}"\nPS1="(tokens) $PS1"\n'
    )
    return [program, "--rcfile", str(settings)]


def search_path(folder: Path) -> str:
    before = [str(folder / "bin"), str(Path(sys.executable).parent)]
    return os.pathsep.join([*before, os.environ.get("PATH", "")])


def greet(hand: Hand) -> None:
    print(
        f"{hand.do(['list'])}\n"
        "PINs: 12345678 and admin 87654321 (Rutoken), 1234567890 (the others).\n"
        "Try: gostkey token list, gostkey token check, gostkey container list token:,\n"
        "     opensc-tool -f, card pull 0, card insert 0, card log 0.  "
        "End with: exit",
        file=sys.stderr,
    )


def main(arguments: Sequence[str]) -> int:
    chosen = options(arguments)
    lacks = benches.missing() or benches.missing_pyscard()
    if lacks:
        raise SystemExit(f"virtual tokens: {lacks} (`make token-bench` sees to it)")

    def end(number: int, frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    signal.signal(signal.SIGTERM, end)
    cards = taken(chosen)
    with benches.Bench(readers=len(cards)) as bench:
        hand = Hand(bench, cards)
        hand.listen(bench.folder)
        bench.wait_for()
        command = list(chosen.command)
        if not command:
            greet(hand)
            command = shell(bench.folder)
        environment = bench.environment(PATH=search_path(bench.folder))
        program = shutil.which(command[0], path=environment["PATH"])
        if program is None:
            raise SystemExit(f"{command[0]}: no such command")
        running = subprocess.Popen([program, *command[1:]], env=environment)
        # It is told by the terminal itself.
        signal.signal(signal.SIGINT, lambda number, frame: None)
        try:
            code = running.wait()
        finally:
            if running.poll() is None:
                running.terminate()
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
