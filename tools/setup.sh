#!/bin/sh
# Make .venv with everything in it. Called by `make setup`, from the repository's root.
#
# What is needed fails loudly. What is only wanted (OpenCL, PyNX, LAMMPS) fails softly, with one
# line that says what will not work without it.
set -eu

PYTHON=${PYTHON:-python3}
LOG=$(mktemp)
trap 'rm -f "$LOG"' EXIT

say() { echo "setup: $*"; }
fail() {
    echo "setup: $*" >&2
    exit 1
}

can_apt() { [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; }

# apt_install PACKAGE...: install system packages, quietly; false if that fails.
apt_install() {
    can_apt || return 1
    say "installing system packages: $*"
    export DEBIAN_FRONTEND=noninteractive
    apt-get install -y -q --no-install-recommends "$@" >"$LOG" 2>&1 && return 0
    apt-get update -q >"$LOG" 2>&1 || return 1
    apt-get install -y -q --no-install-recommends "$@" >"$LOG" 2>&1
}

# run COMMAND...: run quietly; on failure leave the log for `reason`.
run() { "$@" >"$LOG" 2>&1; }
reason() {
    { grep -i '^ *error' "$LOG" || grep -v '^ *$' "$LOG" | tail -n 1; } | head -n 1 | cut -c 1-200
}

# --- Python ------------------------------------------------------------------------------------
has() { command -v "$1" >/dev/null; }
has "$PYTHON" || { [ "$PYTHON" = python3 ] && apt_install python3 python3-venv; } \
    || fail "no $PYTHON found: install Python >= 3.11 or call make with PYTHON=/path/to/python"
"$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
    || fail "$("$PYTHON" --version 2>&1) is not Python >= 3.11: call make with PYTHON=/path/to/one"
"$PYTHON" -c 'import ensurepip, venv' 2>/dev/null || apt_install python3-venv \
    || fail "$PYTHON has no venv module: install the system's package for it (python3-venv)"

# --- system packages, wanted only --------------------------------------------------------------
has_file() { for file in "$@"; do [ -e "$file" ] && return 0; done; return 1; }

wanted=""
# A second OpenCL platform beside the first makes PyNX wait for ever: PoCL only where there is none.
has_file /etc/OpenCL/vendors/*.icd || wanted="$wanted pocl-opencl-icd"
has_file /usr/include/CL/cl.h || wanted="$wanted ocl-icd-opencl-dev"
has g++ || wanted="$wanted g++"
include=$("$PYTHON" -c 'import sysconfig; print(sysconfig.get_path("include"))')
[ -e "$include/Python.h" ] || wanted="$wanted python3-dev"
if [ -n "$wanted" ]; then
    # shellcheck disable=SC2086  # a list of words
    apt_install $wanted \
        || say "without$wanted: PyNX may find no OpenCL and computes on the CPU, more slowly"
fi

# What the tests of the window and of the pages need: a screen that nobody looks at, Qt's system
# libraries, a browser.
wanted=""
has Xvfb || wanted="$wanted xvfb"
has chromium || has chromium-browser || has google-chrome || wanted="$wanted chromium"
libraries=$(ldconfig -p 2>/dev/null || true)
has_library() { case "$libraries" in *"$1"*) return 0 ;; esac; return 1; }
has_library libEGL.so.1 || wanted="$wanted libegl1"
has_library libxcb-cursor.so.0 || wanted="$wanted libxcb-cursor0"
has_library libxcb-icccm.so.4 || wanted="$wanted libxcb-icccm4"
has_library libxcb-keysyms.so.1 || wanted="$wanted libxcb-keysyms1"
has_library libxkbcommon-x11.so.0 || wanted="$wanted libxkbcommon-x11-0"
if [ -n "$wanted" ]; then
    # shellcheck disable=SC2086  # a list of words
    apt_install $wanted || say "without$wanted: tests of the window or of the pages are skipped"
fi

# --- the environment ---------------------------------------------------------------------------
run .venv/bin/python -m pip --version || {
    rm -rf .venv  # half made
    run "$PYTHON" -m venv .venv || fail "no .venv made: $(reason)"
}
pip_install() { run .venv/bin/python -m pip install -q -c constraints.txt "$@"; }

say "installing Python packages (some minutes the first time)"
pip_install -e '.[pynx,dev,cluster,train,window,docs]' || fail "pip could not install the packages: $(reason)"

load_lammps="from simulation.relaxation import load_lammps as load; load()"
pip_install ase finufft wulffpack || fail "pip could not install the packages: $(reason)"
{ pip_install -e '.[simulate]' && run .venv/bin/python -c "$load_lammps"; } \
    || say "LAMMPS is not installed, particles cannot be relaxed: $(reason)"

# PyNX's GPU languages; its CPU backend does without.
pip_install pyopencl || say "PyNX will find no OpenCL: $(reason)"
if has nvcc && nvidia-smi -L >/dev/null 2>&1; then
    pip_install pycuda pyvkfft || say "PyNX will find no CUDA: $(reason)"
else
    export VKFFT_BACKEND=opencl
    pip_install pyvkfft || say "pyvkfft did not build, PyNX phases on the CPU alone: $(reason)"
fi

.venv/bin/python tools/install_pynx.py 2>"$LOG" \
    || say "simulation by PyNX and phasing will not work: $(reason)"

say "done, the environment is .venv"
