#!/usr/bin/env bash
# Make .venv with gostkey in it, and what a purpose needs besides.
#
#     tools/environment.sh [test] [lint] [bench] [wheel] [token] [office]
#
# Each word is an extra of pyproject.toml; `test`, `bench`, `token` and `office` also
# want the Debian packages of tools/debian.txt, and `test` those of the last two too.  As
# root, or where sudo asks no password, missing packages are installed; else they
# are named, and all goes on without them.  GOSTKEY_APT=no: never install any.
#
# Run again, it does only what has changed, and needs no network for that.
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf '\n== %s\n' "$*"; }

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi
}

may_install() {
    [ "${GOSTKEY_APT:-yes}" != no ] && command -v apt-get >/dev/null &&
        { [ "$(id -u)" = 0 ] || sudo -n true 2>/dev/null; }
}

# install_or_name PACKAGE... : returns 1 if they stay missing.
install_or_name() {
    if may_install; then
        say "Installing Debian packages: $*"
        as_root env DEBIAN_FRONTEND=noninteractive apt-get update -qq &&
            as_root env DEBIAN_FRONTEND=noninteractive \
                apt-get install -qq -y --no-install-recommends "$@" >.apt.log 2>&1 &&
            rm -f .apt.log && return 0
        tail -n 5 .apt.log 2>/dev/null || true
        rm -f .apt.log
    fi
    say "Missing Debian packages: $*"
    echo "   for all of it: apt-get install $*"
    return 1
}

# missing GROUP... : the packages of tools/debian.txt that are not there.
missing() {
    local group probe package rest
    while read -r group probe package rest; do
        case " $* " in *" $group "*) ;; *) continue ;; esac
        case "$probe" in
        /*) compgen -G "$probe" >/dev/null || echo "$package" ;;
        *) command -v "$probe" >/dev/null || echo "$package" ;;
        esac
    done <tools/debian.txt | sort -u
}

# Extras asked for once stay, or each purpose would undo the one before.
kept=.venv/gostkey-extras
read -r -a extras < <(printf '%s\n' "$@" $(cat $kept 2>/dev/null) | sort -u | xargs)
groups=(build)
for extra in "${extras[@]}"; do
    case "$extra" in
    test) groups+=(test token office) ;;
    bench | token | office) groups+=("$extra") ;;
    esac
done

# --- Python ---------------------------------------------------------------

if ! python=$(tools/python.sh); then
    install_or_name python3 python3-venv || exit 1
    python=$(tools/python.sh) || exit 1
fi
system_python=$("$python" -c 'import sys; print(sys.prefix == "/usr")')

packages=$(missing "${groups[@]}")
if [ ! -x .venv/bin/pip ] && ! "$python" -c 'import ensurepip' 2>/dev/null; then
    packages="$packages $("$python" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')"
fi
headers=$("$python" -c 'import sysconfig; print(sysconfig.get_paths()["include"])')
if [ ! -f "$headers/Python.h" ] && [ "$system_python" = True ]; then
    packages="$packages $("$python" -c 'import sys; print("python%d.%d-dev" % sys.version_info[:2])')"
fi
# shellcheck disable=SC2086 # one word a package
[ -z "${packages// /}" ] || install_or_name $packages || true

# --- the virtual environment ----------------------------------------------

if [ -x .venv/bin/python ] &&
    [ "$(.venv/bin/python -c 'import sys; print(sys.version_info[:2])' 2>/dev/null)" != \
        "$("$python" -c 'import sys; print(sys.version_info[:2])')" ]; then
    rm -rf .venv
fi
if [ ! -x .venv/bin/pip ]; then
    say "Making .venv with $("$python" --version)"
    rm -rf .venv
    if ! "$python" -c 'import ensurepip' 2>/dev/null; then
        echo "This Python cannot make a virtual environment. As root:" >&2
        echo "   apt-get install python3-venv" >&2
        echo "and then again; or say PYTHON=/path/to/another" >&2
        exit 1
    fi
    "$python" -m venv .venv
fi

# pyscard has no wheels for Linux: the extra that wants it is installed where it can
# be compiled.
optional=()
case " ${extras[*]} " in
*" test "* | *" token "*)
    ! command -v swig >/dev/null || [ ! -f /usr/include/PCSC/winscard.h ] ||
        optional=(token)
    ;;
esac

# --- gostkey in it --------------------------------------------------------

# What an installation is made of: the names of all modules, the text of what
# is compiled or read by the build, the extras, and whether there is a compiler.
fingerprint() {
    {
        echo "${extras[@]}" "${optional[@]}"
        command -v "${CC:-gcc}" || true
        env | grep -E '^GOSTKEY_(REQUIRE|NO)_NATIVE=|^CFLAGS=' || true
        find engine bindings cli \( -name '*.py*' -o -name '*.[ch]' \) ! -name '*.pyc' |
            LC_ALL=C sort
        cat csrc/*.[ch] setup.py pyproject.toml bindings/ffi_build.py
    } | sha256sum
}

stamp=.venv/gostkey-installed
if [ "$(cat $stamp 2>/dev/null)" != "$(fingerprint)" ]; then
    rm -f $stamp
    echo "${extras[@]}" >$kept
    say "Installing gostkey and its dependencies (${extras[*]:-no extras}); a minute or two"
    pip=(.venv/bin/python -m pip --disable-pip-version-check -q)
    "${pip[@]}" install 'setuptools>=77' 'cffi>=2.0'
    # The strict form is a tree of links: edits count at once, and type checkers
    # and import-linter see the package by its name.  No build isolation: what
    # the build needs is here already, so nothing has to be fetched again.
    want=("${optional[@]}")
    for extra in "${extras[@]}"; do
        [ "$extra" = token ] || want+=("$extra")
    done
    want=$(IFS=, && echo "${want[*]}")
    rm -rf build/__editable__.*
    "${pip[@]}" install --no-build-isolation -e ".${want:+[$want]}" \
        --config-settings editable_mode=strict
    fingerprint >$stamp
fi
.venv/bin/python tools/say_backend.py
