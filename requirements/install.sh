#!/bin/sh
# Makes .venv: the project (editable) with every package at the version and hash that requirements/dev.txt names.
# Needs a python3 (3.8 or newer) or uv. Changes nothing outside of the checkout, but for uv's cache of downloads.
set -eu
cd "$(dirname "$0")/.."

say() { printf '%s\n' "$*" >&2; }
die() { say "error: $*"; exit 1; }

wanted=$(cat .python-version)
venv=.venv
private=.uv
runs() { "$@" >/dev/null 2>&1; }

# A uv or a python that is on PATH may be a version manager's stub which refuses to run here: believe only what answers.
find_uv() {
    for uv in uv "$private/bin/uv" "$HOME/.local/bin/uv" "$HOME/.cargo/bin/uv"; do
        if runs "$uv" --version; then return 0; fi
    done
    return 1
}

find_python() {
    for python in python3 python3.13 python3.12 python /usr/bin/python3 /usr/local/bin/python3; do
        if runs "$python" -c 'import sys; sys.exit(sys.version_info < (3, 8))'; then return 0; fi
    done
    return 1
}

make_private_uv() {
    find_python || die "no python3 (3.8 or newer) and no uv was found: install either one"
    say "Fetching uv into $private (once) ..."
    rm -rf "$private"
    if runs "$python" -m venv "$private"; then
        "$private/bin/python" -m pip install --quiet --require-hashes -r requirements/uv.txt
    elif rm -rf "$private" && runs "$python" -m pip --version; then # Debian without python3-venv
        "$python" -m pip install --quiet --require-hashes --target "$private" -r requirements/uv.txt
    else
        die "$python has neither venv nor pip: install uv, or python3-venv (Debian: apt-get install python3-venv)"
    fi
    find_uv || die "uv was installed into $private but does not run"
}

# uv does not read pip's settings. Who has packages from an index of their own, or a certificate of their own, told pip.
pip_setting() {
    for pip in "$private/bin/python" "${python:-python3}"; do
        if runs "$pip" -m pip --version; then
            "$pip" -m pip config list 2>/dev/null | sed -n "s/^global\.$1='\(.*\)'$/\1/p"
            return 0
        fi
    done
}

follow_pip() {
    find_python || return 0
    if [ -z "${UV_DEFAULT_INDEX:-}${UV_INDEX_URL:-}" ]; then
        index=${PIP_INDEX_URL:-$(pip_setting index-url)}
        if [ -n "$index" ]; then export UV_DEFAULT_INDEX="$index"; fi
    fi
    if [ -z "${SSL_CERT_FILE:-}" ]; then
        certificates=${PIP_CERT:-$(pip_setting cert)}
        if [ -n "$certificates" ]; then export SSL_CERT_FILE="$certificates"; fi
    fi
}

make_venv() {
    if runs "$venv/bin/python" -c 'import sys; sys.exit(sys.version_info < (3, 12))'; then return 0; fi
    if [ -e "$venv" ]; then say "Replacing $venv: its python does not run, or is older than 3.12."; fi
    rm -rf "$venv"
    interpreter=$wanted
    if ! runs "$uv" python find "$wanted"; then
        for candidate in "${PYENV_ROOT:-$HOME/.pyenv}/versions/$wanted"*/bin/python; do
            if runs "$candidate" -c ''; then interpreter=$candidate; fi
        done
        if [ "$interpreter" = "$wanted" ]; then say "No Python $wanted on this machine: uv downloads one ..."; fi
    fi
    runs "$uv" venv --python "$interpreter" "$venv" && return 0
    for version in 3.12 3.14; do
        rm -rf "$venv"
        if runs "$uv" python find "$version" && runs "$uv" venv --python "$version" "$venv"; then
            say "Python $wanted could not be had; using $version instead."
            return 0
        fi
    done
    "$uv" venv --python "$wanted" "$venv" || die "Python $wanted (or 3.12, 3.14) is needed and could not be had"
}

find_uv || make_private_uv
follow_pip
make_venv
quiet=--quiet
if [ -t 2 ]; then quiet=; fi # on a terminal uv shows what it downloads
say "Installing the environment into $venv (once; 1.4 GB on disk) ..."
"$uv" pip install $quiet --python "$venv/bin/python" --require-hashes -r requirements/dev.txt
"$uv" pip install $quiet --python "$venv/bin/python" --no-deps --no-build-isolation --editable .
say "Ready: $venv/bin/bayescompare"
