//! A store is for the eyes of its owner alone, whatever the umask.

use std::fs;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::assert_transcript;
use crate::project::{Project, asleep, asleep_and_told, kill};
use crate::simulated::{FILM, Stage};

/// Draws a picture, keeps a text that is too long for the journal, then waits.
const PICTURE: &str = r#"motet: 1
name: picture
inputs: { text: { type: string, default: "x" } }
steps:
  draw: { uses: local/scene, with: { prompt: a boat, width: 64, height: 64 } }
  clip: { uses: media/animate, with: { image: "{{ steps.draw.image }}", duration: 1 } }
  nap: { uses: flow/sleep, with: { duration: 1h }, needs: [clip] }
"#;

/// The same without the nap.
fn picture_only() -> String {
    let steps = PICTURE.lines().filter(|line| !line.contains("nap:")).collect::<Vec<_>>().join("\n");
    steps + "\noutputs: { picture: \"{{ steps.draw.image }}\" }\n"
}

/// Does nothing but wait.
const NAP: &str = "motet: 1\nname: nap\nsteps:\n  nap: { uses: flow/sleep, with: { duration: 1h } }\n";

/// The binary with some arguments, under a umask.
fn masked(project: &Project, umask: &str, arguments: &[&str]) -> Command {
    let mut command = project.command(&[]);
    let binary = command.get_program().to_owned();
    let mut shell = Command::new("sh");
    shell.args(["-c", "umask \"$0\"; exec \"$@\"", umask]).arg(binary).args(arguments);
    shell.current_dir(project.path()).env_clear();
    shell.envs(
        command
            .env("PATH", std::env::var_os("PATH").unwrap())
            .get_envs()
            .filter_map(|(name, value)| Some((name, value?))),
    );
    shell
}

/// What in and below `path` somebody else could use, with its mode; and every name that was looked at.
fn open_to_others(path: &Path, names: &mut Vec<String>) -> Vec<String> {
    let metadata = fs::symlink_metadata(path).unwrap();
    let mode = metadata.permissions().mode() & 0o7777;
    let wanted = match metadata.file_type() {
        kind if kind.is_dir() => mode == 0o700,
        kind if kind.is_file() => mode == 0o600 || mode == 0o400,
        kind => kind.is_socket() && mode == 0o600,
    };
    let mut open = Vec::new();
    if !wanted {
        open.push(format!("{mode:o} {}", path.display()));
    }
    names.push(path.file_name().unwrap().to_string_lossy().into_owned());
    if metadata.is_dir() {
        for entry in fs::read_dir(path).unwrap() {
            open.extend(open_to_others(&entry.unwrap().path(), names));
        }
    }
    open
}

#[test]
fn every_name_in_a_store_is_for_its_owner_alone_whatever_the_umask() {
    for umask in ["000", "022", "077", "277", "777"] {
        let project = Project::with("picture.yaml", PICTURE);
        project.write("text.txt", "a long text ".repeat(10_000));
        let mut owner = asleep(masked(
            &project,
            umask,
            &["run", "picture.yaml", "-i", "text=@text.txt", "--id", "first"],
        ));
        let mut names = Vec::new();
        let open = open_to_others(&project.path().join(".motet"), &mut names);
        owner.kill().unwrap();
        owner.wait().unwrap();
        assert_eq!(open, Vec::<String>::new(), "umask {umask}");
        for name in
            ["motet.db", "motet.db-wal", "motet.db-shm", "owner.lock", "control.sock", "artifacts", "scratch"]
        {
            assert!(names.iter().any(|found| found == name), "{name} is looked at: {names:?}");
        }
        assert!(
            names.iter().filter(|name| name.len() == 62).count() >= 3,
            "artifacts are looked at: {names:?}"
        );

        assert!(masked(&project, umask, &["cancel", "first"]).status().unwrap().success());
        let open = open_to_others(&project.path().join(".motet"), &mut names);
        assert_eq!(open, Vec::<String>::new(), "umask {umask}, when the owner has left");
    }
}

#[test]
fn what_a_simulator_keeps_is_for_its_owner_alone_whatever_the_umask() {
    for umask in ["000", "022"] {
        let stage = Stage::with("film.yaml", FILM);
        let arguments = ["run", "film.yaml", "--sim", "--input", "mood=calm"];
        assert!(masked(&stage.0, umask, &arguments).output().unwrap().status.success());
        let mut names = Vec::new();
        assert_eq!(open_to_others(&stage.store(), &mut names), Vec::<String>::new(), "umask {umask}");
        assert!(names.iter().any(|name| name == "sim.jsonl"), "{names:?}");
    }
}

#[test]
fn a_socket_far_from_its_store_is_for_its_owner_alone_as_well() {
    let project = Project::with("picture.yaml", PICTURE);
    let deep = "a-folder-with-a-long-name/".repeat(8);
    let mut owner = asleep(masked(&project, "000", &["run", "picture.yaml", "--store", &deep]));
    let note = fs::read_to_string(project.path().join(&deep).join("owner.lock")).unwrap();
    let socket = Path::new(note.splitn(3, '\n').nth(2).unwrap());
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let modes = (mode(socket), mode(socket.parent().unwrap()));
    owner.kill().unwrap();
    owner.wait().unwrap();
    fs::remove_dir_all(socket.parent().unwrap()).unwrap();
    assert_eq!(modes, (0o600, 0o700));
}

/// Where the owner of the store in `folder` listens.
fn socket_of(folder: &Path) -> PathBuf {
    let note = fs::read_to_string(folder.join("owner.lock")).unwrap();
    note.splitn(3, '\n').nth(2).unwrap().into()
}

#[test]
fn a_place_that_somebody_else_took_for_the_socket_is_left_alone_and_the_owner_is_reached() {
    let project = Project::with("nap.yaml", NAP);
    let deep = "a-folder-with-a-long-name/".repeat(8);
    let (store, places) = (project.path().join(&deep), TempDir::new().unwrap());
    let command = |words: &[&str]| {
        let mut command = project.command(&[words, &["--store", &deep]].concat());
        command.env("TMPDIR", places.path());
        command
    };
    kill(asleep(command(&["run", "nap.yaml", "--id", "first"])));
    let usual = socket_of(&store).parent().unwrap().to_owned();
    let taken: [&dyn Fn(); 3] = [
        &|| {
            fs::create_dir(&usual).unwrap();
            fs::set_permissions(&usual, fs::Permissions::from_mode(0o777)).unwrap();
        },
        &|| {
            fs::create_dir(&usual).unwrap();
            fs::set_permissions(&usual, fs::Permissions::from_mode(0o700)).unwrap();
            if let Err(error) = std::os::unix::fs::chown(&usual, Some(65534), Some(65534)) {
                eprintln!("skipped: only root can give a folder away: {error}");
                fs::set_permissions(&usual, fs::Permissions::from_mode(0o707)).unwrap();
            }
        },
        &|| std::os::unix::fs::symlink(project.path(), &usual).unwrap(),
    ];
    for (number, take) in taken.into_iter().enumerate() {
        drop(fs::remove_dir_all(&usual).or_else(|_| fs::remove_file(&usual)));
        take();
        let id = format!("run-{number}");
        let mut owner = asleep(command(&["run", "nap.yaml", "--new", "--id", &id]));
        let socket = socket_of(&store);
        let mode = fs::metadata(socket.parent().unwrap()).unwrap().permissions().mode() & 0o777;
        assert!(socket.parent() != Some(&usual) && mode == 0o700, "{socket:?}");
        assert!(!usual.join("control.sock").exists());
        assert!(command(&["cancel", &id]).status().unwrap().success(), "the owner is reached");
        owner.wait().unwrap();
        assert!(!socket.parent().unwrap().exists(), "nothing is left behind");
    }
}

#[test]
fn an_owner_that_can_have_no_socket_says_what_does_not_work_and_goes_on() {
    let project = Project::with("nap.yaml", NAP);
    let deep = "a-folder-with-a-long-name/".repeat(8);
    let mut command = project.command(&["run", "nap.yaml", "--id", "first", "--store", &deep]);
    command.env("TMPDIR", "/nowhere");
    let (owner, told) = asleep_and_told(command);
    let told: Vec<_> = told.lines().filter(|line| line.starts_with("warning")).collect();
    let guest = project.transcript(&["cancel", "first", "--store", &deep]);
    let looked_at = project.good(&["runs", "--store", &deep]);
    let pid = owner.id().to_string();
    kill(owner);
    assert!(looked_at.contains("first"), "{looked_at}");
    let told = told.join("\n") + "\n" + &guest.replace(&pid, "[pid]");
    let mut settings = insta::Settings::clone_current();
    settings.add_filter(r"motet-socket-\d+-[0-9a-f]{16}", "motet-socket-[name]");
    settings.add_filter("(a-folder-with-a-long-name/?)+", "[deep]");
    settings.bind(|| assert_transcript!(project, told));
}

#[test]
fn what_is_laid_out_follows_the_umask() {
    for (umask, file, folder) in [("027", 0o640, 0o750), ("000", 0o666, 0o777)] {
        let project = Project::with("picture.yaml", picture_only());
        assert!(
            masked(&project, umask, &["run", "picture.yaml", "--id", "first"]).status().unwrap().success()
        );
        let mode = |path: &str| fs::metadata(project.path().join(path)).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode("out/first/picture.png"), mode("out/first"), mode("out")), (file, folder, folder));
    }
}

#[test]
fn an_existing_store_that_is_open_to_others_is_closed_to_them_when_its_owner_opens_it() {
    let project = Project::with("picture.yaml", picture_only());
    project.good(&["run", "picture.yaml"]);
    let store = project.path().join(".motet");
    let widen = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    let mut below = vec![store.clone()];
    while let Some(path) = below.pop() {
        let is_folder = path.is_dir();
        widen(&path, if is_folder { 0o777 } else { 0o666 });
        if is_folder {
            below.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        }
    }
    project.good(&["run", "picture.yaml"]);
    assert_eq!(open_to_others(&store, &mut Vec::new()), Vec::<String>::new());
}

/// Runs a script of the shell as nobody; nothing where this user can't.
fn as_nobody(folder: &Path, script: &str) -> Option<std::process::Output> {
    let become_nobody = ["--reuid=65534", "--regid=65534", "--clear-groups", "sh", "-c"];
    let tried = Command::new("setpriv").args(become_nobody).arg("true").status();
    if !tried.is_ok_and(|status| status.success()) {
        eprintln!("skipped: only root can be nobody, with setpriv");
        return None;
    }
    Some(Command::new("setpriv").args(become_nobody).arg(script).current_dir(folder).output().unwrap())
}

#[test]
fn another_user_can_neither_read_a_run_nor_stop_one() {
    let project = Project::with("picture.yaml", PICTURE);
    fs::set_permissions(project.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let mut owner = asleep(project.command(&["run", "picture.yaml"]));
    let script = "cat .motet/motet.db; cat .motet/motet.db-wal; cat .motet/owner.lock; ls .motet; \
                  find .motet -type f -exec cat {} +; (exec 9<.motet/owner.lock; flock -n 9 && echo locked); \
                  echo nobody was here";
    let told = as_nobody(project.path(), script);
    owner.kill().unwrap();
    owner.wait().unwrap();
    let Some(told) = told else { return };
    assert_eq!(String::from_utf8_lossy(&told.stdout), "nobody was here\n");
}
