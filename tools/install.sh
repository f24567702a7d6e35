#!/bin/sh
# usage: install.sh VENV REQUIREMENTS
# pip and not uv: only pip reads the pip.conf that may choose an index or the CPU build of torch.
set -eu
"$1/bin/python" -m pip install --quiet -r "$2" -e .
