"""What mypy sees of the compiled module; its functions are typed where wrapped."""

from typing import Any

from cffi import FFI

ffi: FFI

class Lib:
    def __getattr__(self, name: str) -> Any: ...

lib: Lib
