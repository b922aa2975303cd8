//! What others have: folders, databases, stores that they made, and what they may see of ours.

use super::*;

#[test]
fn a_folder_that_holds_anything_else_is_refused_as_it_is() {
    let table: [&[&str]; 19] = [
        &["film.yaml"],
        &["scratch/notes/monday.txt"],
        &["artifacts/incoming-photos"],
        &["children/names.txt"],
        &["owner.lock=this is a lock of another program"],
        &["owner.lock=1234\n"],
        &["motet.db-wal=a long letter to a friend, which is none of Motet's business"],
        &["control.sock=no socket"],
        &["mark/twain.txt"],
        &["mark=I was here"],
        &["a", "b", "c/d", "e", "f"],
        &["quiet\u{1b}[2J\u{202e}.txt"],
        &["motet.db", "film.yaml"],
        &["motet.db=x"],
        &["sim/world.json"],
        &["sim/log"],
        &["sim/jobs/monday.dat"],
        &["sim/jobs/sim.jsonl", "sim/notes.txt"],
        &["sim/address.json=Main Street 1"],
    ];
    let mut text = String::new();
    for files in table {
        let folder = tempfile::tempdir().unwrap();
        for file in files {
            let (name, held) = file.split_once('=').unwrap_or((file, ""));
            write(&folder.path().join(name), held);
        }
        let before = contents(folder.path());
        for outcome in [
            Store::open(folder.path()).map(drop),
            Store::adopt(folder.path()).map(drop),
            Store::open_read_only(folder.path()).map(drop),
            StoreFolder::enter(folder.path()).map(drop),
        ] {
            let error = refused(outcome);
            assert!(matches!(error, StoreError::Occupied { .. }), "{files:?}: {error:?}");
            assert_eq!(contents(folder.path()), before);
        }
        text += &(message(&refused(Store::open(folder.path())), folder.path()) + "\n");
    }
    insta::assert_snapshot!(text);
}

#[test]
fn a_database_of_another_program_is_refused_as_it_is_also_if_its_tables_are_in_its_log() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("made/motet.db");
    fs::create_dir(folder.path().join("made")).unwrap();
    let connection = Connection::open(&file).unwrap();
    connection.pragma_update(None, "journal_mode", "wal").unwrap();
    connection.execute_batch("CREATE TABLE songs (name TEXT)").unwrap();
    let copy = folder.path().join("copy");
    fs::create_dir(&copy).unwrap();
    for name in ["motet.db", "motet.db-wal"] {
        fs::copy(folder.path().join("made").join(name), copy.join(name)).unwrap();
    }
    let before = contents(&copy);
    assert!(matches!(refused(Store::open(&copy)), StoreError::Foreign { .. }));
    assert!(matches!(refused(Store::open_read_only(&copy)), StoreError::Foreign { .. }));
    assert_eq!(contents(&copy), before);
}

fn make_another_one_the_maker(folder: &Path, change: &str) {
    let connection = Connection::open(folder.join("motet.db")).unwrap();
    assert_eq!(connection.execute(change, []).unwrap(), 1);
}

#[test]
fn a_store_that_somebody_else_made_is_read_and_driven_once_it_is_adopted() {
    let mut text = String::new();
    for change in [
        "UPDATE maker SET user = 12345678",
        "UPDATE maker SET machine = x'0000000000000000000000000000000000000000000000000000000000000000'",
        "UPDATE maker SET user = 12345678, machine = x'0000000000000000000000000000000000000000000000000000000000000000'",
        "DELETE FROM maker",
    ] {
        let folder = tempfile::tempdir().unwrap();
        let score = Score::four_steps("r").kept_in(&Store::open(folder.path()).unwrap());
        make_another_one_the_maker(folder.path(), change);
        let before = contents(folder.path());
        let error = refused(Store::open(folder.path()));
        assert!(matches!(error, StoreError::MadeByOthers { .. }), "{error:?}");
        text += &(message(&error, folder.path()) + "\n");
        assert_eq!(contents(folder.path()), before);
        assert_eq!(Store::open_read_only(folder.path()).unwrap().turns(&score.run).unwrap(), score.turns());
        drop(Store::adopt(folder.path()).unwrap());
        assert_eq!(Store::open(folder.path()).unwrap().turns(&score.run).unwrap(), score.turns());
    }
    insta::assert_snapshot!(text);
}

#[test]
fn a_killed_store_of_somebody_else_keeps_its_log_when_it_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (made, copy) = (folder.path().join("made"), folder.path().join("copy"));
    let store = Store::open(&made).unwrap();
    Score::four_steps("r").kept_in(&store);
    make_another_one_the_maker(&made, "UPDATE maker SET user = 12345678");
    fs::create_dir(&copy).unwrap();
    for name in ["motet.db", "motet.db-wal"] {
        fs::copy(made.join(name), copy.join(name)).unwrap();
    }
    let bytes = || ["motet.db", "motet.db-wal"].map(|name| Digest::of(&fs::read(copy.join(name)).unwrap()));
    let before = bytes();
    assert!(matches!(refused(Store::open(&copy)), StoreError::MadeByOthers { .. }));
    assert_eq!(bytes(), before);
}

/// Another user, where this one may be it.
const NOBODY: [&str; 4] = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];

#[test]
fn a_folder_of_another_user_is_no_place_for_a_store() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("skipped: only root can be somebody else");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).unwrap();
    let mut opening =
        child::play_within(&NOBODY, "others::opens_a_store_in_a_folder_of_another_user", folder.path());
    let said = String::from_utf8(opening.output().unwrap().stdout).unwrap();
    let told =
        said.lines().find_map(|line| line.strip_prefix("refused: ")).unwrap_or_else(|| panic!("{said}"));
    insta::assert_snapshot!(told.replace(&*folder.path().to_string_lossy(), "FOLDER"));
    assert_eq!(contents(folder.path()).len(), 0);
}

#[test]
#[ignore = "played by the test above, in a process of its own"]
fn opens_a_store_in_a_folder_of_another_user() {
    let Some(folder) = child::folder() else { return };
    println!("\nrefused: {}", refused(Store::open(&folder)));
}

#[test]
fn a_store_in_memory_is_closed_to_other_users_as_well() {
    let folder = tempfile::tempdir().unwrap();
    let open = ["sh", "-c", "umask 000; exec \"$@\"", "sh"];
    let output = child::play_within(&open, "others::keeps_bytes_in_memory", folder.path()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

#[test]
#[ignore = "played by the test above, in a process of its own"]
fn keeps_bytes_in_memory() {
    let Some(_) = child::folder() else { return };
    let store = Store::in_memory().unwrap();
    store.put_bytes(b"x").unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(store.folder()), 0o700);
    for path in contents(store.folder()).keys() {
        assert_eq!(mode(path), if path.is_dir() { 0o700 } else { 0o400 }, "{}", path.display());
    }
}
