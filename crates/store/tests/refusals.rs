//! Disks that are full, stores that can't be written, are newer, damaged or not ours: each says so.

mod child;
mod score;

use std::path::Path;
use std::process::Command;
use std::sync::{Arc, mpsc};

use motet_engine::event::LateEnd;
use motet_engine::{AttemptEvent, AttemptKey, Event, Turn};
use motet_pipeline::{Cost, Digest, StepPath, Timestamp, Value};
use motet_store::{FORMAT, Record, Store, StoreError};
use rusqlite::Connection;

use score::Score;

/// The message with the test's folder left out.
fn message(error: &StoreError, folder: &Path) -> String {
    error.to_string().replace(&*folder.to_string_lossy(), "FOLDER")
}

#[test]
fn every_message_says_what_where_and_what_to_do() {
    let file = || std::path::PathBuf::from("film/.motet/motet.db");
    let run = || motet_engine::RunId::new("7Q2K");
    let odd = || Arc::new(rusqlite::Error::QueryReturnedNoRows);
    let denied = || Arc::new(std::io::ErrorKind::NotFound.into());
    let messages = [
        StoreError::Full { file: file() },
        StoreError::FileLimit { file: file() },
        StoreError::InsideItself { folder: "film/.motet/copy".into() },
        StoreError::NotAFolder { file: "film/letter".into(), is: "a file" },
        StoreError::ReadOnly { file: file() },
        StoreError::Busy { file: file() },
        StoreError::Disk { file: file(), source: odd() },
        StoreError::Database { file: file(), source: odd() },
        StoreError::Io { doing: "open", file: file(), source: denied() },
        StoreError::OutOfOrder { run: run(), expected: 4, found: 6 },
        StoreError::NotStarted { run: run() },
        StoreError::NoRun { run: run() },
        StoreError::DeletedRun { run: run(), at: Timestamp(0) },
        StoreError::NoArtifact { digest: Digest::of(b"x"), file: "film/.motet/artifacts/2d/711…".into() },
        StoreError::Closed,
    ];
    insta::assert_snapshot!(messages.map(|message| message.to_string()).join("\n"));
}

#[test]
fn a_folder_without_a_store_is_missing() {
    let folder = tempfile::tempdir().unwrap();
    let error = Store::open_read_only(folder.path()).err().unwrap();
    assert!(matches!(error, StoreError::Missing { .. }));
    insta::assert_snapshot!(message(&error, folder.path()));
}

#[test]
fn a_newer_store_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    drop(Store::open(folder.path()).unwrap());
    let connection = Connection::open(folder.path().join("motet.db")).unwrap();
    connection.pragma_update(None, "user_version", 99).unwrap();
    drop(connection);
    for open in [Store::open, Store::open_read_only] {
        let error = open(folder.path()).err().unwrap();
        assert!(matches!(error, StoreError::Newer { found: 99, supported: FORMAT, .. }));
        insta::assert_snapshot!("a_newer_store_is_refused", message(&error, folder.path()));
    }
}

#[test]
fn a_newer_run_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let score = Score::four_steps("r").kept_in(&store);
    let connection = Connection::open(folder.path().join("motet.db")).unwrap();
    connection.execute("UPDATE runs SET schema = 7", []).unwrap();
    let error = store.turns(&score.run).unwrap_err();
    insta::assert_snapshot!(message(&error, folder.path()));
}

#[test]
fn a_file_that_is_no_store_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("motet.db");
    std::fs::write(&file, "this is a letter, and it is longer than the header of a database is. ".repeat(20))
        .unwrap();
    let error = Store::open(folder.path()).err().unwrap();
    assert!(matches!(error, StoreError::Foreign { .. }), "{error:?}");
    insta::assert_snapshot!(message(&error, folder.path()));
    assert!(std::fs::read_to_string(&file).unwrap().starts_with("this is a letter"));

    std::fs::remove_file(&file).unwrap();
    Connection::open(&file).unwrap().execute_batch("CREATE TABLE songs (name TEXT)").unwrap();
    assert!(matches!(Store::open(folder.path()).err().unwrap(), StoreError::Foreign { .. }));
}

#[test]
fn a_damaged_store_says_so_and_its_check_tells_where() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let score = Score::four_steps("r").kept_in(&store);
    score.put_artifacts(&store);
    let connection = Connection::open(folder.path().join("motet.db")).unwrap();
    connection
        .execute(r#"UPDATE journal SET body = '[{"odd', packed = NULL, "check" = NULL WHERE number = 4"#, [])
        .unwrap();
    let torn = message(&store.turns(&score.run).unwrap_err(), folder.path());
    connection.execute("DELETE FROM journal WHERE number = 4", []).unwrap();
    let gap = message(&store.turns(&score.run).unwrap_err(), folder.path());
    insta::assert_snapshot!(format!("{torn}\n{gap}"));
    let report = store.check().unwrap();
    assert!(!report.is_good());
    assert_eq!(report.journals[0].0, score.run);
}

/// As where the databases of two stores were exchanged.
#[test]
fn a_journal_that_is_of_another_run_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let scores = ["one", "two"].map(|name| Score::four_steps(name).kept_in(&store));
    let connection = Connection::open(folder.path().join("motet.db")).unwrap();
    for (from, to) in [("one", "other"), ("two", "one"), ("other", "two")] {
        connection.execute("UPDATE runs SET id = ?2 WHERE id = ?1", [from, to]).unwrap();
    }
    let is_told = |error: Option<StoreError>| {
        let what = error.as_ref().map(StoreError::what).unwrap_or_default();
        assert!(what.contains("turn 1 of run one is one of run two"), "{error:?}");
    };
    is_told(store.turns(&scores[0].run).err());
    is_told(store.known_turn(&scores[0].run, 1).err());
    assert_eq!(store.check().unwrap().journals.len(), 2);
}

/// Each page is whole by itself, so only a comparison with the table tells.
#[test]
fn an_index_that_is_not_that_of_its_table_is_found_and_made_again() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("motet.db");
    Score::four_steps("r").kept_in(&Store::open(folder.path()).unwrap());
    for index in ["steps_failed", "runs_continued", "runs_unfinished"] {
        let connection = Connection::open(&file).unwrap();
        let page = |name: &str| {
            let sql = "SELECT rootpage FROM sqlite_schema WHERE name = ?1";
            connection.query_row(sql, [name], |row| row.get::<_, u32>(0)).unwrap() as usize
        };
        let size: u32 = connection.query_row("PRAGMA page_size", [], |row| row.get(0)).unwrap();
        let size = size as usize;
        let (from, to) = (page("sqlite_autoindex_runs_1"), page(index));
        drop(connection);
        let mut bytes = std::fs::read(&file).unwrap();
        bytes.copy_within((from - 1) * size..from * size, (to - 1) * size);
        std::fs::write(&file, bytes).unwrap();

        let store = Store::open(folder.path()).unwrap();
        let report = store.check().unwrap();
        assert!(report.database.iter().any(|found| found.contains(index)), "{index}: {:?}", report.database);
        store.rebuild_projections().unwrap();
        assert_eq!(store.check().unwrap().database, Vec::<String>::new(), "{index}");
    }
}

/// Whoever reads a run notices it; `show` reads only a few turns.
#[test]
fn a_turn_that_was_removed_is_noticed_by_every_reader_of_its_run() {
    let going = |turns: usize| {
        let mut records = Score::four_steps("r").records();
        records.truncate(turns);
        records
    };
    // The first one, one between others, and the last one, of a run that is over and of one that isn't.
    for (turns, removed) in [(10, 1), (10, 5), (10, 10), (7, 1), (7, 4), (7, 7)] {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        store.append_now(going(turns)).unwrap();
        // What comes behind it in the journal of all runs hides it from the mark.
        Score::four_steps("later").kept_in(&store);
        let connection = Connection::open(folder.path().join("motet.db")).unwrap();
        connection.execute("DELETE FROM journal WHERE run = 1 AND number = ?1", [removed as i64]).unwrap();
        let run = motet_engine::RunId::new("r");
        let what = format!("turn {removed} of run r is missing");
        let is_told = |error: Option<StoreError>| {
            assert!(
                error.as_ref().is_some_and(|it| it.what().contains(&what)),
                "{turns} {removed}: {error:?}"
            );
        };
        let known = store.steps(&run).unwrap();
        let known = known.iter().flat_map(|row| [row.first_turn, row.ended_turn]).flatten().max().unwrap();
        is_told(store.judge_journal(&run, known).err());
        is_told(store.known_turn(&run, removed).err());
        if turns == 10 {
            is_told(store.turns(&run).err());
            assert_eq!(store.past(&run).unwrap(), None);
        } else {
            is_told(store.past(&run).err());
        }
        assert!(!store.check().unwrap().is_good());
    }
}

/// Instead of `record`, an attempt that ends late and cost something.
fn late_cost(record: &Record) -> Record {
    let ended = Event::Attempt {
        key: AttemptKey { step: StepPath::root().step("image"), number: 1 },
        event: AttemptEvent::Ended {
            end: LateEnd::Cancelled,
            output: None,
            cost: Cost::billed("0.002".parse().unwrap()),
            why: None,
            cache: None,
        },
    };
    let turn = Turn { number: record.turn.number, at: record.turn.at, events: vec![ended] };
    Record { run: record.run.clone(), turn: Arc::new(turn) }
}

/// Law L3: what a run cost is never counted from zero again because its total can't be read.
#[test]
fn an_amount_that_cannot_be_read_is_an_error_and_the_journal_tells_it_again() {
    for table in ["runs", "steps"] {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let records = Score::four_steps("r").records();
        let (first, last) = records.split_at(3);
        store.append_now(first).unwrap();
        let late = [late_cost(&last[0])];
        let connection = Connection::open(folder.path().join("motet.db")).unwrap();
        let cost = || -> Vec<String> {
            let mut statement = connection.prepare(&format!("SELECT cost FROM {table}")).unwrap();
            statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
        };
        assert_eq!(cost(), ["0.001"]);
        connection.execute(&format!("UPDATE {table} SET cost = '0.0O3'"), []).unwrap();
        let error = store.append_now(&late).unwrap_err();
        assert!(matches!(error, StoreError::Corrupt { .. }), "{error:?}");
        insta::allow_duplicates! { insta::assert_snapshot!(message(&error, folder.path())); }
        assert_eq!(cost(), ["0.0O3"], "nothing was added");
        drop(store);

        let store = Store::open(folder.path()).unwrap();
        store.rebuild_projections().unwrap();
        assert_eq!(cost(), ["0.001"]);
        store.append_now(&late).unwrap();
        assert_eq!(cost(), ["0.003"]);
    }
}

/// Changes a word in the packed body of a turn of the run `r`, where it stands as it is.
fn change_text(connection: &Connection, turn: i64, from: &str, to: &[u8]) {
    let of_turn = "number = ?1 AND run = (SELECT number FROM runs WHERE id = 'r')";
    let sql = format!("SELECT packed FROM journal WHERE {of_turn}");
    let mut packed: Vec<u8> = connection.query_row(&sql, [turn], |row| row.get(0)).unwrap();
    let at = packed.windows(from.len()).position(|window| window == from.as_bytes()).unwrap();
    packed[at..at + from.len()].copy_from_slice(to);
    let sql = format!("UPDATE journal SET packed = ?2 WHERE {of_turn}");
    assert_eq!(connection.execute(&sql, rusqlite::params![turn, packed]).unwrap(), 1);
}

#[test]
fn a_changed_letter_in_a_turn_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let score = Score::four_steps("r").kept_in(&store);
    let other = Score::four_steps("other").kept_in(&store);
    let connection = Connection::open(folder.path().join("motet.db")).unwrap();
    let change = |column: &str| {
        let sql = format!(
            "UPDATE journal SET {column} WHERE number = 5 AND run = (SELECT number FROM runs WHERE id = 'r')"
        );
        assert_eq!(connection.execute(&sql, []).unwrap(), 1);
    };
    let is_found = || {
        let error = store.turns(&score.run).unwrap_err();
        assert!(matches!(error, StoreError::Corrupt { .. }), "{error:?}");
        let report = store.check().unwrap();
        assert_eq!(
            report.journals,
            [(score.run.clone(), "turn 5 of run r isn't what was written".to_owned())]
        );
        error
    };
    change_text(&connection, 5, "drawn", b"drown");
    let error = is_found();
    insta::assert_snapshot!(message(&error, folder.path()));
    assert!(matches!(
        store.output(&score.run, &StepPath::from_text("video")),
        Err(StoreError::Corrupt { .. })
    ));
    let made_again = store.rebuild_projections().unwrap_err().to_string();
    assert!(made_again.contains("turn 5 of run number 1 isn't what was written"), "{made_again}");
    assert_eq!(store.turns(&other.run).unwrap(), other.turns(), "another run is not concerned");

    change_text(&connection, 5, "drown", b"drawn");
    assert_eq!(store.turns(&score.run).unwrap(), score.turns());
    change("at = at + 1");
    is_found();
    change("at = at - 1");
    // No text any more.
    change_text(&connection, 5, "drawn", b"d\xf2awn");
    is_found();
}

#[test]
fn a_changed_letter_in_a_turn_without_a_check_is_read_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let score = Score::four_steps("r").kept_in(&store);
    let connection = Connection::open(folder.path().join("motet.db")).unwrap();
    change_text(&connection, 5, "drawn", b"drown");
    connection.execute(r#"UPDATE journal SET "check" = NULL"#, []).unwrap();
    let turns = store.turns(&score.run).unwrap();
    assert_eq!(turns.len(), score.turns().len());
    assert_ne!(turns, score.turns());
    assert_eq!(store.check().unwrap().journals, []);
}

/// A run that was given a long text, and how that is kept.
fn with_a_long_text(store: &Store) -> (Score, String, Digest) {
    let text = Value::from("x".repeat(100_000));
    let kept = serde_json::to_string(&text).unwrap();
    let score = Score::started("r", Value::map([("text", text)])).kept_in(store);
    let digest = Digest::of(kept.as_bytes());
    (score, kept, digest)
}

/// A store whose values are read anew, not remembered.
fn again(store: Store) -> Store {
    let folder = store.folder().to_owned();
    drop(store);
    Store::open(&folder).unwrap()
}

#[test]
fn a_changed_letter_in_a_long_value_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let (score, text, digest) = with_a_long_text(&store);
    std::fs::remove_file(store.path_of(&digest)).unwrap();
    std::fs::write(store.path_of(&digest), text.replacen("xx", "xy", 1)).unwrap();
    let store = again(store);
    let error = store.turns(&score.run).unwrap_err().to_string();
    assert!(error.contains("turn 1 of run r isn't what was written"), "{error}");
    let report = store.check().unwrap();
    assert_eq!((report.journals.len(), report.damaged), (1, vec![digest]));
}

#[test]
fn a_missing_long_value_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let (score, _, digest) = with_a_long_text(&store);
    std::fs::remove_file(store.path_of(&digest)).unwrap();
    let store = again(store);
    assert!(
        matches!(store.turns(&score.run), Err(StoreError::NoArtifact { digest: missing, .. }) if missing == digest)
    );
    assert_eq!(store.check().unwrap().missing, [digest]);
}

#[test]
fn what_was_opened_to_look_at_is_not_written() {
    let folder = tempfile::tempdir().unwrap();
    let owner = Store::open(folder.path()).unwrap();
    let score = Score::four_steps("r").kept_in(&owner);
    let store = Store::open_read_only(folder.path()).unwrap();
    assert_eq!(store.turns(&score.run).unwrap(), score.turns());
    let read_only =
        |outcome: Result<(), StoreError>| assert!(matches!(outcome, Err(StoreError::ReadOnly { .. })));
    read_only(store.append_now(Score::four_steps("s").records()));
    read_only(store.put_bytes(b"x").map(drop));
    read_only(store.heartbeat(motet_pipeline::Timestamp(1)));
    let (done, outcome) = mpsc::channel();
    store.append(Score::four_steps("s").records().remove(0), move |it| done.send(it).unwrap());
    read_only(outcome.recv().unwrap());

    let later = Score::four_steps("later").kept_in(&owner);
    assert_eq!(store.turns(&later.run).unwrap(), later.turns(), "it sees what the owner writes meanwhile");
}

#[test]
fn two_writers_are_slow_and_harmless() {
    let folder = tempfile::tempdir().unwrap();
    let stores = [Store::open(folder.path()).unwrap(), Store::open(folder.path()).unwrap()];
    let scores: Vec<Score> = (0..20).map(|n| Score::four_steps(&format!("r{n}"))).collect();
    for turn in 0..scores[0].turns().len() {
        for (n, score) in scores.iter().enumerate() {
            let records = &score.records()[turn..=turn];
            stores[(n + turn) % 2].append_now(records).unwrap();
            let again = stores[(n + turn + 1) % 2].append_now(records);
            assert!(matches!(again, Err(StoreError::OutOfOrder { .. })), "{again:?}");
        }
    }
    for score in &scores {
        assert_eq!(stores[0].turns(&score.run).unwrap(), score.turns());
    }
}

/// What the child writes to say that its story ended as it should.
const AS_TOLD: &str = "it went as it should";

fn assert_as_told(mut command: Command) {
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains(AS_TOLD), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

#[test]
fn a_store_that_may_not_be_written_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let whole = folder.path().join("store");
    let store = Store::open(&whole).unwrap();
    Score::four_steps("r").kept_in(&store);
    drop(store);
    let read_only = |path: &Path, mode| {
        let mode = std::os::unix::fs::PermissionsExt::from_mode(mode);
        std::fs::set_permissions(path, mode).unwrap();
    };
    read_only(folder.path(), 0o755);
    read_only(&whole.join("motet.db"), 0o444);
    read_only(&whole, 0o555);
    // Nothing is read-only for root.
    let outer: &[&str] =
        if is_root() { &["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] } else { &[] };
    assert_as_told(child::play_within(outer, "opens_a_store_that_may_not_be_written", &whole));
    read_only(&whole, 0o755);
}

#[test]
#[ignore = "played by the test above, in a process of its own"]
fn opens_a_store_that_may_not_be_written() {
    let Some(folder) = child::folder() else { return };
    let error = Store::open(&folder).err().unwrap();
    assert!(matches!(error, StoreError::ReadOnly { .. }), "{error:?}");
    let store = Store::open_read_only(&folder).unwrap();
    assert_eq!(store.runs(&Default::default()).unwrap().len(), 1);
    println!("{AS_TOLD}");
}

#[test]
fn a_full_disk_loses_nothing_and_hangs_nobody() {
    let folder = tempfile::tempdir().unwrap();
    // SQLite keeps to itself why a file may not grow any more, unless the disk is full; the store looks.
    let limited = ["sh", "-c", "trap '' XFSZ; ulimit -f 4000; exec \"$@\"", "sh"];
    assert_as_told(child::play_within(&limited, "writes_until_the_disk_is_full", folder.path()));

    // A real full disk, where this user may make one that ends with the child.
    let mounted = folder.path().join("disk");
    std::fs::create_dir(&mounted).unwrap();
    let script = "mount -t tmpfs -o size=4m none \"$0\" && exec \"$@\"";
    let mounted_text = mounted.to_str().unwrap();
    let can_mount = Command::new("unshare").args(["-m", "sh", "-c", script, mounted_text, "true"]).status();
    if can_mount.is_ok_and(|status| status.success()) {
        let outer = ["unshare", "-m", "sh", "-c", script, mounted_text];
        assert_as_told(child::play_within(&outer, "writes_until_the_disk_is_full", &mounted));
    }
}

#[test]
fn a_first_open_on_a_disk_with_hardly_any_room_says_so_and_ends_well_once_there_is_some() {
    let folder = tempfile::tempdir().unwrap();
    let mounted = folder.path().join("disk");
    std::fs::create_dir(&mounted).unwrap();
    for kib in (4..=64).step_by(4).chain([96]) {
        let script = format!("mount -t tmpfs -o size={kib}k none \"$0\" && exec \"$@\"");
        let outer = ["unshare", "-m", "sh", "-c", &script, mounted.to_str().unwrap()];
        let can_mount = Command::new(outer[0]).args(&outer[1..]).arg("true").status();
        if !can_mount.is_ok_and(|status| status.success()) {
            return eprintln!("skipped: only root can mount a file system");
        }
        assert_as_told(child::play_within(&outer, "opens_a_store_where_there_is_hardly_any_room", &mounted));
    }
}

#[test]
#[ignore = "played by the test above, in a process of its own"]
fn opens_a_store_where_there_is_hardly_any_room() {
    let Some(disk) = child::folder() else { return };
    let folder = disk.join("store");
    let error = Store::open(&folder).err().unwrap();
    assert!(matches!(error, StoreError::Full { .. }), "{error:?}");
    let nothing = Store::open_read_only(&folder).err();
    let is_told = matches!(nothing, None | Some(StoreError::Missing { .. } | StoreError::Full { .. }));
    assert!(is_told, "{nothing:?}");
    let enlarged = Command::new("mount").args(["-o", "remount,size=16m"]).arg(&disk).status();
    assert!(enlarged.unwrap().success());
    Score::four_steps("r").kept_in(&Store::open(&folder).unwrap());
    println!("{AS_TOLD}");
}

#[test]
#[ignore = "played by the test above, in a process of its own"]
fn writes_until_the_disk_is_full() {
    let Some(folder) = child::folder() else { return };
    let store = Store::open(&folder).unwrap();
    let limited = !folder.ends_with("disk");
    let is_told = |error: &StoreError| match error {
        StoreError::Full { .. } => !limited,
        StoreError::FileLimit { .. } => limited,
        _ => false,
    };
    let full = |outcome: &Result<(), StoreError>| outcome.as_ref().is_err_and(is_told);
    let (done, outcomes) = mpsc::channel();
    let scores: Vec<Score> = (0..1500).map(|n| Score::four_steps(&format!("r{n}"))).collect();
    store.append_now(scores[0].records()).unwrap();
    for (n, score) in scores.iter().enumerate().skip(1) {
        let done = done.clone();
        store.append_all(score.records(), move |outcome| done.send((n, outcome)).unwrap());
    }
    drop(done);
    let outcomes: Vec<(usize, Result<(), StoreError>)> = outcomes.iter().collect();
    assert_eq!(outcomes.len(), scores.len() - 1, "everybody was told");
    let good = outcomes.iter().take_while(|(_, outcome)| outcome.is_ok()).count();
    assert!(good < outcomes.len(), "the disk took all of it");
    for (_, outcome) in &outcomes[good..] {
        assert!(full(outcome), "{outcome:?}");
    }
    assert!(full(&store.append_now(scores[1499].records())));
    assert!(store.put_bytes(&vec![7; 5_000_000]).is_err_and(|error| is_told(&error)));
    for (n, _) in &outcomes[..good] {
        assert_eq!(store.turns(&scores[*n].run).unwrap(), scores[*n].turns());
    }
    drop(store);

    let store = Store::open_read_only(&folder).unwrap();
    for (n, _) in &outcomes[..good] {
        assert_eq!(store.turns(&scores[*n].run).unwrap(), scores[*n].turns());
    }
    let report = store.check().unwrap();
    assert!(report.database.is_empty() && report.journals.is_empty(), "{report:#?}");
    println!("{AS_TOLD}");
}
