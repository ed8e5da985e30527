"""The doctor at work: from the drive to the last link of a certificate's chain."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path

from gostkey.containers import FILES, KeyEntry
from gostkey.errors import ContainerError, GostKeyError, MediumError
from gostkey.media import (
    FloppyImage,
    FolderStore,
    Medium,
    is_in_file,
    is_set_aside,
    open_medium,
)
from gostkey.media.tokens import (
    TokenStore,
    is_token_address,
    open_token,
    split_address,
)
from gostkey.media.tokens.driver import PUBLIC
from gostkey.media.tokens.model import PinSource
from gostkey.pki.certificates import Certificate

from . import drives, folders, keys
from .catalogue import found
from .chains import Trust
from .findings import Examination, Finding, Severity, right
from .passwords import Passwords
from .readers import look_at_readers
from .surroundings import Surroundings
from .tokens import look_at_tokens, not_there, read_files

_CERTIFICATES = (".cer", ".crt", ".der", ".pem")
_LARGEST_CERTIFICATE = 64 << 10


@dataclass
class Doctor:
    """Examines places one after the other; nothing is changed by it."""

    passwords: Passwords = field(default_factory=Passwords)
    trust: Trust = field(default_factory=Trust)
    at: datetime | None = None
    """The time to compare dates with, aware; now if not given."""
    around: Surroundings = field(default_factory=Surroundings)
    pin: PinSource | None = None
    """Asks for the PIN of a token when its key files are to be read."""
    _beside: folders.Beside = field(default_factory=folders.Beside, init=False)
    _entries: list[KeyEntry] = field(default_factory=list, init=False)
    _loose: dict[Path, Certificate] = field(default_factory=dict, init=False)

    def examine(self, named: Path) -> Iterator[Examination]:
        """Examine a container, or a drive, folder or export and all that is in it."""
        place = named.absolute()
        self._beside = folders.Beside()
        if is_token_address(named):
            yield from self.tokens(os.fspath(named), with_keys=True)
        elif is_in_file(place):
            yield from self._in_file(named)
        else:
            yield from self._folder(named)

    def certificates(
        self, wanted: Sequence[tuple[str, Certificate]] = ()
    ) -> Iterator[Examination]:
        """Look for the keys of certificates in the containers examined so far.

        Args:
            wanted: certificates that the user named, with the names of their files.

        Yields:
            One examination for each of these, and one for each certificate that lay
            beside the containers and belongs to none of them.
        """
        for name, certificate in wanted:
            if self._has_key(certificate):
                told = right(
                    "certificate-file", certificate.title, "its key is in a container"
                )
            else:
                error = ContainerError(f"{name}: its key is in none of the containers")
                told = found(
                    "certificate-without-key",
                    certificate.title,
                    "its key is in none of the containers",
                    severity=Severity.ERROR,
                    error=error,
                )
            yield Examination(name, "", (told,), is_container=False)
        for path, certificate in sorted(self._loose.items()):
            if not self._has_key(certificate):
                text = "its key is in none of the containers examined"
                told = found("certificate-without-key", certificate.title, text)
                yield Examination(str(path), "", (told,), is_container=False)

    def _has_key(self, certificate: Certificate) -> bool:
        try:
            public = certificate.public_key
        except GostKeyError:
            return False
        return any(
            entry.curve == public.curve
            and entry.fingerprint
            and public.to_bytes().startswith(entry.fingerprint)
            for entry in self._entries
        )

    # -- tokens ------------------------------------------------------------

    def tokens(
        self, address: str = "", *, with_keys: bool = False
    ) -> Iterator[Examination]:
        """Examine the way to tokens, the tokens, and the containers on them.

        Args:
            address: only this token or this container; "" for all tokens.
            with_keys: read the key files, too, for which the PIN is asked.
        """
        way, readers = look_at_readers(self.around)
        item = address or "readers"
        if any(one.stops for one in way) and not readers:
            yield Examination(item, "", tuple(way), is_container=False)
            return
        yield Examination("readers", "", tuple(way), is_container=False)
        slot = split_address(address)[1] if address else ""
        for token in look_at_tokens(readers, address, self.pin):
            yield Examination(
                token.item, token.name, token.findings, is_container=False
            )
            if token.store is not None:
                yield from self._on_token(token.store, token.item, slot, with_keys)

    def _on_token(
        self, store: TokenStore, token: str, slot: str, with_keys: bool
    ) -> Iterator[Examination]:
        item = f"{token}/{slot}" if slot else token
        try:
            places = list((open_token(item) if slot else store).find())
        except ContainerError as error:
            yield Examination(item, "", (not_there(item, error),))
            return
        except GostKeyError as error:
            told = found("token-damaged", item, str(error), error=error)
            yield Examination(item, "", (told,))
            return
        for place in places:
            yield self._container_of_token(store, place, with_keys)

    def _container_of_token(
        self, store: TokenStore, place: Path, with_keys: bool
    ) -> Examination:
        files, findings = read_files(store, place, with_keys=with_keys)
        item = os.fspath(place)
        container, faults = keys.read(files, place) if files else (None, [])
        findings += faults
        if container is None:
            return Examination(item, "", tuple(findings))
        self._entries += container.keys
        findings += keys.look_at_keys(
            container,
            place,
            self.passwords,
            self.trust,
            self._now,
            with_keys=len(files) > len(PUBLIC),
        )
        return Examination(item, container.name, tuple(findings))

    @property
    def _now(self) -> datetime:
        return self.at or datetime.now(timezone.utc)

    # -- places ------------------------------------------------------------

    def _in_file(self, named: Path) -> Iterator[Examination]:
        place = named.absolute()
        medium = open_medium(place)
        file = Path(medium.identity)
        image = isinstance(medium, FloppyImage)
        spoilt = "image-unreadable" if image else "export-unreadable"
        faults: list[MediumError] = []
        try:
            places = list(medium.find(faults))
        except OSError as error:
            told = drives.unreadable(error, file, self.around)
            if told.fault == "drive-unreadable":
                text = told.text
                told = found(spoilt, str(file), text, error=error)
            yield Examination(str(named), "", (told,), is_container=False)
            return
        except ContainerError as error:
            told = found("drive-empty", str(file), "it is not in it", error=error)
            yield Examination(str(named), "", (told,), is_container=False)
            return
        for fault in faults:
            told = found(spoilt, str(file), str(fault), error=fault)
            yield Examination(str(named), "", (told,), is_container=False)
        if not places and not faults:
            yield self._nothing_in(named)
        for one in places:
            item = _as_typed(one, named)
            drive = right("drive", str(file), "it can be read")
            yield self._container(item, medium, one, [drive])

    def _nothing_in(self, named: Path) -> Examination:
        error = ContainerError(f"{named}: no key containers in it")
        told = found("drive-empty", str(named), "no key containers in it", error=error)
        return Examination(str(named), "", (told,), is_container=False)

    def _folder(self, named: Path) -> Iterator[Examination]:
        place = named.absolute()
        if is_set_aside(place):
            error = MediumError(
                f"{named}: a change of its password was cut off; `gostkey container "
                f"password {named}` gives it its name back"
            )
            text = "it has the name of a container that waits for another one"
            told = found("folder-set-aside", str(named), text, error=error, place=named)
            yield Examination(str(named), "", (told,))
            return
        try:
            names = os.listdir(place)
        except OSError as error:
            told = drives.unreadable(error, named, self.around)
            yield Examination(str(named), "", (told,), is_container=False)
            return
        self._note_certificates(place, names)
        if _is_container(place, names):
            root = self.around.root_of(place)
            if root is not None and os.path.realpath(root) == os.path.realpath(place):
                # The drive's root has the files: what is above is another disk.
                store, above = FolderStore(place), str(named)
            else:
                store = FolderStore(place.parent)
                above = str(named.parent if len(named.parts) > 1 else store.root)
            drive = right("drive", above, "it is there and can be read")
            space = drives.look_at_space(store, above)
            yield self._container(str(named), store, place, [drive, *space], named)
            return
        store = FolderStore(place)
        places, findings = drives.look_for_containers(store, str(named), self.around)
        findings += drives.look_at_space(store, str(named))
        yield Examination(str(named), "", tuple(findings), is_container=False)
        for one in places:
            yield self._container(_as_typed(one, named), store, one, [], named)

    def _container(
        self,
        item: str,
        medium: Medium[Path],
        place: Path,
        findings: list[Finding],
        named: Path | None = None,
    ) -> Examination:
        """Examine one container; *named* is None if it lies in no folder."""
        files: dict[str, bytes] = {}
        told: list[Finding] = []
        try:
            if named is not None:
                self._note_certificates(place, os.listdir(place))
                told = list(folders.look_at_files(place))
            files = medium.read(place)
        except OSError as error:
            if not any(one.stops for one in told):
                told.append(drives.unreadable(error, Path(item), self.around))
        except ContainerError as error:
            told.append(found("header-damaged", item, str(error), error=error))
        container, faults = keys.read(files, place) if files else (None, [])
        name = "" if container is None or faults else container.name
        if "name.key" not in files:
            name = ""
        if named is not None:
            findings += folders.look_at_folder(
                place, name, named, self.around, self._beside
            )
        findings += told + faults
        if container is not None:
            self._entries += container.keys
            findings += keys.look_at_keys(
                container,
                Path(item),
                self.passwords,
                self.trust,
                self._now,
            )
        return Examination(item, name, tuple(findings))

    def _note_certificates(self, folder: Path, names: Sequence[str]) -> None:
        """Remember the certificates of owners that lie beside the key files."""
        for name in names:
            path = folder / name
            if not name.lower().endswith(_CERTIFICATES) or not path.is_file():
                continue
            try:
                if path.stat().st_size > _LARGEST_CERTIFICATE:
                    continue
                certificate = Certificate.from_bytes(path.read_bytes())
                if not certificate.basic_constraints[0]:
                    self._loose[path] = certificate
            except (OSError, GostKeyError):
                continue


def _as_typed(place: Path, named: Path) -> str:
    """Return the path of a place below one as the user has typed that one."""
    return str(named / place.relative_to(named.absolute()))


def _is_container(place: Path, names: Sequence[str]) -> bool:
    if {name.lower() for name in names}.intersection(FILES):
        return True
    inner = any((place / name).is_dir() for name in names)
    return bool(folders.NUMBERED.fullmatch(place.name)) and not inner
