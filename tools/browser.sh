#!/bin/sh
# Make sure that there is a Chromium for the browser tests. Without one they are skipped, but never under CI.
set -u

found() {
    for name in chromium chromium-browser google-chrome; do
        command -v "$name" >/dev/null 2>&1 && return 0
    done
    return 1
}

apt() {
    if [ "$(id -u)" -eq 0 ]; then
        DEBIAN_FRONTEND=noninteractive apt-get "$@"
    else
        sudo -n env DEBIAN_FRONTEND=noninteractive apt-get "$@"
    fi
}

found && exit 0
if command -v apt-get >/dev/null 2>&1; then
    apt install -y -qq --no-install-recommends chromium >/dev/null 2>&1 ||
        { apt update -qq && apt install -y -qq --no-install-recommends chromium; } >/dev/null 2>&1
fi
found && exit 0
if [ -n "${CI:-}" ]; then
    echo "kizu: no Chromium and none could be installed; under CI the browser tests may not be skipped. Install it: apt-get install chromium" >&2
    exit 1
fi
echo "BROWSER TESTS WILL BE SKIPPED: no Chromium. Install it: sudo apt-get install chromium" >&2
