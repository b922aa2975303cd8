#!/usr/bin/env bash
# usage: findings/sqlite_recompiles_cached_order_by.sh
#
# rusqlite 0.41.1 with its bundled SQLite 3.54.1: a statement from the statement cache is compiled again at every
# use if it has both `column = ?` and an ORDER BY, whatever the order is and whether or not an index serves it.
# Without the ORDER BY it is compiled once. The planner looks at bound values where they make the order simpler,
# and notes that the plan depends on them; the cache clears the bindings of what is given back, and SQLite takes
# that for a change of the values. So the cache saves nothing, without a sign but the counter of the statement.
# With SQLITE_DBCONFIG_ENABLE_QPSG (the planner looks at no values) each of them is compiled once.
# A prepared statement that is kept and bound again is compiled again twice, not ten times.
#
# Seen: of ten uses each, how often the statement was compiled again (SQLITE_STMTSTATUS_REPREPARE).
# Needs cargo, a C compiler and the registry. Ends with 1 if what is seen differs.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
mkdir src
cat >Cargo.toml <<'TOML'
[package]
name = "recompiled"
version = "0.1.0"
edition = "2021"

[dependencies]
libsqlite3-sys = "=0.39.1"
rusqlite = { version = "=0.41.1", features = ["bundled"] }
TOML
cat >src/main.rs <<'RUST'
use rusqlite::config::DbConfig;
use rusqlite::{Connection, StatementStatus};

const USES: i64 = 10;

fn connect(stable: bool) -> Connection {
    let connection = Connection::open_in_memory().unwrap();
    connection.execute_batch("CREATE TABLE t (id INTEGER PRIMARY KEY, key INTEGER); CREATE INDEX i ON t (key)").unwrap();
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, stable).unwrap();
    connection
}

fn cached(sql: &str, stable: bool) -> i32 {
    let connection = connect(stable);
    for n in 0..USES {
        let mut statement = connection.prepare_cached(sql).unwrap();
        statement.query_map([n], |row| row.get::<_, i64>(0)).unwrap().for_each(drop);
    }
    let statement = connection.prepare_cached(sql).unwrap();
    assert_eq!(i64::from(statement.get_status(StatementStatus::Run)), USES, "it is the same statement");
    statement.get_status(StatementStatus::RePrepare)
}

fn kept(sql: &str) -> i32 {
    let connection = connect(false);
    let mut statement = connection.prepare(sql).unwrap();
    for n in 0..USES {
        statement.query_map([n], |row| row.get::<_, i64>(0)).unwrap().for_each(drop);
    }
    statement.get_status(StatementStatus::RePrepare)
}

fn main() {
    let plain = "SELECT id FROM t WHERE key = ?1";
    let ordered = "SELECT id FROM t WHERE key = ?1 ORDER BY id";
    println!("SQLite {}", rusqlite::version());
    println!("cached, no order: {}", cached(plain, false));
    println!("cached, ordered: {}", cached(ordered, false));
    println!("cached, ordered, QPSG: {}", cached(ordered, true));
    println!("kept, ordered: {}", kept(ordered));
}
RUST

seen=$(cargo run --quiet --release)
expected='SQLite 3.54.1
cached, no order: 0
cached, ordered: 10
cached, ordered, QPSG: 0
kept, ordered: 2'
printf '%s\n' "$seen"
[ "$seen" = "$expected" ] || { printf 'expected:\n%s\n' "$expected" >&2; exit 1; }
