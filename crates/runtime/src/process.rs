//! The process door: every program that Motet runs goes through here.
//!
//! A program runs in its own process group, in a folder of its own, with an empty environment but for
//! what it needs, with nothing on its standard input but what it is fed, with limits on time, output and the size of files. Whatever
//! ends it (its end, a stop, a deadline, the end of this process) ends the whole group.

pub(crate) mod children;
pub(crate) mod identity;

use std::io::Write;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use motet_store::limit_remedy;
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio_util::sync::CancellationToken;

use crate::tools::{find_program, whole_paths};
use children::ChildNote;

/// Is shown a line.
pub type OnLine = Arc<dyn Fn(&str) + Send + Sync>;

/// Writes what a program reads on its standard input. It is called on a thread of its own, and fails once the program has
/// ended or reads no more.
pub type Feed = Arc<dyn Fn(&mut dyn Write) -> std::io::Result<()> + Send + Sync>;

/// A program to run.
#[derive(Clone)]
pub struct Process {
    /// The program, by name or path.
    pub program: String,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// Its current directory.
    pub folder: PathBuf,
    /// How long it may take.
    pub time_max: Duration,
    /// How much of its output is kept; what it writes beyond that is read and dropped.
    pub output_bytes_max: usize,
    /// How large a file that it writes may become. Held to only where the system can (Linux).
    pub file_bytes_max: u64,
    /// What it reads on its standard input; nothing if it isn't fed.
    pub feed: Option<Feed>,
    /// Is shown every line of standard output as it comes.
    pub on_line: Option<OnLine>,
    /// Where it is noted as long as it is at work, so that it is ended if this process is killed: in this
    /// folder of a store, from which no program is run.
    pub noted_in: Option<PathBuf>,
}

impl std::fmt::Debug for Process {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Process").field("program", &self.program).field("arguments", &self.arguments).finish()
    }
}

/// How a program ended.
#[derive(Clone, Debug, Default)]
pub struct Finished {
    /// Its exit code; nothing if a signal ended it.
    pub exit: Option<i32>,
    /// What it wrote to standard output, up to the limit.
    pub stdout: Vec<u8>,
    /// What it wrote to standard error, up to the limit.
    pub stderr: String,
}

impl Finished {
    /// Whether it said that all is well.
    pub fn succeeded(&self) -> bool {
        self.exit == Some(0)
    }
}

/// Why a program has no end to tell of.
#[derive(Debug, thiserror::Error)]
pub enum ProcessError {
    /// It isn't on this machine.
    #[error("{program} is not on this machine")]
    Missing {
        /// The program.
        program: String,
    },
    /// It could not be started.
    #[error("{program} could not be started: {error}{}", remedy_of(error))]
    Start {
        /// The program.
        program: String,
        /// Why.
        error: std::io::Error,
    },
    /// It lies in a store, where anybody's files may be.
    #[error("{program} is inside the store, from which no program is run: name another one in motet.toml")]
    InStore {
        /// The program.
        program: String,
    },
    /// It took too long and was killed.
    #[error("{program} was stopped after {seconds} s")]
    TimedOut {
        /// The program.
        program: String,
        /// How long it was allowed.
        seconds: u64,
    },
    /// A file that it wrote became too large.
    #[error("{program} was stopped when a file reached {limit}")]
    FileTooLarge {
        /// The program.
        program: String,
        /// How large a file may become, in words.
        limit: String,
    },
    /// It was stopped as it was asked to.
    #[error("stopped")]
    Stopped,
}

/// What to do where it is a limit that keeps a program from being started.
fn remedy_of(error: &std::io::Error) -> String {
    limit_remedy(error).map(|remedy| format!("; {remedy}")).unwrap_or_default()
}

/// The group of a child: what is left of it is killed when this is dropped, and then its note removed.
struct Group {
    pid: Option<Pid>,
    note: Option<ChildNote>,
}

impl Group {
    fn of(child: &Child, note: Option<ChildNote>) -> std::io::Result<Group> {
        let pid = child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
        let mut group = Group { pid, note };
        if let (Some(note), Some(pid)) = (&mut group.note, child.id()) {
            note.started(pid)?;
        }
        Ok(group)
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(pid) = self.pid {
            // Nothing may be left of it. Its number isn't given away again so soon.
            let _ = kill_process_group(pid, Signal::KILL);
        }
        self.note = None;
    }
}

/// Variables that a program may see. Keys and tokens are never among them.
const ENVIRONMENT: [&str; 7] =
    ["HOME", "LANG", "LC_ALL", "TMPDIR", "XDG_CACHE_HOME", "FONTCONFIG_PATH", "FONTCONFIG_FILE"];

/// Runs a program to its end.
pub(crate) async fn run(process: Process, stop: CancellationToken) -> Result<Finished, ProcessError> {
    let failed = |error| ProcessError::Start { program: process.program.clone(), error };
    let note = process.noted_in.as_deref().map(ChildNote::begin).transpose().map_err(failed)?;
    let child = start(&process, note.as_ref())?;
    let group = Group::of(&child, note).map_err(failed)?;
    limit_files(group.pid, process.file_bytes_max);
    let limit = process.time_max;
    let late = ProcessError::TimedOut { program: process.program.clone(), seconds: limit.as_secs() };
    tokio::select! {
        biased;
        () = stop.cancelled() => Err(ProcessError::Stopped),
        // An end that is there counts, also if its time is up: this process may have been stopped itself.
        finished = tokio::time::timeout(limit, follow(child, group, process)) => finished.unwrap_or(Err(late)),
    }
}

/// How many bytes a file of this process may have, and so one of its children.
fn allowed_file_bytes() -> Option<u64> {
    rustix::process::getrlimit(rustix::process::Resource::Fsize).current
}

#[cfg(target_os = "linux")]
fn limit_files(pid: Option<Pid>, bytes_max: u64) {
    use rustix::process::{Resource, Rlimit, prlimit};
    let bytes_max = allowed_file_bytes().map_or(bytes_max, |allowed| allowed.min(bytes_max));
    let limit = Rlimit { current: Some(bytes_max), maximum: Some(bytes_max) };
    if let Some(pid) = pid {
        // It may have ended by itself in this moment.
        let _ = prlimit(Some(pid), Resource::Fsize, limit);
    }
}

#[cfg(not(target_os = "linux"))]
fn limit_files(_: Option<Pid>, _: u64) {}

fn start(process: &Process, note: Option<&ChildNote>) -> Result<Child, ProcessError> {
    let missing = || ProcessError::Missing { program: process.program.clone() };
    // Looked up here, and not from the folder in which it will work.
    let program = find_program(&process.program).ok_or_else(missing)?;
    let store = process.noted_in.as_deref().and_then(Path::parent);
    if store.is_some_and(|store| lies_in(&program, store)) {
        return Err(ProcessError::InStore { program: program.display().to_string() });
    }
    let environment = ENVIRONMENT.iter().filter_map(|name| Some((*name, std::env::var_os(name)?)));
    // What a program starts itself isn't looked for in relative folders either; an empty list would be one.
    let folders = std::env::var_os("PATH").and_then(|path| std::env::join_paths(whole_paths(&path)).ok());
    let folders = folders.filter(|folders| !folders.is_empty());
    let child = Command::new(program)
        .args(&process.arguments)
        .current_dir(&process.folder)
        .env_clear()
        .envs(environment)
        .envs(note.map(|note| (children::MARK, &note.mark)))
        .envs(folders.map(|folders| ("PATH", folders)))
        .stdin(if process.feed.is_some() { Stdio::piped() } else { Stdio::null() })
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true)
        .spawn();
    child.map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => missing(),
        _ => ProcessError::Start { program: process.program.clone(), error },
    })
}

/// Whether a file lies in a folder, whatever links lead there.
fn lies_in(file: &Path, folder: &Path) -> bool {
    let real = |path: &Path| path.canonicalize().ok();
    real(file).zip(real(folder)).is_some_and(|(file, folder)| file.starts_with(folder))
}

async fn follow(mut child: Child, group: Group, process: Process) -> Result<Finished, ProcessError> {
    let stdout = child.stdout.take().expect("standard output is piped");
    let stderr = child.stderr.take().expect("standard error is piped");
    if let (Some(stdin), Some(feed)) = (child.stdin.take(), process.feed.clone()) {
        let stdin = stdin
            .into_owned_fd()
            .map_err(|error| ProcessError::Start { program: process.program.clone(), error })?;
        // What isn't read any more is no fault of its own: the program says why it ended.
        tokio::task::spawn_blocking(move || drop(feed(&mut std::fs::File::from(stdin))));
    }
    let limit = process.output_bytes_max;
    let file_limit = match allowed_file_bytes().filter(|allowed| *allowed < process.file_bytes_max) {
        Some(_) => "the limit of file size that this program was started with (`ulimit -f`)".to_owned(),
        None => format!("{} MiB", process.file_bytes_max >> 20),
    };
    let ended = async {
        let status = child.wait().await;
        // What it started and left behind would keep its output open.
        drop(group);
        status
    };
    let (stdout, stderr, status) =
        tokio::join!(read_lines(stdout, limit, process.on_line.clone()), read_end(stderr, limit), ended);
    let program = process.program;
    let status = match status {
        Ok(status) if status.signal() == Some(Signal::XFSZ.as_raw()) => {
            return Err(ProcessError::FileTooLarge { program, limit: file_limit });
        }
        Ok(status) => status,
        Err(error) => return Err(ProcessError::Start { program, error }),
    };
    Ok(Finished { exit: status.code(), stdout, stderr: String::from_utf8_lossy(&stderr).into_owned() })
}

/// Reads to the end, keeps the beginning, and shows each line.
async fn read_lines(source: impl AsyncRead + Unpin, limit: usize, on_line: Option<OnLine>) -> Vec<u8> {
    let mut kept = Vec::new();
    let mut lines = BufReader::new(source);
    let mut line = Vec::new();
    // A line is read in pieces of bounded size, so a program that never ends one can't fill memory.
    while let Ok(read) = (&mut lines).take(LINE_BYTES_MAX).read_until(b'\n', &mut line).await {
        if read == 0 {
            break;
        }
        if let Some(show) = &on_line {
            show(String::from_utf8_lossy(&line).trim_end());
        }
        let room = limit - kept.len();
        kept.extend_from_slice(&line[..line.len().min(room)]);
        line.clear();
    }
    kept
}

const LINE_BYTES_MAX: u64 = 64 * 1024;

/// Reads to the end and keeps the end: that is where a program says why it stopped.
async fn read_end(mut source: impl AsyncRead + Unpin, limit: usize) -> Vec<u8> {
    let mut kept = Vec::new();
    let mut chunk = vec![0; 16 * 1024];
    while let Ok(read) = source.read(&mut chunk).await {
        if read == 0 {
            break;
        }
        kept.extend_from_slice(&chunk[..read]);
        if kept.len() > limit {
            kept.drain(..kept.len() - limit);
        }
    }
    kept
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::fs;

    use super::*;

    #[tokio::test]
    async fn a_file_that_grows_beyond_its_limit_ends_the_program() {
        let folder = tempfile::tempdir().unwrap();
        let process = Process {
            program: "dd".into(),
            arguments: ["if=/dev/zero", "of=endless", "bs=1000"].map(str::to_owned).to_vec(),
            folder: folder.path().to_owned(),
            time_max: Duration::from_secs(60),
            output_bytes_max: 1000,
            file_bytes_max: 1 << 20,
            feed: None,
            on_line: None,
            noted_in: None,
        };
        let error = run(process, CancellationToken::new()).await.unwrap_err();
        assert!(matches!(error, ProcessError::FileTooLarge { .. }), "{error}");
    }

    /// Runs a script of the shell that is fed `bytes` many bytes.
    async fn feed(script: &str, bytes: usize) -> Finished {
        let folder = tempfile::tempdir().unwrap();
        let process = Process {
            program: "sh".into(),
            arguments: vec!["-c".into(), script.into()],
            folder: folder.path().to_owned(),
            time_max: Duration::from_secs(60),
            output_bytes_max: 1000,
            file_bytes_max: 1 << 20,
            feed: Some(Arc::new(move |out| out.write_all(&vec![b'x'; bytes]))),
            on_line: None,
            noted_in: None,
        };
        run(process, CancellationToken::new()).await.unwrap()
    }

    #[tokio::test]
    async fn a_program_reads_what_it_is_fed_to_its_end() {
        let finished = feed("wc -c", 3_000_000).await;
        assert_eq!(String::from_utf8_lossy(&finished.stdout).trim(), "3000000");
    }

    #[tokio::test]
    async fn a_program_that_reads_no_more_is_not_waited_for() {
        let finished = feed("exit 7", 30_000_000).await;
        assert_eq!(finished.exit, Some(7));
    }

    /// Runs a script of the shell in `folder`.
    async fn play(
        folder: &Path,
        script: &str,
        seconds: u64,
        stop: CancellationToken,
    ) -> Result<Finished, ProcessError> {
        let process = Process {
            program: "sh".into(),
            arguments: vec!["-c".into(), script.into()],
            folder: folder.to_owned(),
            time_max: Duration::from_secs(seconds),
            output_bytes_max: 10_000,
            file_bytes_max: 1 << 20,
            feed: None,
            on_line: None,
            noted_in: None,
        };
        run(process, stop).await
    }

    /// Waits until nothing works in `folder` any more: a killed process is gone a moment later.
    async fn expect_nothing_left(folder: &Path) {
        let works_there = |process: &fs::DirEntry| {
            fs::read_link(process.path().join("cwd")).is_ok_and(|at| at.starts_with(folder))
        };
        while fs::read_dir("/proc").unwrap().flatten().any(|process| works_there(&process)) {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn what_a_program_leaves_behind_ends_with_it() {
        let folder = tempfile::tempdir().unwrap();
        let script = "trap '' TERM HUP INT; sleep 1000 & (sleep 1001 &) ; echo done";
        let finished = play(folder.path(), script, 500, CancellationToken::new()).await.unwrap();
        assert_eq!((finished.exit, finished.stdout.as_slice()), (Some(0), b"done\n".as_slice()));
        expect_nothing_left(folder.path()).await;
    }

    #[tokio::test]
    async fn a_program_that_ignores_signals_and_has_children_ends_when_it_is_told_to_stop() {
        let folder = tempfile::tempdir().unwrap();
        let stop = CancellationToken::new();
        let script = "trap '' TERM HUP INT; (sleep 1001 &); touch begun; sleep 1000";
        let playing = play(folder.path(), script, 500, stop.clone());
        let stopping = async {
            while !folder.path().join("begun").exists() {
                tokio::task::yield_now().await;
            }
            stop.cancel();
        };
        let (finished, ()) = tokio::join!(playing, stopping);
        assert!(matches!(finished, Err(ProcessError::Stopped)), "{finished:?}");
        expect_nothing_left(folder.path()).await;
    }

    #[tokio::test]
    async fn a_program_that_writes_without_end_takes_no_memory_and_ends_in_time() {
        let folder = tempfile::tempdir().unwrap();
        let script =
            "head -c 1000000 /dev/zero; yes | head -c 200000; yes | head -c 200000 >&2; echo the end >&2";
        let finished = play(folder.path(), script, 500, CancellationToken::new()).await.unwrap();
        assert_eq!((finished.stdout.len(), finished.stderr.len()), (10_000, 10_000));
        assert!(finished.stderr.ends_with("the end\n"));
        let finished = play(folder.path(), "yes & yes >&2", 1, CancellationToken::new()).await;
        assert!(matches!(finished, Err(ProcessError::TimedOut { seconds: 1, .. })), "{finished:?}");
        expect_nothing_left(folder.path()).await;
    }
}
