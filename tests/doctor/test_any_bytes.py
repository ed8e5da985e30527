"""Whatever is in the files, the doctor has an answer and changes nothing."""

from __future__ import annotations

import tempfile
from pathlib import Path

import samples
from hypothesis import given
from hypothesis import strategies as st

from gostkey.containers import FILES
from gostkey.doctor import Doctor, Severity, Surroundings

SAMPLE = samples.container("ivanov-2026")
NOWHERE = Surroundings(sys=Path("/nonexistent"), roots=lambda: [])

spoilt = st.dictionaries(
    st.sampled_from(FILES),
    st.one_of(
        st.none(),
        st.binary(max_size=200),
        st.tuples(st.integers(0, 400), st.integers(0, 255)),
    ),
    min_size=1,
)


@given(spoilt)
def test_no_content_of_the_files_stops_it(
    changes: dict[str, bytes | tuple[int, int] | None],
) -> None:
    files = dict(SAMPLE.files)
    for name, change in changes.items():
        if change is None:
            del files[name]
        elif isinstance(change, bytes):
            files[name] = change
        else:
            data = bytearray(files[name])
            data[change[0] % len(data)] = change[1]
            files[name] = bytes(data)
    with tempfile.TemporaryDirectory() as folder:
        place = samples.write(Path(folder) / "ivanov-2.000", files)
        (one,) = Doctor(at=samples.MADE, around=NOWHERE).examine(place)
        assert samples.read(place) == files
    # Any change is told, as every bit is under some check; but a name is a name.
    told = {finding.severity for finding in one.findings if finding.fault}
    if files == SAMPLE.files:
        assert not told - {Severity.NOT_CHECKED}
    elif files != {**SAMPLE.files, "name.key": files.get("name.key")}:
        assert told - {Severity.NOT_CHECKED, Severity.NOTE}
