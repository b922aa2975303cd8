//! The control socket: where it lies, who may use it, and what comes through it.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use motet::follow::Happening;
use motet::language::Timestamp;
use motet::world::virtual_time::VirtualWorld;
use motet::{Error, Session, StorePlace};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use super::{GREETING, PATIENCE, end_of, error_of, open, request, settings};

#[tokio::test]
async fn a_folder_too_deep_for_a_socket_works_as_any_other() {
    let root = TempDir::new().unwrap();
    let folder = root.path().join("a-folder-with-a-long-name/".repeat(8)).join("a\nb");
    let owner = open(&folder).await.unwrap();
    assert!(!folder.join("control.sock").exists());
    let guest = open(&folder).await.unwrap();
    let followed = guest.start(request(GREETING, "Ada")).await.unwrap();
    assert_eq!(end_of(followed).await, "completed: Hello, Ada");

    let note = fs::read(folder.join("owner.lock")).unwrap();
    let socket = PathBuf::from(String::from_utf8(note).unwrap().splitn(3, '\n').nth(2).unwrap());
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&socket), mode(socket.parent().unwrap())), (0o600, 0o700));
    owner.close().await;
    assert!(!socket.parent().unwrap().exists(), "nothing is left behind");
}

#[tokio::test]
async fn what_a_killed_owner_left_in_the_place_of_its_socket_is_replaced() {
    let folder = TempDir::new().unwrap();
    let socket = folder.path().join("control.sock");
    open(folder.path()).await.unwrap().close().await;
    drop(std::os::unix::net::UnixListener::bind(&socket).unwrap());
    assert!(socket.exists());
    let left_behind = folder.path().join("scratch/0123456789abcdef0123456789abcdef");
    fs::create_dir_all(&left_behind).unwrap();
    fs::write(left_behind.join("half.mp4"), "x").unwrap();

    let owner = open(folder.path()).await.unwrap();
    assert_eq!(fs::metadata(&socket).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::read_dir(folder.path().join("scratch")).unwrap().count(), 0);
    let guest = open(folder.path()).await.unwrap();
    let followed = guest.start(request(GREETING, "Ada")).await.unwrap();
    assert_eq!(end_of(followed).await, "completed: Hello, Ada");
    owner.close().await;
    assert!(!socket.exists());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_bytes_on_the_socket_do_no_harm() {
    let folder = TempDir::new().unwrap();
    let owner = open(folder.path()).await.unwrap();
    let waiting = owner.start(request(PATIENCE, "Ada")).await.unwrap();
    let socket = folder.path().join("control.sock");
    let hello = read_hello(&socket);
    let with_hello = |rest: &[u8]| [hello.as_bytes(), rest].concat();
    let table: Vec<Vec<u8>> = vec![
        Vec::new(),
        b"\n".to_vec(),
        b"\0\xff\xfe\n\n\n".to_vec(),
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n".to_vec(),
        b"{}\n".to_vec(),
        hello.replace("\"motet\":", "\"motet\":9").into_bytes(),
        with_hello(b""),
        with_hello(b"{\"follow\":"),
        with_hello(b"{\"follow\":{}}\n"),
        with_hello(b"{\"banana\":{}}\n"),
        with_hello(b"{\"follow\":{\"run\":\"nobody\",\"drive\":true}}\n"),
        with_hello(b"{\"do\":{\"cancel\":{\"run\":\"../../etc\",\"by\":\"x\",\"reason\":\"y\"}}}\n"),
        with_hello(
            &[b"{\"do\":{\"start\":{\"inputs\":{\"x\":".as_slice(), &b"[".repeat(100_000), b"\n"].concat(),
        ),
        with_hello(&[&b"a".repeat((64 << 20) + 2), b"\n".as_slice()].concat()),
    ];
    let answers = tokio::task::spawn_blocking(move || {
        table.iter().map(|bytes| answer_to(&socket, bytes)).collect::<Vec<_>>().join("\n")
    });
    insta::assert_snapshot!(answers.await.unwrap());

    let guest = open(folder.path()).await.unwrap();
    guest.cancel(waiting.run.as_str(), "Ada", "enough").await.unwrap();
    assert_eq!(end_of(waiting).await, "cancelled: enough");
}

/// What the owner says first, with its own process as the guest.
fn read_hello(socket: &Path) -> String {
    let mut stream = UnixStream::connect(socket).unwrap();
    let mut hello = Vec::new();
    let mut byte = [0];
    while hello.last() != Some(&b'\n') {
        stream.read_exact(&mut byte).unwrap();
        hello.push(byte[0]);
    }
    String::from_utf8(hello).unwrap()
}

/// Everything that comes after the hello, if the connection says `bytes` and nothing more.
fn answer_to(socket: &Path, bytes: &[u8]) -> String {
    let mut stream = UnixStream::connect(socket).unwrap();
    // The owner may hang up in the middle of it, which is an answer as well.
    let _ = stream.write_all(bytes);
    let _ = stream.shutdown(std::net::Shutdown::Write);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    let text = String::from_utf8(answer).unwrap();
    let beginning = String::from_utf8_lossy(&bytes[..bytes.len().min(400)]).into_owned();
    let asked = beginning.lines().find(|line| !line.contains("\"motet\":")).unwrap_or("").to_owned();
    let asked: String = asked.chars().take(60).collect();
    let answered = text.split_once('\n').map_or("", |(_, answer)| answer).trim();
    format!("{asked:?} -> {}", if answered.is_empty() { "hangs up" } else { answered })
}

/// A session in a world whose clock jumps.
async fn open_simulated(folder: &Path) -> Result<Session, Error> {
    let world = Arc::new(VirtualWorld::new(Timestamp(1_800_000_000_000), 1));
    let place = StorePlace::Folder(folder.to_owned());
    Session::open_with(place, &settings(), move |builder| builder.world(world.clone())).await
}

#[tokio::test(start_paused = true)]
async fn a_guest_follows_an_owner_that_has_nothing_to_say_for_an_hour() {
    let folder = TempDir::new().unwrap();
    let _owner = open_simulated(folder.path()).await.unwrap();
    let guest = open_simulated(folder.path()).await.unwrap();
    let followed = guest.start(request(PATIENCE, "Ada")).await.unwrap();
    assert_eq!(end_of(followed).await, "completed: Ada");
}

/// Puts itself between the owner of `folder` and those who come from now on. Once `silent` it brings
/// nothing any more, as if the owner were stopped.
fn stand_between(folder: &Path, silent: CancellationToken) {
    let note = fs::read_to_string(folder.join("owner.lock")).unwrap();
    let socket = folder.join("between.sock");
    let listener = tokio::net::UnixListener::bind(&socket).unwrap();
    let owner = note.splitn(3, '\n').nth(2).unwrap().to_owned();
    let note = note.replace(&owner, socket.to_str().unwrap());
    fs::write(folder.join("owner.lock"), note).unwrap();
    tokio::spawn(async move {
        loop {
            let (mut guest, _) = listener.accept().await.unwrap();
            let mut owner = tokio::net::UnixStream::connect(&owner).await.unwrap();
            let silent = silent.clone();
            tokio::spawn(async move {
                tokio::select! {
                    () = silent.cancelled() => {}
                    _ = tokio::io::copy_bidirectional(&mut guest, &mut owner) => return,
                }
                // The connection stays, and nothing comes.
                std::future::pending::<()>().await;
            });
        }
    });
}

#[tokio::test(start_paused = true)]
async fn an_owner_that_is_stopped_is_named_instead_of_waited_for() {
    let folder = TempDir::new().unwrap();
    let _owner = open_simulated(folder.path()).await.unwrap();
    let silent = CancellationToken::new();
    stand_between(folder.path(), silent.clone());
    let guest = open_simulated(folder.path()).await.unwrap();
    let mut followed = guest.start(request(PATIENCE, "Ada")).await.unwrap();
    assert!(matches!(followed.next().await, Some(Happening::Turn(_))));
    silent.cancel();
    let lost = loop {
        match followed.next().await.expect("the guest is told") {
            Happening::Turn(_) => {}
            Happening::Lost(error) => break error,
            other => panic!("{other:?}"),
        }
    };
    assert!(matches!(&*lost, Error::OwnerSilent { pid, .. } if *pid == std::process::id()), "{lost}");
    for refused in
        [error_of(guest.start(request(GREETING, "Ada")).await), error_of(open_simulated(folder.path()).await)]
    {
        assert!(matches!(refused, Error::OwnerSilent { .. }), "{refused}");
    }
    let shown = lost.to_string().replace(&std::process::id().to_string(), "PID");
    insta::assert_snapshot!(shown.replace(folder.path().to_str().unwrap(), "STORE"));
}

#[tokio::test(start_paused = true)]
#[cfg(target_os = "linux")]
async fn a_process_that_is_dead_is_not_named_as_the_one_that_has_the_lock() {
    let folder = TempDir::new().unwrap();
    open_simulated(folder.path()).await.unwrap().close().await;
    let lock = folder.path().join("owner.lock");
    let mut ended = std::process::Command::new("true").spawn().unwrap();
    ended.wait().unwrap();
    // Some other program has the lock; the note is of a process that was killed long ago.
    let held = fs::File::open(&lock).unwrap();
    held.lock().unwrap();
    for owner in [format!("{} 1 another-start", ended.id()), ended.id().to_string()] {
        for door in ["closed", "left", "/nowhere/control.sock", ""] {
            fs::write(&lock, format!("{owner}\n1\n{door}")).unwrap();
            let refused = error_of(open_simulated(folder.path()).await);
            assert!(matches!(refused, Error::Owned { pid: 0, .. }), "{refused}");
            let shown = refused.to_string().replace(folder.path().to_str().unwrap(), "STORE");
            assert_eq!(shown, "another process drives the store STORE");
        }
    }
    drop(held);
    assert_eq!(open_simulated(folder.path()).await.unwrap().owner(), None);
}
