//! Which process it was: a number alone says little, because it is given away again.

use std::fmt;
use std::fs;
use std::str::FromStr;
use std::sync::OnceLock;

use rustix::process::{Pid, test_kill_process};

/// A process that no other is taken for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    /// Its number.
    pub(crate) pid: u32,
    /// When it was started, and since which start of which machine that counts; only where the system
    /// tells (Linux).
    birth: Option<Birth>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Birth {
    /// In ticks of the system's clock.
    at: u64,
    /// Of the system's start, and of the container in which the number is valid.
    boot: String,
}

impl Identity {
    /// This process.
    pub(crate) fn own() -> Identity {
        let pid = std::process::id();
        Identity::of(pid).unwrap_or(Identity { pid, birth: None })
    }

    /// The process that has this number now, dead or alive, where the system tells.
    pub(crate) fn of(pid: u32) -> Option<Identity> {
        Some(Status::of(pid)?.into_identity(pid, boot()?))
    }

    /// Whether it is still there, and not just waiting to be counted among the dead.
    pub(crate) fn lives(&self) -> bool {
        match &self.birth {
            Some(_) => Status::of(self.pid).is_some_and(|status| {
                !status.is_dead && boot().is_some_and(|boot| status.into_identity(self.pid, boot) == *self)
            }),
            // A note of an earlier version: it could be any process.
            None if cfg!(target_os = "linux") => false,
            None => as_pid(self.pid).is_some_and(|pid| test_kill_process(pid).is_ok()),
        }
    }

    /// The process group that it leads, if it is still there, dead or alive.
    pub(crate) fn group(&self) -> Option<Pid> {
        let is_leader = Status::of(self.pid)?.group == i64::from(self.pid);
        let is_it = self.birth.is_some() && Identity::of(self.pid).as_ref() == Some(self);
        as_pid(self.pid).filter(|_| is_leader && is_it)
    }
}

/// `4711 83726 6d7a3a9d-6917-4994-a196-96cb8f5da1a5/pid:[4026531836]`, or `4711` alone.
impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.birth {
            Some(Birth { at, boot }) => write!(f, "{} {at} {boot}", self.pid),
            None => write!(f, "{}", self.pid),
        }
    }
}

impl FromStr for Identity {
    type Err = ();

    fn from_str(text: &str) -> Result<Identity, ()> {
        let mut words = text.split(' ');
        let pid = words.next().and_then(|word| word.parse().ok()).ok_or(())?;
        let birth = match (words.next(), words.next(), words.next()) {
            (None, ..) => None,
            (Some(at), Some(boot), None) => Some(Birth { at: at.parse().map_err(drop)?, boot: boot.into() }),
            _ => return Err(()),
        };
        Ok(Identity { pid, birth })
    }
}

fn as_pid(pid: u32) -> Option<Pid> {
    i32::try_from(pid).ok().and_then(Pid::from_raw)
}

/// What the system says of a process.
struct Status {
    is_dead: bool,
    group: i64,
    started_at: u64,
}

impl Status {
    fn of(pid: u32) -> Option<Status> {
        let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // Its name comes first, in brackets, and may hold anything.
        let (_, rest) = text.rsplit_once(") ")?;
        let words: Vec<&str> = rest.split(' ').collect();
        Some(Status {
            is_dead: matches!(*words.first()?, "Z" | "X"),
            group: words.get(2)?.parse().ok()?,
            started_at: words.get(19)?.parse().ok()?,
        })
    }

    fn into_identity(self, pid: u32, boot: &str) -> Identity {
        Identity { pid, birth: Some(Birth { at: self.started_at, boot: boot.to_owned() }) }
    }
}

/// What numbers and times of processes are counted from: the system's start, and the container.
fn boot() -> Option<&'static str> {
    static BOOT: OnceLock<Option<String>> = OnceLock::new();
    let read = || {
        let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
        let container = fs::read_link("/proc/self/ns/pid").ok()?;
        Some(format!("{}/{}", boot.trim(), container.display()))
    };
    BOOT.get_or_init(read).as_deref()
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn a_process_is_known_again_by_its_note_and_no_other_is_taken_for_it() {
        let own = Identity::own();
        assert!(own.lives());
        assert_eq!(own.to_string().parse(), Ok(own.clone()));
        let mut earlier = own.clone();
        earlier.birth.as_mut().unwrap().at -= 1;
        let mut other_boot = own.clone();
        other_boot.birth.as_mut().unwrap().boot = "another".into();
        let of_earlier_version = Identity { birth: None, ..own.clone() };
        for other in [earlier, other_boot, of_earlier_version, Identity { pid: u32::MAX, ..own }] {
            assert!(!other.lives() && other.group().is_none(), "{other}");
        }
    }

    #[test]
    fn a_process_that_has_ended_does_not_live_though_nobody_has_noticed() {
        let mut child = Command::new("true").spawn().unwrap();
        let identity = Identity::of(child.id()).unwrap();
        while !Status::of(child.id()).unwrap().is_dead {
            std::thread::yield_now();
        }
        assert!(!identity.lives());
        child.wait().unwrap();
        assert!(!identity.lives());
    }

    #[test]
    fn what_is_no_note_of_a_process_is_none() {
        for text in ["", " ", "x", "-1", "12 ", "12 3", "12 x boot", "12 3 boot more", "99999999999"] {
            assert_eq!(text.parse::<Identity>(), Err(()), "{text:?}");
        }
    }
}
