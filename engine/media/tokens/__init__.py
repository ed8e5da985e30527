"""Key containers on tokens: Rutoken S, Lite and ECP; JaCarta LT and eToken read.

An address names a token, or a container on it:

    token:SERIAL              the token of that serial number (hexadecimal)
    token:READER NAME         the token in that reader
    token:                    the only token there is
    token:SERIAL/0A00         the container in that slot
    token:SERIAL/NAME         the container of that name

It may come as a `pathlib.Path`, which leaves it as it is; nothing of it is on a disk.
"""

from .addresses import is_token_address, split_address
from .finding import list_tokens
from .model import PinState, TokenInfo, TokenList
from .store import TokenStore, open_token

__all__ = [
    "PinState",
    "TokenInfo",
    "TokenList",
    "TokenStore",
    "is_token_address",
    "list_tokens",
    "open_token",
    "split_address",
]
