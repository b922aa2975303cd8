//! The threads on which a command waits for the world, and the files that they need.
//!
//! Where the system gives no thread, tokio panics for its first one and waits without a word for any other; where it
//! gives no file to listen for signals with, it panics too. So there is made sure of both beforehand, and of threads
//! also while a command is at work.

use std::io;
use std::os::unix::net::UnixStream;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use tokio::runtime::{Builder, Runtime};

/// The threads that a command needs beside one for each processor: for its own work, for what holds a thread up, and
/// for the writer of the store.
const BESIDE_PROCESSORS: usize = 3;

/// The pairs of files that listening for signals takes, with those that wait for the world.
const PAIRS_OF_FILES: usize = 3;

/// How often it is seen whether what waits for a thread gets one.
const LOOK: Duration = Duration::from_secs(1);

/// What waits for a thread waits no longer than this while the system gives none.
const PATIENCE: Duration = Duration::from_secs(30);

/// Begins as many threads as there are processors.
///
/// # Errors
/// When the system gives not as many as are needed.
pub fn begin() -> io::Result<Runtime> {
    let processors = thread::available_parallelism().map_or(1, usize::from);
    assure(processors + BESIDE_PROCESSORS)?;
    Builder::new_multi_thread().enable_all().build()
}

/// A runtime on the thread that uses it, for signals.
///
/// # Errors
/// When the system gives no files for it.
pub fn listening() -> io::Result<Runtime> {
    let room: io::Result<Vec<_>> = (0..PAIRS_OF_FILES).map(|_| UnixStream::pair()).collect();
    drop(room?);
    Builder::new_current_thread().enable_io().build()
}

/// Begins `count` threads that are there at the same time, and ends them.
fn assure(count: usize) -> io::Result<()> {
    let (gate, before) = (Mutex::new(()), counted());
    let begun = thread::scope(|scope| {
        let _closed = gate.lock().unwrap_or_else(PoisonError::into_inner);
        (0..count).try_for_each(|_| {
            let wait = || drop(gate.lock());
            thread::Builder::new().spawn_scoped(scope, wait).map(drop)
        })
    });
    // Whoever is told that a thread has ended is told so before the system counts it no more.
    let ended_at = Instant::now();
    while counted() > before && ended_at.elapsed() < LOOK {
        thread::yield_now();
    }
    begun
}

/// How many threads of this process the system counts, where it says so.
fn counted() -> Option<usize> {
    std::fs::read_dir("/proc/self/task").ok().map(Iterator::count)
}

/// Completes when there is work that waits for a thread, and for long the system gave none. What waits is begun with
/// the next thread that is asked for, so one is asked for now and then.
pub async fn lacking() -> io::Error {
    let mut since = None;
    loop {
        let begun = tokio::task::spawn_blocking(|| ());
        let asked_at = Instant::now();
        if tokio::time::timeout(LOOK, begun).await.is_ok() {
            since = None;
            tokio::time::sleep(LOOK).await;
            continue;
        }
        match thread::Builder::new().spawn(|| ()) {
            Ok(_) => since = None,
            Err(error) if since.get_or_insert(asked_at).elapsed() > PATIENCE => return error,
            Err(_) => {}
        }
    }
}
