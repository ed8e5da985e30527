"""Help, errors and exit codes have one form in all commands."""

from __future__ import annotations

import errno
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import pytest

from gostkey import errors, pcsc
from gostkey.cli import COMMANDS, application
from gostkey.cli.failures import Exit, Failure, describe, overall
from gostkey.cli.output import clean
from gostkey.cli.texts import EXIT_TEXTS

from .conftest import LAUNCHER, Run, environment


def walk(
    command: click.Command, path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    yield path, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            assert inner is not None
            yield from walk(inner, (*path, name))


ALL = dict(walk(application))


@pytest.mark.parametrize("path", ALL, ids=" ".join)
def test_every_help_has_examples_and_exit_codes(
    run: Run, path: tuple[str, ...]
) -> None:
    ran = run(*path, "--help")
    assert ran.code == 0
    assert ran.stderr == ""
    assert "Examples:" in ran.stdout
    assert "Exit codes:" in ran.stdout
    assert f"Usage: gostkey {' '.join(path)}".rstrip() in ran.stdout


@pytest.mark.parametrize("path", ALL, ids=" ".join)
def test_short_helps_are_whole_sentences(path: tuple[str, ...]) -> None:
    assert not ALL[path].get_short_help_str(60).endswith("...")


@pytest.mark.parametrize("path", ALL, ids=" ".join)
def test_no_option_takes_a_secret_from_the_command_line(path: tuple[str, ...]) -> None:
    for option in ALL[path].params:
        if "password" in (option.name or "") or "pin" in (option.name or "").split("_"):
            assert option.opts[0].endswith(("-file", "-env", "-fd")) or getattr(
                option, "is_flag", False
            )


@pytest.mark.parametrize("path", ALL, ids=" ".join)
def test_every_option_is_explained(path: tuple[str, ...]) -> None:
    for option in ALL[path].params:
        if isinstance(option, click.Option):
            assert option.help, option.opts


def test_every_exit_code_has_its_words() -> None:
    assert set(EXIT_TEXTS) == {code.value for code in Exit}


def test_the_commands_of_the_contract_are_there() -> None:
    assert (
        list(COMMANDS)
        == (
            "info hash key sign verify container token cert entropy ca renew demo bench"
        ).split()
    )


def test_usage_errors_exit_with_1_and_name_the_help(run: Run) -> None:
    for arguments in (["nonsense"], ["hash", "--nonsense"], ["key", "generate"]):
        ran = run(*arguments)
        assert ran.code == 1
        assert ran.stdout == ""
        first, hint = ran.stderr.splitlines()
        assert first.startswith("gostkey: ")
        assert hint.startswith("gostkey: hint: ") and "--help" in hint
        assert run(*arguments, "--json").error["code"] == "usage"


def test_no_command_at_all_shows_the_help(run: Run) -> None:
    ran = run()
    # Before click 8.2 asking for nothing counted as asking for help.
    told = hasattr(click.exceptions, "NoArgsIsHelpError")
    assert ran.code == (1 if told else 0)
    assert "Usage: gostkey" in ran.stdout + ran.stderr


def test_info_names_the_readers_or_says_why_there_are_none(
    run: Run, insert: Callable[..., object], monkeypatch: pytest.MonkeyPatch
) -> None:
    def absent() -> list[str]:
        raise errors.CardServiceAbsent("no service")

    insert(None)
    assert "Virtual PCD 00 00" in run("info").stdout
    record = run("info", "--json").record
    assert record["readers"] == ["Virtual PCD 00 00"] and not record["no_readers"]
    monkeypatch.setattr(pcsc, "readers", absent)
    record = run("info", "--json").record
    assert (record["readers"], record["no_readers"]) == ([], "no service")


def test_an_unexpected_exception_keeps_its_trace_and_says_where_to_go(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    import gostkey.cli.info as info

    def fault() -> dict[str, object]:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(info, "facts", fault)
    ran = run("info", "--json")
    assert ran.code == 3
    assert "Traceback" in ran.stderr and "a bug" in ran.stderr
    assert "please report it" in ran.stderr
    assert ran.error["code"] == "internal_error"


def test_an_interrupt_exits_with_130(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    import gostkey.cli.info as info

    def interrupt() -> dict[str, object]:
        raise KeyboardInterrupt

    monkeypatch.setattr(info, "facts", interrupt)
    ran = run("info", "--json")
    assert ran.code == 130
    assert ran.error["code"] == "interrupted"


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (errors.StoreLost("the store: is away"), "interrupted; the store: is away"),
        (AssertionError("a library's"), "interrupted"),
    ],
)
def test_what_fails_on_leaving_for_an_interrupt_is_an_interrupt_still(
    run: Run, monkeypatch: pytest.MonkeyPatch, error: Exception, said: str
) -> None:
    import gostkey.cli.info as info

    def leave() -> None:
        try:
            raise KeyboardInterrupt
        finally:
            raise ConnectionError("another command is already in progress")

    def interrupt() -> dict[str, object]:
        try:
            leave()
        except ConnectionError as inner:
            raise error from inner
        raise AssertionError("nothing came")

    monkeypatch.setattr(info, "facts", interrupt)
    ran = run("info", "--json")
    assert ran.code == 130
    assert ran.error["code"] == "interrupted"
    assert ran.error["message"] == said


def test_what_stands_in_the_place_of_an_interrupt_keeps_its_code(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    import gostkey.cli.info as info

    def cancel() -> dict[str, object]:
        try:
            raise KeyboardInterrupt
        except KeyboardInterrupt:
            raise errors.StoreLost("the store: is away") from None

    monkeypatch.setattr(info, "facts", cancel)
    ran = run("info", "--json")
    assert ran.code == 4
    assert ran.error["message"] == "the store: is away"


@pytest.mark.parametrize(
    ("error", "code", "status"),
    [
        (errors.UnknownCurve("x"), "unknown_curve", 3),
        (errors.LengthError("x"), "length_error", 3),
        (errors.InvalidSignature("x"), "invalid_signature", 3),
        (errors.ContainerDamaged("x"), "container_damaged", 3),
        (errors.CertificateMismatch("x"), "certificate_mismatch", 3),
        (errors.RequestRefused("x"), "request_refused", 3),
        (errors.WrongPassword("x"), "wrong_password", 4),
        (errors.PasswordRequired("x"), "password_required", 4),
        (errors.MediumError("x"), "medium_error", 4),
        (errors.GeneratorFailure("x"), "generator_failure", 5),
        (errors.CampaignLocked("x"), "campaign_locked", 6),
        (OSError(errno.ENOSPC, "full", "key.pem"), "disk_full", 4),
        (OSError(errno.EROFS, "read-only", "key.pem"), "read_only", 4),
        (FileNotFoundError(errno.ENOENT, "none", "key.pem"), "not_found", 3),
    ],
)
def test_every_class_of_error_has_its_code_and_exit(
    error: Exception, code: str, status: int
) -> None:
    failure = describe(error)
    assert (failure.code, failure.exit) == (code, status)


def test_the_exit_code_of_several_items() -> None:
    failed = Failure("a", "a")
    person = Failure("b", "b", exit=Exit.PERSON_NEEDED)
    assert overall(0, []) == overall(3, []) == 0
    assert overall(1, [failed]) == overall(1, [person]) == 2
    assert overall(0, [failed]) == overall(0, [failed, person]) == 3
    assert overall(0, [person, person]) == 4
    assert overall(5, [failed, Failure("c", "c", exit=Exit.GENERATOR)]) == 5


def test_foreign_text_cannot_steer_the_terminal() -> None:
    assert clean("ООО «Ромашка»") == "ООО «Ромашка»"
    assert clean("a\x1b[2Jb\u202ec\r") == "a\\x1b[2Jb\\u202ec\\r"


def test_module_and_info_work_as_a_process(shell: Run) -> None:
    ran = shell("info", "--json")
    assert ran.code == 0 and ran.stderr == ""
    record = ran.record
    assert record["backend"] in ("native", "pure")
    assert record["backend"] == "native" or record["reason"]
    for name in ("kernels", "cpu_features", "versions", "python", "platform"):
        assert name in record
    words = shell("info").stdout
    assert record["platform"] in words and record["python"] in words


def test_a_table_in_a_pipe_is_not_cut() -> None:
    import io
    from contextlib import redirect_stdout

    from gostkey.cli.output import Output

    wide = "x" * 500
    stream = io.StringIO()
    with redirect_stdout(stream):
        Output().table(["a", "b"], [[wide, "1"], ["[red]y[/red]", "2"]])
    lines = stream.getvalue().splitlines()
    assert lines[1] == f"{wide}  1"
    assert lines[2].startswith("[red]y[/red] ")


def test_python_dash_m_is_the_same_command(run: Run) -> None:
    import subprocess
    import sys

    from .conftest import LAUNCHER, environment

    source = LAUNCHER.read_text(encoding="utf-8")
    bootstrap = source.partition("from gostkey.cli import main")[0]
    program = bootstrap.replace("__file__", repr(str(LAUNCHER))) + (
        "import runpy; sys.argv[1:] = ['--version']\n"
        "runpy.run_module('gostkey.cli', run_name='__main__', alter_sys=True)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        env=environment(),
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, run("--version").stdout)


def test_a_failing_generator_makes_no_key_and_exits_with_5(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from gostkey.signing import SigningKey

    def fail(*_: object, **__: object) -> SigningKey:
        raise errors.GeneratorFailure("the source repeats itself")

    monkeypatch.setattr(SigningKey, "generate", fail)
    file = tmp_path / "key.pem"
    ran = run("key", "generate", "--no-password", "--out", file, "--json")
    assert (ran.code, ran.error["code"]) == (5, "generator_failure")
    assert not file.exists()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows writes no core files")
def test_a_crash_leaves_no_core_file() -> None:
    launcher = LAUNCHER.read_text(encoding="utf-8")
    bootstrap = launcher.partition("from gostkey.cli import main")[0]
    program = (
        bootstrap.replace("__file__", repr(str(LAUNCHER)))
        + "from gostkey.cli import main\nmain(['--version'])\n"
        + "import resource\nprint(resource.getrlimit(resource.RLIMIT_CORE)[0])\n"
    )
    done = subprocess.run(
        ["sh", "-c", 'ulimit -S -c "$(ulimit -H -c)"; exec "$@"', "sh"]
        + [sys.executable, "-c", program],
        capture_output=True,
        env=environment(),
        text=True,
        check=True,
    )
    assert done.stdout.splitlines()[-1] == "0"
