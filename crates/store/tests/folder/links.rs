//! Links and other things under the names of a store, and what is swept.

use super::*;

#[test]
fn nothing_in_a_store_is_reached_through_a_link() {
    let names = [
        "motet.db",
        "motet.db-wal",
        "motet.db-shm",
        "motet.db-journal",
        "owner.lock",
        "mark",
        "control.sock",
        "artifacts",
        "scratch",
        "children",
        "sim",
    ];
    let mut text = String::new();
    for name in names {
        let folder = tempfile::tempdir().unwrap();
        let (store, victim) = (folder.path().join("store"), folder.path().join("victim"));
        drop(Store::open(&store).unwrap());
        if matches!(name, "artifacts" | "scratch" | "children" | "sim") {
            write(&victim.join("0123456789abcdef0123456789abcdef/notes.txt"), "milk");
        } else {
            write(&victim, "a letter");
        }
        let link = store.join(name);
        let _ = fs::remove_file(&link).or_else(|_| fs::remove_dir(&link));
        symlink(&victim, &link).unwrap();
        let before = contents(folder.path());
        for outcome in [
            Store::open(&store).map(drop),
            Store::adopt(&store).map(drop),
            Store::open_read_only(&store).map(drop),
            StoreFolder::enter(&store).map(drop),
        ] {
            assert!(matches!(refused(outcome), StoreError::NotPlain { .. }), "{name}");
        }
        assert_eq!(contents(folder.path()), before, "{name}");
        text += &(message(&refused(Store::open(&store)), folder.path()) + "\n");
    }
    insta::assert_snapshot!(text);
}

#[test]
fn a_name_of_a_store_that_is_something_else_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut text = String::new();
    let states: [State; 5] = [
        ("pipe", |it| assert!(Command::new("mkfifo").arg(it.join("owner.lock")).status().unwrap().success())),
        ("folder", |it| {
            fs::remove_file(it.join("mark")).unwrap();
            fs::create_dir(it.join("mark")).unwrap();
        }),
        ("file", |it| write(&it.join("sim"), "x")),
        ("names", |it| fs::hard_link(it.join("motet.db"), it.parent().unwrap().join("second-name")).unwrap()),
        ("database", |it| {
            fs::remove_file(it.join("motet.db")).unwrap();
            fs::create_dir(it.join("motet.db")).unwrap();
        }),
    ];
    for (name, change) in states {
        let store = folder.path().join(name);
        drop(Store::open(&store).unwrap());
        change(&store);
        let error = refused(Store::open(&store));
        assert!(matches!(error, StoreError::NotPlain { .. }), "{name}: {error:?}");
        text += &(message(&error, folder.path()) + "\n");
    }
    insta::assert_snapshot!(text);
}

#[test]
fn artifacts_behind_links_are_neither_read_nor_written() {
    let folder = tempfile::tempdir().unwrap();
    let (store, victim) = (folder.path().join("store"), folder.path().join("victim"));
    let store = Store::open(&store).unwrap();
    let secret = b"the letters of somebody else";
    let digest = Digest::of(secret);
    let (shelf, name) = (digest.hex()[..2].to_owned(), digest.hex()[2..].to_owned());
    write(&victim.join(&name), std::str::from_utf8(secret).unwrap());
    let shelf = store.folder().join("artifacts").join(shelf);

    // A shelf that is a link.
    symlink(&victim, &shelf).unwrap();
    let before = contents(&victim);
    let is_unseen = || {
        // It isn't said to be gone: it was kept once, and paid for.
        let told =
            [store.open_artifact(&digest).unwrap_err(), store.readable_length_of(&digest).unwrap_err()];
        for error in told {
            assert!(
                error.what().ends_with(" is damaged: it is a symbolic link, which isn't opened"),
                "{error}"
            );
        }
        assert!(!store.has(&digest));
        assert_eq!(store.length_of(&digest), None);
        assert_eq!(store.check().unwrap().artifacts, 0);
    };
    is_unseen();
    let error = refused(store.put_bytes(secret));
    assert!(matches!(error, StoreError::NotPlain { .. }), "{error}");
    assert_eq!(contents(&victim), before);

    // A file that is a link: what is kept under its name takes its place.
    fs::remove_file(&shelf).unwrap();
    fs::create_dir(&shelf).unwrap();
    symlink(victim.join(&name), shelf.join(&name)).unwrap();
    is_unseen();
    store.put_bytes(secret).unwrap();
    assert!(fs::symlink_metadata(shelf.join(&name)).unwrap().is_file());
    assert_eq!(contents(&victim), before);

    // A file that is made by a program and is a link.
    let made = store.make_scratch(7).unwrap().join("film.mp4");
    symlink(victim.join(&name), &made).unwrap();
    assert!(matches!(store.adopt_file(&made), Err(StoreError::Io { .. })));
    assert_eq!(contents(&victim), before);
}

#[test]
fn only_names_of_our_own_making_are_swept() {
    let folder = tempfile::tempdir().unwrap();
    let victim = folder.path().join("victim");
    write(&victim.join("notes.txt"), "milk");
    let path = folder.path().join("store");
    let store = Store::open(&path).unwrap();
    let kept_name = format!("incoming-{}", "a".repeat(32));
    let in_artifacts = path.join("artifacts");
    let others = [
        "incoming-photos".to_owned(),
        "incoming-torn".to_owned(),
        format!("incoming-{}", "a".repeat(31)),
        format!("incoming-{}.txt", "a".repeat(32)),
        format!("Incoming-{}", "a".repeat(32)),
        "notes".to_owned(),
    ];
    for other in &others {
        write(&in_artifacts.join(other), "mine");
    }
    fs::create_dir(in_artifacts.join(format!("incoming-{}", "b".repeat(32)))).unwrap();
    symlink(victim.join("notes.txt"), in_artifacts.join(format!("incoming-{}", "c".repeat(32)))).unwrap();
    let scratch = path.join("scratch");
    write(&scratch.join("notes/monday.txt"), "milk");
    write(&scratch.join("0123456789ABCDEF0123456789ABCDEF/x"), "upper case");
    write(&scratch.join("0123456789abcdef0123456789abcde/x"), "31 digits");
    write(&scratch.join("fedcba9876543210fedcba9876543210"), "a file");
    symlink(&victim, scratch.join("00000000000000000000000000000000")).unwrap();
    symlink(&victim, scratch.join("output-00000000000000000000000000000000")).unwrap();
    write(&scratch.join("output-1"), "no digits");
    let before = contents(folder.path());

    write(&in_artifacts.join(&kept_name), "half");
    let ours = store.make_scratch(7).unwrap();
    write(&ours.join("deep/half.mp4"), "half");
    symlink(&victim, ours.join("link")).unwrap();
    symlink(&victim, ours.join("deep/link")).unwrap();
    write(&scratch.join(Store::scratch_file_name(8)), "half");
    drop(store);
    Store::open(&path).unwrap().sweep_scratch();
    let after = contents(folder.path());
    let changed = |path: &&PathBuf| !path.file_name().unwrap().to_string_lossy().starts_with("motet.db");
    let left = |all: &BTreeMap<PathBuf, String>| all.keys().filter(changed).cloned().collect::<Vec<_>>();
    assert_eq!(left(&after), left(&before));
}

#[test]
fn a_folder_that_is_named_by_a_link_is_used() {
    let folder = tempfile::tempdir().unwrap();
    let (real, link) = (folder.path().join("real"), folder.path().join("link"));
    fs::create_dir(&real).unwrap();
    fs::set_permissions(&real, fs::Permissions::from_mode(0o755)).unwrap();
    symlink(&real, &link).unwrap();
    let store = Store::open(&link).unwrap();
    store.put_bytes(b"x").unwrap();
    assert!(real.join("motet.db").exists());
    assert_eq!(fs::metadata(&real).unwrap().permissions().mode() & 0o777, 0o700);
    drop(File::open(store.path_of(&Digest::of(b"x"))).unwrap());
}
