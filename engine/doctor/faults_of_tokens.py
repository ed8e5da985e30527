"""Faults of readers, the smart card service and tokens."""

from __future__ import annotations

from .findings import Fault, Severity

_ERROR, _WARNING, _NOTE = Severity.ERROR, Severity.WARNING, Severity.NOTE

_RESTART = "restart the service (`systemctl restart pcscd`)"

FAULTS_OF_TOKENS = (
    # -- is the reader there ----------------------------------------
    Fault(
        "reader-absent",
        "reader",
        _ERROR,
        "no token and no card reader is plugged in, or the USB port or cable is bad",
        "plug the token in, in another USB port and without a hub; its lamp should "
        "light",
    ),
    # -- the service ------------------------------------------------
    Fault(
        "service-missing",
        "service",
        _ERROR,
        "the smart card service (pcscd) is not installed",
        "install it: `apt install pcscd libccid`, on other systems pcsc-lite and ccid",
    ),
    Fault(
        "service-stopped",
        "service",
        _ERROR,
        "the smart card service (pcscd) does not run",
        "start it: `systemctl start pcscd.socket`, or `pcscd` as root where there is "
        "no systemd",
    ),
    Fault(
        "service-denied",
        "service",
        _ERROR,
        "this user may not talk to the smart card service",
        "sit at the machine itself (not over ssh), or have the administrator allow "
        "org.debian.pcsc-lite.access_pcsc and access_card in polkit",
    ),
    Fault(
        "service-failing",
        "service",
        _ERROR,
        "the smart card service answers with an error",
        _RESTART + ", take the token out and put it in again",
    ),
    # -- pyscard ----------------------------------------------------
    Fault(
        "pyscard-missing",
        "pyscard",
        _ERROR,
        "pyscard, through which this program talks to tokens, is not installed",
        "install it: `pip install 'gostkey[token]'` (it wants a C compiler, swig and "
        "libpcsclite-dev), or `apt install python3-pyscard`",
    ),
    # -- driver -----------------------------------------------------
    Fault(
        "driver-rutoken-s",
        "driver",
        _ERROR,
        "a Rutoken S does not speak the common protocol of readers (CCID), and its "
        "own driver is not installed; Debian does not have it",
        "install the maker's driver (package ifd-rutokens, from rutoken.ru), then "
        + _RESTART,
    ),
    Fault(
        "driver-missing",
        "driver",
        _ERROR,
        "the reader is plugged in, but the smart card service has no driver for it, "
        "or has not noticed it",
        "install the drivers (`apt install libccid`), " + _RESTART + ", and plug the "
        "token in again; a token of another make may want its maker's driver",
    ),
    # -- the token --------------------------------------------------
    Fault(
        "token-absent",
        "token",
        _ERROR,
        "the reader is empty, or the card is not pushed in all the way",
        "put the token or card in until it clicks",
    ),
    Fault(
        "token-not-found",
        "token",
        _ERROR,
        "the token that was named is not in any reader",
        "`gostkey token list` shows the tokens that are there and their numbers",
    ),
    Fault(
        "token-silent",
        "token",
        _ERROR,
        "the card is upside down or dirty, or the token is damaged",
        "turn the card round, clean its contacts, try another port and another "
        "machine; if it stays silent, the token is damaged, and the owner needs a "
        "new key on another one",
    ),
    Fault(
        "token-busy",
        "token",
        _ERROR,
        "another program holds the token for itself",
        "close the programs that use it (browser, mail, CryptoPro CSP's panel), or "
        "take the token out and put it in again",
    ),
    Fault(
        "token-unknown",
        "token",
        _ERROR,
        "the reader and the service work; it is the kind of token that is not known "
        "here: {why}",
        "supported are {supported}; report the ATR if this is one of them",
    ),
    Fault(
        "token-not-supported",
        "token",
        _ERROR,
        "the token is a {model}: {why}",
        "supported are {supported}; keys in a chip are used through the maker's PKCS "
        "#11 library (docs/chip-keys.md)",
    ),
    Fault(
        "token-other-driver",
        "token",
        _ERROR,
        "the token is a {model}: CryptoPro CSP does not take an iBank2Key, and a "
        "Magistra only through its maker's driver; the two have the same ATR",
        "use the bank's own program for it, and for key containers a token of "
        "another kind: {supported}",
    ),
    Fault(
        "token-damaged",
        "token",
        _ERROR,
        "the token is known, but what it should hold is not there or cannot be read: "
        "it is damaged, or was formatted for another program",
        "try another port and another machine; if it stays so, format it with its "
        "maker's program (that erases everything on it) or use another token, and "
        "bring the keys back from a backup",
    ),
    # -- PINs -------------------------------------------------------
    Fault(
        "pin-blocked",
        "pin",
        _ERROR,
        "a wrong PIN was given too often, and the token is blocked",
        "`gostkey token unblock {address}` gives the tries back with the admin PIN",
    ),
    Fault(
        "pin-last-tries",
        "pin",
        _WARNING,
        "a wrong PIN was given before; at 0 the token is blocked",
        "ask the owner for the PIN before you try; the right one gives all tries back",
    ),
    Fault(
        "pin-not-told",
        "pin",
        _NOTE,
        "this kind of token does not tell how many tries are left",
        "be sure of the PIN before you give it",
    ),
    Fault(
        "admin-pin-blocked",
        "admin-pin",
        _WARNING,
        "a wrong admin PIN was given too often",
        "the token works as long as the user's PIN is known; once that is blocked, "
        "only formatting helps, which erases everything: make a backup now",
    ),
    Fault(
        "admin-pin-last-tries",
        "admin-pin",
        _NOTE,
        "a wrong admin PIN was given before; at 0 nobody can unblock the user's PIN",
        "do not try further admin PINs; look it up",
    ),
    # -- memory -----------------------------------------------------
    Fault(
        "memory-full",
        "memory",
        _WARNING,
        "the token is full: a new container needs about {needed} and {free} are free",
        "remove a container that is not needed any more (make a backup first: "
        "`gostkey container backup`), or take another token for the new key",
    ),
    Fault(
        "memory-not-told",
        "memory",
        _NOTE,
        "this kind of token does not tell how much memory is free",
        "nothing needs to be done; before a container is written, its size is tried",
    ),
    Fault(
        "slots-full",
        "memory",
        _WARNING,
        "all {total} places for containers on the token are taken",
        "remove a container that is not needed any more (make a backup first: "
        "`gostkey container backup`), or take another token for the new key",
    ),
    # -- containers -------------------------------------------------
    Fault(
        "token-empty",
        "containers",
        _WARNING,
        "this is another token, or it was formatted, or the key is inside its chip "
        "and not in a container",
        "look at the other tokens (`gostkey token list`); deleted containers come "
        "back only from a backup",
    ),
    Fault(
        "container-not-there",
        "containers",
        _ERROR,
        "the container is on another token, or has another place or name on this one",
        "`gostkey container list {token}` shows what is on the token",
    ),
    Fault(
        "container-unfinished",
        "containers",
        _WARNING,
        "writing a container was cut off: the token was pulled out or the power failed",
        "remove the rest (`gostkey container remove` with its address) and write the "
        "container again; the other containers are unharmed",
    ),
    Fault(
        "pin-needed",
        "pin-given",
        Severity.NOT_CHECKED,
        "the key files are read only with the token's PIN, and none was given",
        "`gostkey container check {address}` on a terminal asks for it; {tries}",
    ),
    Fault(
        "pin-wrong",
        "pin-given",
        _ERROR,
        "the PIN is another one; it was sent once and not again",
        "ask the owner for the PIN; {tries}",
    ),
)
