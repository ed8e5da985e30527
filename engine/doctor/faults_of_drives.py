"""Faults of drives, folders and files: why a container is not seen."""

from __future__ import annotations

from .findings import Fault, Severity

_ERROR, _WARNING, _NOTE = Severity.ERROR, Severity.WARNING, Severity.NOTE

FAULTS_OF_DRIVES = (
    # -- is the drive there -----------------------------------------
    Fault(
        "drive-absent",
        "drive",
        _ERROR,
        "the drive is not plugged in, or its letter or folder is another one now",
        "plug it in, in another USB port and without a hub; then `gostkey container "
        "list` shows what is on every drive that is there",
    ),
    Fault(
        "drive-is-file",
        "drive",
        _ERROR,
        "a file was named; a container is a folder with six files",
        "name the folder: `gostkey container check FOLDER`; a PFX or PKCS #8 file "
        "becomes a container with `gostkey container import`",
    ),
    Fault(
        "drive-not-mounted",
        "drive",
        _ERROR,
        "a removable disk is plugged in ({disks}), but the system has not opened it",
        "open it in the file manager, or have it mounted, and run the command again; "
        "if the system offers to format it, refuse: that would erase the keys",
    ),
    Fault(
        "drive-denied",
        "drive",
        _ERROR,
        "this user has no right to read it",
        "run the command as the user whose containers these are, or have the right "
        "to read {place} given to this one",
    ),
    Fault(
        "drive-failing",
        "drive",
        _ERROR,
        "the drive is failing, or was pulled out while it was in use",
        "plug it in again, in another USB port; if that does not help, copy what can "
        "still be read (`gostkey container backup DRIVE --out FILE`) and use a new "
        "drive",
    ),
    Fault(
        "drive-unreadable",
        "drive",
        _ERROR,
        "the system cannot read it",
        "look at {place} with the file manager; if it does not open there either, "
        "the drive or its file system is damaged",
    ),
    Fault(
        "export-unreadable",
        "drive",
        _ERROR,
        "the file is not a registry export, or was cut off or changed",
        "export the key with regedit again: docs/containers.md says which one",
    ),
    Fault(
        "image-unreadable",
        "drive",
        _ERROR,
        "the file is not an image of a floppy disk, or the disk was damaged when it "
        "was made",
        "make the image again, or take another copy of the disk; `gostkey container "
        "copy` takes out what can still be read",
    ),
    Fault(
        "drive-empty",
        "drive",
        _ERROR,
        "this is another drive or folder, or the containers were deleted from it",
        "look for the right drive: `gostkey container list` shows the containers of "
        "all; deleted ones come back only from a backup (`gostkey container backup "
        "restore`)",
    ),
    Fault(
        "drive-archive",
        "drive",
        _WARNING,
        "containers cannot be used while they are packed in an archive",
        "unpack it so that the folder NAME.000 lies in the root of the drive",
    ),
    Fault(
        "drive-read-only",
        "space",
        _NOTE,
        "its write protection is on, or it is mounted for reading only",
        "nothing needs to be done to read keys; to write new ones release the write "
        "protection",
    ),
    Fault(
        "drive-full",
        "space",
        _WARNING,
        "the drive is full: a container needs {needed} here and {free} are free",
        "delete files that are not needed (never *.key files), or use another drive "
        "for the new key",
    ),
    # -- the folder -------------------------------------------------
    Fault(
        "folder-missing",
        "folder",
        _WARNING,
        "the key files were copied without their folder; CryptoPro CSP looks only "
        "into folders named NAME.000",
        "make the folder {right} in the root of the drive and move the six .key files "
        "into it",
    ),
    Fault(
        "folder-name",
        "folder",
        _WARNING,
        "the folder was renamed; CryptoPro CSP looks only into folders whose name "
        "ends with a dot and three digits",
        "rename the folder to {right}",
    ),
    Fault(
        "folder-long",
        "folder",
        _WARNING,
        "the folder was renamed; CryptoPro CSP looks only into folders of at most "
        "eight characters before the dot",
        "rename the folder to {right}",
    ),
    Fault(
        "folder-characters",
        "folder",
        _WARNING,
        "the folder was renamed; CryptoPro CSP names folders with Latin letters, "
        "digits, - and _ only",
        "rename the folder to {right}",
    ),
    Fault(
        "folder-other-name",
        "folder",
        _NOTE,
        "the folder has a name of its own, as after a copy by hand",
        "nothing needs to be done: programs show the container's own name, {name}",
    ),
    Fault(
        "folder-too-deep",
        "folder",
        _WARNING,
        "the folder lies inside another folder; CryptoPro CSP looks only directly in "
        "{root}",
        "move the folder {folder} with its six files to {root}",
    ),
    Fault(
        "folder-twice",
        "folder",
        _WARNING,
        "the names differ only in capital letters; Windows sees only one of the two",
        "rename one of them, for example to {right}",
    ),
    Fault(
        "folder-set-aside",
        "folder",
        _ERROR,
        "a change of the password was cut off, and the container has its waiting name",
        "`gostkey container password {place}` gives it its name back",
    ),
    Fault(
        "folder-unfinished",
        "folder",
        _WARNING,
        "a change was cut off (the drive was pulled out, or the power failed)",
        "run the command that was cut off again; it ends or undoes the change",
    ),
    Fault(
        "folder-link",
        "folder",
        _WARNING,
        "there is a link here; the container itself lies elsewhere and does not come "
        "along when the drive is taken away",
        "copy the container itself: `gostkey container copy {place} DRIVE`",
    ),
    # -- the files --------------------------------------------------
    Fault(
        "file-missing",
        "files",
        _ERROR,
        "the file was deleted, or not copied along with the others",
        "copy it from another copy or the backup of this same container; without one "
        "the container cannot be used, and the owner needs a new key",
    ),
    Fault(
        "key-file-missing",
        "files",
        _WARNING,
        "the file was deleted, or not copied along with the others",
        "look below for what is left of the key: it is there twice",
    ),
    Fault(
        "file-empty",
        "files",
        _ERROR,
        "the copy was cut off: the drive was full or was pulled out too early",
        "copy the whole folder again from where it came from, then remove the drive "
        "safely",
    ),
    Fault(
        "file-other-kind",
        "files",
        _ERROR,
        "something that is no file has the name of a key file",
        "move it away, and copy the file from another copy or the backup of this "
        "container",
    ),
    Fault(
        "file-too-large",
        "files",
        _ERROR,
        "this is another file with the name of a key file, or the file system is "
        "damaged",
        "copy the file from another copy or the backup of this container",
    ),
    Fault(
        "file-twice",
        "files",
        _ERROR,
        "the file is there in capitals and in small letters, and only one is right",
        "move the wrong one away (the older one, as a rule) and check again",
    ),
    Fault(
        "file-renamed",
        "files",
        _WARNING,
        "the name was changed by copying or by hand, so no program takes the file for "
        "{right}",
        "if {right} is missing, rename the file to {right}; else leave it or delete it",
    ),
    Fault(
        "file-shortcut",
        "files",
        _WARNING,
        "a shortcut was copied in place of the file",
        "copy the file {right} itself from where the shortcut leads",
    ),
    Fault(
        "file-link",
        "files",
        _WARNING,
        "there is a link in place of the file; copies and backups refuse it",
        "put the file itself into the folder in place of the link",
    ),
    Fault(
        "link-broken",
        "files",
        _ERROR,
        "there is a link to a file that is not there",
        "put the file itself into the folder in place of the link",
    ),
    Fault(
        "files-capitals",
        "files",
        _NOTE,
        "old drives and programs write names in capitals",
        "nothing needs to be done here; CryptoPro CSP for Linux may want small letters",
    ),
)
