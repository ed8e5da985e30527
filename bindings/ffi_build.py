"""cffi build script (out-of-line, API mode); setup.py runs it.

The declarations are read from the public headers, so C and Python cannot
disagree about a signature.  A header is public if it has the two markers.
"""

from pathlib import Path

from cffi import FFI

# Paths relative to the repository root: setuptools runs there, and refuses
# absolute ones in an sdist.
CSRC = Path("csrc")
BEGIN, END = "/* ffi: begin */", "/* ffi: end */"

public = []
declarations = ""
for header in sorted(CSRC.glob("*.h")):
    text = header.read_text(encoding="utf-8")
    if BEGIN in text:
        public.append(header.name)
        declarations += text.partition(BEGIN)[2].partition(END)[0]

ffi = FFI()
ffi.cdef(declarations)
ffi.set_source(
    "gostkey.bindings._native",
    "".join(f'#include "{name}"\n' for name in public),
    sources=sorted(path.as_posix() for path in CSRC.glob("*.c")),
    include_dirs=[CSRC.as_posix()],
    depends=sorted(path.as_posix() for path in CSRC.glob("*.h")),
    py_limited_api=True,
)
