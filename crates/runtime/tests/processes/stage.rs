//! The stage: a folder, the children in it, and the door at which their steps knock.

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use motet::engine::RunId;
use motet::store::Store;
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// A test that waits for so long has failed.
const PATIENCE: Duration = Duration::from_secs(120);

pub struct Stage {
    folder: TempDir,
    knocks: Receiver<Knock>,
    counts: Arc<Mutex<BTreeMap<String, usize>>>,
    doors_are_open: Arc<AtomicBool>,
    early: RefCell<VecDeque<Knock>>,
}

/// A step of a child that waits to be let in.
#[derive(Debug)]
pub struct Knock {
    pub name: String,
    pub pid: u32,
    stream: UnixStream,
}

impl Knock {
    /// Lets the step do its work.
    pub fn open(self) {
        self.answer(b'!');
    }

    /// Answers a call.
    pub fn answer(mut self, answer: u8) {
        self.stream.write_all(&[answer]).unwrap();
    }

    /// Waits until the step has stopped to wait.
    pub fn expect_gone(mut self) {
        assert_eq!(self.stream.read(&mut [0]).unwrap(), 0);
    }
}

impl Stage {
    pub fn set() -> Stage {
        let folder = TempDir::new().unwrap();
        let listener = UnixListener::bind(folder.path().join("door")).unwrap();
        let (send, knocks) = channel();
        let counts: Arc<Mutex<BTreeMap<String, usize>>> = Arc::default();
        let doors_are_open = Arc::new(AtomicBool::new(false));
        let (counting, open) = (counts.clone(), doors_are_open.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let mut line = String::new();
                let read = BufReader::new(stream.try_clone().unwrap()).read_line(&mut line);
                // A child may be killed in the very moment in which it knocks.
                let Some((pid, name)) = read.ok().and_then(|_| line.trim().split_once(' ')) else { continue };
                *counting.lock().unwrap().entry(name.to_owned()).or_default() += 1;
                let mut knock = Knock { name: name.to_owned(), pid: pid.parse().unwrap(), stream };
                if open.load(Ordering::SeqCst) {
                    // Or leave before it is let in.
                    drop(knock.stream.write_all(b"!"));
                } else if send.send(knock).is_err() {
                    return;
                }
            }
        });
        Stage { folder, knocks, counts, doors_are_open, early: RefCell::default() }
    }

    /// The next step that knocks.
    pub fn next_knock(&self) -> Knock {
        let early = self.early.borrow_mut().pop_front();
        early.unwrap_or_else(|| self.knocks.recv_timeout(PATIENCE).expect("a step knocks"))
    }

    /// The step of this name, once it knocks; others wait.
    pub fn expect_knock(&self, name: &str) -> Knock {
        let mut others = VecDeque::new();
        loop {
            let knock = self.next_knock();
            if knock.name == name {
                *self.early.borrow_mut() = others;
                return knock;
            }
            others.push_back(knock);
        }
    }

    /// Lets in whoever waits and whoever comes.
    pub fn open_all_doors(&self) {
        self.doors_are_open.store(true, Ordering::SeqCst);
        self.early.borrow_mut().drain(..).for_each(Knock::open);
        while let Ok(knock) = self.knocks.try_recv() {
            knock.open();
        }
    }

    pub fn knocks_of(&self, name: &str) -> usize {
        self.counts.lock().unwrap().get(name).copied().unwrap_or(0)
    }

    pub fn store(&self) -> Store {
        Store::open_read_only(&self.folder.path().join("store")).unwrap()
    }

    /// Starts a child.
    pub fn enter(&self, action: &str, told: &[(&str, &str)]) -> Actor {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "child", "--nocapture"]).env("STAGE_ACTION", action);
        command.env("STAGE_FOLDER", self.folder.path()).env("STAGE_DOOR", self.folder.path().join("door"));
        command.envs(told.iter().map(|(name, value)| (format!("STAGE_{}", name.to_uppercase()), value)));
        let mut child = command.stdout(Stdio::piped()).stdin(Stdio::null()).spawn().unwrap();
        let (send, lines) = channel();
        let stdout = child.stdout.take().unwrap();
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if let Some(said) = line.strip_prefix('@')
                    && send.send(said.to_owned()).is_err()
                {
                    return;
                }
            }
        });
        Actor { child, lines }
    }
}

/// A child process. It is killed with the test.
pub struct Actor {
    child: Child,
    lines: Receiver<String>,
}

impl Drop for Actor {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Actor {
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits until the child says something that begins so.
    pub fn expect(&mut self, said: &str) {
        loop {
            match self.lines.recv_timeout(PATIENCE) {
                Ok(line) if line.starts_with(said) => return,
                Ok(_) => {}
                Err(RecvTimeoutError::Timeout) => panic!("the child never said `{said}`"),
                Err(RecvTimeoutError::Disconnected) => panic!("the child ended without `{said}`"),
            }
        }
    }

    /// Waits for the child's end, and tells how its run ended.
    pub fn finish(&mut self) -> String {
        loop {
            let line = self.lines.recv_timeout(PATIENCE).expect("the child comes to an end");
            if let Some(end) = line.strip_prefix("end ") {
                assert!(self.child.wait().unwrap().success());
                return end.to_owned();
            }
        }
    }

    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Sends what Ctrl-C sends.
    pub fn interrupt(&self) {
        let pid = Pid::from_raw(i32::try_from(self.pid()).unwrap()).unwrap();
        kill_process(pid, Signal::INT).unwrap();
    }
}

/// The steps of all events of a kind in a journal, in order.
pub fn journal_events(store: &Store, run: &RunId, kind: &str) -> Vec<String> {
    let turns = store.turns(run).unwrap();
    let events = turns.iter().flat_map(|turn| &turn.events);
    let of_kind = events.filter(|event| {
        let json = serde_json::to_value(event).unwrap();
        json.as_object().is_some_and(|object| object.contains_key(kind))
    });
    of_kind.map(|event| event.step().unwrap().to_string()).collect()
}
