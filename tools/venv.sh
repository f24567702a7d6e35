#!/bin/sh
# usage: venv.sh PYTHON FOLDER
# Make a virtual environment with pip in it. Debian's python3 has venv but not ensurepip, and a bare
# machine has neither uv nor virtualenv: each way is tried in turn, and a half-made folder is removed.
set -u
python=$1
venv=$2

ready() { "$venv/bin/python" -m pip --version >/dev/null 2>&1; }
with_uv() { command -v uv && uv venv --quiet --seed --python "$python" "$venv"; }
with_venv() { "$python" -c 'import ensurepip, venv' && "$python" -m venv "$venv"; }
with_virtualenv() { "$python" -m virtualenv --quiet --python "$python" "$venv"; }
with_outer_pip() {
    "$python" -m venv --without-pip "$venv" &&
        "$python" -m pip --python "$venv/bin/python" install --quiet pip
}

if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
    echo "kizu: $python: not a Python 3.11 or newer. Choose one: make PYTHON=/path/to/python3 ..." >&2
    exit 2
fi
for way in with_uv with_venv with_virtualenv with_outer_pip; do
    rm -rf "$venv"
    "$way" >/dev/null 2>&1 && ready && exit 0
done
rm -rf "$venv"
echo "kizu: $venv: no way to make a virtual environment. Install one: sudo apt-get install python3-venv" >&2
exit 2
