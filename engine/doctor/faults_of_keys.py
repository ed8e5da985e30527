"""Faults of containers, passwords, keys and certificates: why one does not open."""

from __future__ import annotations

from .findings import Fault, Severity

_ERROR, _WARNING, _NOTE = Severity.ERROR, Severity.WARNING, Severity.NOTE
_NOT_CHECKED = Severity.NOT_CHECKED

_FROM_COPY = (
    "copy the file from another copy or the backup of this same container; without "
    "one the owner needs a new key"
)
_MADE_ANEW = (
    "the key itself is unharmed: `gostkey container repair {place}` makes both copies "
    "anew from the one that is whole"
)

FAULTS_OF_KEYS = (
    # -- name and header --------------------------------------------
    Fault(
        "name-damaged",
        "name",
        _ERROR,
        "the file was changed, or its copy was cut off",
        "copy name.key from another copy or the backup of this container; the keys "
        "are not touched by it",
    ),
    Fault(
        "header-damaged",
        "header-mac",
        _ERROR,
        "the file was changed, or its copy was cut off, or it belongs to another "
        "container",
        _FROM_COPY,
    ),
    Fault(
        "header-unsupported",
        "header-mac",
        _ERROR,
        "the container is of a kind that this program does not know",
        "use it with the program that made it; report the message above if that was "
        "CryptoPro CSP",
    ),
    # -- password ---------------------------------------------------
    Fault(
        "password-needed",
        "password",
        _NOT_CHECKED,
        "the container has a password, and none was given",
        "run the command on a terminal to be asked for it, or give --password-file",
    ),
    Fault(
        "password-remembered-wrong",
        "password",
        _WARNING,
        "the password that was remembered on this machine is not (or no longer) the "
        "container's; programs that use it say that the container does not open",
        "forget it with `gostkey container password --forget {place}`, then type the "
        "password",
    ),
    Fault(
        "password-keyboard",
        "password",
        _ERROR,
        "the password is right but for {how}",
        "type it again: look at the keyboard layout and Caps Lock first",
    ),
    Fault(
        "password-wrong",
        "password",
        _ERROR,
        "the password is another one; it is asked for exactly as it was typed when "
        "the container was made or last changed",
        "look at the keyboard layout and Caps Lock, and try the passwords that were "
        "used before; a lost password cannot be found out: the owner needs a new key",
    ),
    Fault(
        "password-not-used",
        "password",
        _NOTE,
        "the container has no password; a token's PIN is not a container's password",
        "nothing needs to be done; programs that ask for one take an empty one",
    ),
    Fault(
        "password-untested",
        "password",
        _NOTE,
        "the header has nothing to test a password with",
        "if no key opens below, try another password before you think of damage",
    ),
    Fault(
        "key-not-opened",
        "pair",
        _NOT_CHECKED,
        "without the right password the key cannot be looked at",
        "check again with the password",
    ),
    # -- keys -------------------------------------------------------
    Fault(
        "pair-missing",
        "pair",
        _ERROR,
        "the file was deleted, or not copied along with the others; programs that do "
        "not look at the reserve copy do not open the container",
        _MADE_ANEW,
    ),
    Fault(
        "pair-damaged",
        "pair",
        _ERROR,
        "a file was changed, belongs to another container, or was read at another "
        "moment than the other (a program used the key meanwhile)",
        _MADE_ANEW,
    ),
    Fault(
        "public-key-absent",
        "pair",
        _WARNING,
        "the container has no public key (no fingerprint of it): it was made by an "
        "old program, or its making was cut off",
        "if it has a certificate, that tells whether the key is right; otherwise do "
        "not use the container, have a new key made",
    ),
    Fault(
        "reserve-absent",
        "reserve",
        _WARNING,
        "the container was made without a reserve copy of the key",
        "keep a backup: `gostkey container backup FOLDER --out FILE`",
    ),
    Fault(
        "reserve-missing",
        "reserve",
        _ERROR,
        "primary2.key or masks2.key was deleted, or not copied along",
        _MADE_ANEW,
    ),
    Fault(
        "reserve-damaged",
        "reserve",
        _ERROR,
        "the reserve copy was changed or belongs to another container",
        _MADE_ANEW,
    ),
    Fault(
        "reserve-other-key",
        "reserve",
        _ERROR,
        "the files of two containers were mixed",
        "find out which pair is right: the certificate must be for its key; then "
        "bring the other pair from the backup of this container",
    ),
    Fault(
        "key-lost",
        "key",
        _ERROR,
        "neither copy of the key in the container is whole; or, where the password "
        "could not be tested above, it is another one",
        _FROM_COPY,
    ),
    # -- certificate ------------------------------------------------
    Fault(
        "certificate-absent",
        "certificate",
        _WARNING,
        "the certificate was never put into the container, or it did not come yet",
        "`gostkey container install CERTIFICATE --container {place}` puts it in; the "
        "authority gives the file again if it is lost",
    ),
    Fault(
        "certificate-unreadable",
        "certificate",
        _ERROR,
        "what is stored as the certificate is none, or not a GOST one",
        "put the right one in: `gostkey container install CERTIFICATE --container "
        "{place}`",
    ),
    Fault(
        "certificate-other-key",
        "certificate",
        _ERROR,
        "the certificate of another key was put into this container",
        "put the right one in: `gostkey container install CERTIFICATE --container "
        "{place}`; it refuses one of another key",
    ),
    Fault(
        "certificate-without-key",
        "certificate-file",
        _WARNING,
        "the certificate's key is in none of these containers: it is on another drive "
        "or token, or it was replaced by a renewal",
        "find the key: `gostkey container install FILE --in PLACE` looks through the "
        "containers of a place; with the certificate alone nobody can sign",
    ),
    Fault(
        "certificate-early",
        "certificate-dates",
        _WARNING,
        "the certificate is not valid yet, or the clock of this machine is wrong",
        "set the clock right; otherwise wait until that day",
    ),
    Fault(
        "certificate-expired",
        "certificate-dates",
        _WARNING,
        "the certificate's time is over, or the clock of this machine is wrong",
        "the owner must come to the office for a new key; keep the container, old "
        "messages are read with it",
    ),
    Fault(
        "key-early",
        "key-dates",
        _WARNING,
        "the key may not be used yet, or the clock of this machine is wrong",
        "set the clock right; otherwise wait until that day",
    ),
    Fault(
        "key-expired",
        "key-dates",
        _WARNING,
        "the key's time is over, or the clock of this machine is wrong",
        "the owner must come to the office for a new key; keep the container, old "
        "messages are read with it",
    ),
    # -- chain ------------------------------------------------------
    Fault(
        "chain-not-asked",
        "chain",
        _NOT_CHECKED,
        "no certificate of an authority was given",
        "give the authority's root certificate and its list of revoked ones: --ca "
        "ROOT.cer --crl LIST.crl",
    ),
    Fault(
        "chain-broken",
        "chain",
        _ERROR,
        "the certificate of {issuer}, which issued the one below it, is not there",
        "get it from the authority's site and give it with --intermediate FILE, or "
        "with --ca FILE if it is the root",
    ),
    Fault(
        "chain-untrusted",
        "chain",
        _ERROR,
        "the chain ends at {issuer}, which is not among the roots that were given",
        "if you trust this authority, give its certificate with --ca FILE; otherwise "
        "do not accept the certificate",
    ),
    Fault(
        "chain-expired",
        "chain",
        _ERROR,
        "a certificate of the chain is not valid at this time, or the clock of this "
        "machine is wrong",
        "set the clock right; if it is the authority's, get its new certificate",
    ),
    Fault(
        "chain-invalid",
        "chain",
        _ERROR,
        "the certificates do not fit together",
        "get the authority's certificates from its own site again; if it stays so, "
        "do not accept the certificate and tell the authority",
    ),
    Fault(
        "crl-not-asked",
        "crl",
        _NOT_CHECKED,
        "--no-crl was given, so nobody asked whether it was revoked",
        "leave --no-crl out and give --crl FILE",
    ),
    Fault(
        "crl-missing",
        "crl",
        _ERROR,
        "the list of revoked certificates of {issuer} is not there",
        "get the list{where} and give it with --crl FILE",
    ),
    Fault(
        "crl-stale",
        "crl",
        _ERROR,
        "the list of revoked certificates is out of date, or the clock is wrong",
        "get the newest list{where} and give it with --crl FILE",
    ),
    Fault(
        "crl-invalid",
        "crl",
        _ERROR,
        "the list of revoked certificates cannot be relied on",
        "get the list of this authority{where} again and give it with --crl FILE",
    ),
    Fault(
        "certificate-revoked",
        "crl",
        _ERROR,
        "the authority has revoked a certificate of the chain",
        "do not use the key; the owner must come to the office for a new one",
    ),
    # -- renewal ----------------------------------------------------
    Fault(
        "renewal-due",
        "renewal",
        _WARNING,
        "the key ends soon",
        "renew it now, while it can still sign the request: `gostkey renew plan "
        "{where}` shows what would be done",
    ),
    Fault(
        "renewal-refused",
        "renewal",
        _WARNING,
        "on its last day and after it a key cannot be renewed from afar",
        "the owner must come to the office for a new key",
    ),
)
