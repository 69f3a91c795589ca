# Sourced by the scripts beside it: what they call and the machine lacks comes through apt-get.
# shellcheck shell=bash

as_root=()
if [ "$(id -u)" -ne 0 ] && command -v sudo >/dev/null; then as_root=(sudo --non-interactive); fi

updated=false

# Installs these packages; fails if it cannot.
install_packages() {
    command -v apt-get >/dev/null || return 1
    local apt=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get --quiet --yes)
    if ! $updated; then
        "${apt[@]}" update || return 1
        updated=true
    fi
    "${apt[@]}" --no-install-recommends -o Dpkg::Options::=--force-confold install "$@"
}

# Installs what the tests themselves call: the tour of the demo is pasted with curl, the disk that fails is compiled.
install_what_tests_call() {
    local packages=()
    command -v curl >/dev/null || packages+=(curl ca-certificates)
    command -v cc >/dev/null || packages+=(gcc libc6-dev)
    [ ${#packages[@]} -eq 0 ] && return
    if ! install_packages "${packages[@]}"; then
        echo "The tests need ${packages[*]}, and apt-get cannot install them here: install them by hand." >&2
        exit 1
    fi
}

# Rust comes with rustup, not through apt-get: Debian's is older.
demand_rust() {
    local tool
    for tool in cargo rustc "$@"; do
        if ! command -v "$tool" >/dev/null || ! "$tool" --version >/dev/null 2>&1; then
            echo "There is no $tool. Install Rust 1.95 or newer through https://rustup.rs, with rustfmt and clippy:" >&2
            echo '    rustup component add rustfmt clippy' >&2
            exit 1
        fi
    done
}
