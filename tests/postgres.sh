# Sourced by the scripts beside it: a PostgreSQL cluster of their own in a temporary directory.
#
# start_postgres sets OBHUT_TEST_POSTGRES_URL; stop_postgres ends the cluster and removes it.
# shellcheck shell=bash

# shellcheck source=tests/packages.sh
source "$(dirname "${BASH_SOURCE[0]}")/packages.sh"

cluster=''
said=''
as_server=()

# The directory of PostgreSQL's newest server programs; empty if there are none.
server_programs() {
    local found
    found=$(find /usr/lib/postgresql/*/bin /usr/pgsql-*/bin -name initdb 2>/dev/null | sort -V | tail -n 1) || true
    if [ -z "$found" ]; then
        found=$(command -v initdb) || true
    fi
    if [ -n "$found" ]; then
        dirname "$found"
    fi
}

# Debian starts a cluster for everybody when it installs the server, unless it is told not to. It is told, and what it was
# told is taken back: the file that says so looks as before at the end.
CREATE=/etc/postgresql-common/createcluster.conf

install_postgres() {
    if ! command -v apt-get >/dev/null; then
        echo 'There is no apt-get here: install the PostgreSQL server, or set OBHUT_TEST_POSTGRES_URL.' >&2
        exit 1
    fi
    # This package makes no cluster; it brings the file.
    install_packages postgresql-common || exit 1
    said=$(mktemp /tmp/obhut-createcluster.XXXXXX)
    "${as_root[@]}" cp -p "$CREATE" "$said"
    # The last one counts.
    echo 'create_main_cluster = false' | "${as_root[@]}" tee -a "$CREATE" >/dev/null
    local installed=true
    install_packages postgresql || installed=false
    restore_createcluster
    $installed || exit 1
}

# Also called when the installation is cut short.
restore_createcluster() {
    if [ -n "$said" ]; then
        "${as_root[@]}" cp -p "$said" "$CREATE"
        "${as_root[@]}" rm -f "$said"
        said=''
    fi
}

start_postgres() {
    programs=$(server_programs)
    if [ -z "$programs" ]; then
        install_postgres
        programs=$(server_programs)
    fi
    cluster=$(mktemp -d /tmp/obhut-tests.XXXXXX)
    # PostgreSQL refuses to run as root.
    if [ "$(id -u)" -eq 0 ]; then
        local user
        for user in postgres nobody; do
            if id "$user" >/dev/null 2>&1; then break; fi
        done
        chown "$user" "$cluster"
        as_server=(setpriv --reuid "$user" --regid "$(id -g "$user")" --clear-groups env -C "$cluster" HOME="$cluster" LC_ALL=C.UTF-8)
    else
        as_server=(env -C "$cluster" LC_ALL=C.UTF-8)
    fi
    # Only who may enter the directory (this user and root) reaches the server; so it needs no password.
    "${as_server[@]}" "$programs/initdb" --pgdata "$cluster/data" --username obhut --auth trust --encoding UTF8 \
        --no-sync --no-instructions >"$cluster/initdb.log" 2>&1 || { cat "$cluster/initdb.log" >&2; exit 1; }
    printf '%s\n' "listen_addresses = ''" "unix_socket_directories = '$cluster'" 'max_connections = 200' \
        'shared_buffers = 64MB' 'wal_recycle = off' "log_min_messages = 'fatal'" | "${as_server[@]}" tee -a "$cluster/data/postgresql.conf" >/dev/null
    "${as_server[@]}" "$programs/pg_ctl" --pgdata "$cluster/data" --log "$cluster/server.log" --wait --silent start \
        || { cat "$cluster/server.log" >&2; exit 1; }
    export OBHUT_TEST_POSTGRES_URL="postgres://obhut@/postgres?host=$cluster"
    "$programs/postgres" --version
}

stop_postgres() {
    restore_createcluster
    if [ -n "$cluster" ]; then
        if [ -f "$cluster/data/postmaster.pid" ]; then
            "${as_server[@]}" "$programs/pg_ctl" --pgdata "$cluster/data" --mode immediate --silent stop || true
        fi
        rm -rf "$cluster"
    fi
}
