//! A store is made: by several at once, or by one that is killed on the way.

use super::*;

/// A database without a name, as SQLite has it after its first change of mode.
fn nameless_database(folder: &Path, mode: &str) {
    let connection = Connection::open(folder.join("motet.db")).unwrap();
    connection.pragma_update(None, "journal_mode", mode).unwrap();
    connection.pragma_update(None, "user_version", 1).unwrap();
    connection.pragma_update(None, "user_version", 0).unwrap();
}

#[test]
fn every_state_that_a_first_open_leaves_is_gone_on_with() {
    let states: [State; 13] = [
        ("an empty folder", |_| {}),
        ("a lock", |it| write(&it.join("owner.lock"), "")),
        ("a lock with a note", |it| write(&it.join("owner.lock"), "4711\n1800000000000\n")),
        ("an empty database", |it| write(&it.join("motet.db"), "")),
        ("a database before its first change", |it| {
            write(&it.join("motet.db"), "");
            write(&it.join("motet.db-journal"), "half a journ");
        }),
        ("a nameless database", |it| nameless_database(it, "delete")),
        ("a nameless database with a log", |it| nameless_database(it, "wal")),
        ("a nameless database with an empty log", |it| {
            nameless_database(it, "wal");
            write(&it.join("motet.db-wal"), "");
            write(&it.join("motet.db-shm"), "");
        }),
        ("a named database", |it| {
            nameless_database(it, "delete");
            let connection = Connection::open(it.join("motet.db")).unwrap();
            connection.pragma_update(None, "application_id", 0x6d6f_7445).unwrap();
        }),
        ("folders", |it| {
            for name in ["artifacts", "scratch", "children"] {
                fs::create_dir(it.join(name)).unwrap();
            }
        }),
        ("a mark and a simulator that begins", |it| {
            write(&it.join("mark"), "");
            write(&it.join("sim/log"), "it begins");
            write(&it.join("sim/jobs/sim.jsonl"), "");
        }),
        ("a simulator that is reached", |it| {
            write(&it.join("sim/address.json"), "{\"url\":\"http://127.0.0.1:1\"}");
            write(&it.join("sim/address.json.4711"), "");
        }),
        ("a socket", |it| drop(std::os::unix::net::UnixListener::bind(it.join("control.sock")).unwrap())),
    ];
    for (name, make) in states {
        let folder = tempfile::tempdir().unwrap();
        make(folder.path());
        let missing = Store::open_read_only(folder.path()).map(drop);
        assert!(matches!(missing, Err(StoreError::Missing { .. })), "{name}: {missing:?}");
        let store = Store::open(folder.path()).unwrap_or_else(|error| panic!("{name}: {error}"));
        let score = Score::four_steps("r").kept_in(&store);
        drop(store);
        assert_eq!(Store::open(folder.path()).unwrap().turns(&score.run).unwrap(), score.turns(), "{name}");
    }
}

/// What changes or locks a file or folder, or makes it durable: where this process differs from before.
const CHANGES: &str = "?mkdir,mkdirat,fcntl,pwrite64,ftruncate,fsync,fdatasync,?chmod,fchmod,fchmodat,fchown,\
                       ?unlink,unlinkat,?rename,renameat,renameat2";

#[test]
#[cfg(target_os = "linux")]
fn a_first_open_that_is_killed_at_any_change_is_gone_on_with() {
    let folder = tempfile::tempdir().unwrap();
    let killed_at = |number: usize, store: &Path| {
        let inject = format!("inject={CHANGES}:signal=KILL:when={number}");
        let outer = ["strace", "-f", "-qqq", "-o", "/dev/null", "-e", &inject];
        child::play_within(&outer, "first_open::opens_a_store_for_the_first_time", store).output()
    };
    let tried = Command::new("strace").args(["-qqq", "-o", "/dev/null", "true"]).status();
    if !tried.is_ok_and(|status| status.success()) {
        eprintln!("skipped: this user can't trace, or there is no strace");
        return;
    }
    let mut states = BTreeMap::new();
    for number in 1.. {
        let store = folder.path().join(number.to_string());
        if killed_at(number, &store).unwrap().status.success() {
            break;
        }
        let state: Vec<PathBuf> = match store.exists() {
            true => {
                contents(&store).into_keys().map(|path| path.strip_prefix(&store).unwrap().into()).collect()
            }
            false => vec!["nothing".into()],
        };
        *states.entry(state.clone()).or_insert(0) += 1;
        let opened =
            Store::open(&store).unwrap_or_else(|error| panic!("killed at {number}, {state:?}: {error}"));
        let score = Score::four_steps("r").kept_in(&opened);
        assert_eq!(opened.turns(&score.run).unwrap(), score.turns());
    }
    // How many there are depends on which thread is first.
    assert!(states.len() > 4, "the kills fell everywhere: {states:?}");
}

#[test]
#[ignore = "played by the test above, in a process of its own"]
fn opens_a_store_for_the_first_time() {
    let Some(folder) = child::folder() else { return };
    Store::open(&folder).unwrap().put_bytes(b"x").unwrap();
}

#[test]
fn processes_that_make_a_store_at_once_all_succeed() {
    let folder = tempfile::tempdir().unwrap();
    for round in 0..10 {
        let store = folder.path().join(round.to_string());
        let children: Vec<_> = (0..6)
            .map(|_| {
                child::play("first_open::opens_a_store_for_the_first_time", &store)
                    .stderr(std::process::Stdio::piped())
                    .spawn()
                    .unwrap()
            })
            .collect();
        for child in children {
            let output = child.wait_with_output().unwrap();
            assert!(
                output.status.success(),
                "{}",
                String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr)
            );
        }
        assert!(Store::open(&store).unwrap().check().unwrap().is_good());
    }
}

/// A store as format 2 left it in the folder, killed before its log was folded into its database.
fn killed_store_of_format_2(folder: &Path) -> Digest {
    let made = tempfile::tempdir().unwrap();
    let connection = Connection::open(made.path().join("motet.db")).unwrap();
    connection.pragma_update(None, "journal_mode", "wal").unwrap();
    let migrations =
        [include_str!("../../src/migrations/0001.sql"), include_str!("../../src/migrations/0002.sql")];
    let header = "PRAGMA application_id = 0x6d6f7445; PRAGMA user_version = 2;";
    connection.execute_batch(&format!("BEGIN; {} {header} COMMIT;", migrations.concat())).unwrap();
    for name in ["motet.db", "motet.db-wal", "motet.db-shm"] {
        fs::copy(made.path().join(name), folder.join(name)).unwrap();
    }
    let digest = Digest::of(b"kept");
    write(&folder.join("artifacts").join(&digest.hex()[..2]).join(&digest.hex()[2..]), "kept");
    write(&folder.join("scratch/0123456789abcdef0123456789abcdef/half.mp4"), "half");
    write(&folder.join("owner.lock"), "4711\n1800000000000\n/somewhere/control.sock");
    digest
}

#[test]
fn a_store_of_format_2_whose_name_was_in_its_log_only_is_recognised() {
    let folder = tempfile::tempdir().unwrap();
    let digest = killed_store_of_format_2(folder.path());
    Store::open_read_only(folder.path()).unwrap();
    let store = Store::open(folder.path()).unwrap();
    assert!(store.has(&digest));
    assert_eq!(store.check().unwrap().unreferenced, [digest]);
}

#[test]
fn what_only_a_store_leaves_is_a_store_whose_database_is_gone() {
    let states: [State; 5] = [
        ("the note of an owner that is gone", |it| {
            write(&it.join("owner.lock"), "4711 1 x\n1800000000000\n/a/control.sock");
        }),
        ("of one that left", |it| write(&it.join("owner.lock"), "4711\n1800000000000\nleft")),
        ("a log without the first page", |it| {
            let made = tempfile::tempdir().unwrap();
            let store = Store::open(made.path()).unwrap();
            Score::four_steps("r").kept_in(&store);
            let mut log = fs::read(made.path().join("motet.db-wal")).unwrap();
            let page_bytes = u32::from_be_bytes(log[8..12].try_into().unwrap()) as usize;
            for frame in log[32..].chunks_mut(24 + page_bytes).filter(|frame| frame[..4] == [0, 0, 0, 1]) {
                frame[3] = 2;
            }
            fs::write(it.join("motet.db-wal"), log).unwrap();
        }),
        ("a mark", |it| {
            write(&it.join("motet.db"), "");
            let made = tempfile::tempdir().unwrap();
            Score::four_steps("r").kept_in(&Store::open(made.path()).unwrap());
            fs::copy(made.path().join("mark"), it.join("mark")).unwrap();
        }),
        ("an artifact", |it| {
            let made = tempfile::tempdir().unwrap();
            Store::open(made.path()).unwrap().put_bytes(b"x").unwrap();
            fs::rename(made.path().join("artifacts"), it.join("artifacts")).unwrap();
        }),
    ];
    for (name, make) in states {
        let folder = tempfile::tempdir().unwrap();
        make(folder.path());
        let before = contents(folder.path());
        for outcome in [
            Store::open(folder.path()).map(drop),
            Store::open_read_only(folder.path()).map(drop),
            StoreFolder::enter(folder.path()).map(drop),
        ] {
            let error = refused(outcome);
            assert!(matches!(error, StoreError::Gone { .. }), "{name}: {error:?}");
        }
        assert_eq!(contents(folder.path()), before, "{name}");
    }
}

#[test]
fn a_log_without_its_database_is_left_as_it_is() {
    for leave in [None, Some("")] {
        let folder = tempfile::tempdir().unwrap();
        killed_store_of_format_2(folder.path());
        fs::remove_file(folder.path().join("motet.db")).unwrap();
        if let Some(text) = leave {
            write(&folder.path().join("motet.db"), text);
        }
        let before = contents(folder.path());
        for outcome in [Store::open(folder.path()).map(drop), Store::open_read_only(folder.path()).map(drop)]
        {
            let error = refused(outcome);
            assert!(matches!(error, StoreError::Gone { .. }), "{error:?}");
            insta::assert_snapshot!("a_log_without_its_database", message(&error, folder.path()));
        }
        assert_eq!(contents(folder.path()), before);
    }
}

/// Whether the system knows of a lock on the database of a store and of one on its index of the log: SQLite holds both
/// as long as it has them open.
#[cfg(target_os = "linux")]
fn is_locked(store: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let number = |name: &str| format!(":{} ", fs::metadata(store.join(name)).unwrap().ino());
    let locks = fs::read_to_string("/proc/locks").unwrap();
    ["motet.db", "motet.db-shm"].map(number).iter().all(|number| locks.contains(number.as_str()))
}

#[test]
#[cfg(target_os = "linux")]
fn a_store_is_not_opened_by_hand_beside_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    Score::four_steps("r").kept_in(&store);
    assert!(is_locked(folder.path()));
    // To close a file ends all locks of this process on it, also those of other openings.
    drop(StoreFolder::enter(folder.path()).unwrap());
    drop(Store::open_read_only(folder.path()).unwrap());
    drop(Store::open(folder.path()).unwrap());
    fs::set_permissions(folder.path().join("motet.db"), fs::Permissions::from_mode(0o644)).unwrap();
    drop(Store::open(folder.path()).unwrap());
    assert!(is_locked(folder.path()));
}
