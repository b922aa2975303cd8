//! Notes about programs that are at work: if this process is killed, the next owner of the store finds
//! there what is left to be ended. Only where the system tells who a process is (Linux); elsewhere what
//! is left runs to its end.
//!
//! A note is there before its program: it says who starts it, and its name is the program's mark, a
//! variable of its environment. As soon as the program has a number, the note says that as well. So a
//! program is found also if its starter was killed in between, and what it has left in its group when it
//! ended itself.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::process::{Pid, Signal, geteuid, getpgid, kill_process_group};

use super::identity::Identity;

/// The variable that marks a program.
pub(super) const MARK: &str = "MOTET_CHILD";

/// The note about a program, which ends with this.
pub(super) struct ChildNote {
    path: PathBuf,
    file: File,
    /// What marks the program: nobody else can know it before.
    pub(super) mark: String,
}

impl ChildNote {
    /// Notes in `folder` that this process is about to start a program.
    pub(super) fn begin(folder: &Path) -> io::Result<ChildNote> {
        let mark = drawn_mark()?;
        let path = folder.join(&mark);
        let file = OpenOptions::new().append(true).create_new(true).mode(0o600).open(&path)?;
        file.set_permissions(Permissions::from_mode(0o600))?;
        let mut note = ChildNote { path, file, mark };
        note.say(&Identity::own())?;
        Ok(note)
    }

    /// Notes that the program has the number `pid`.
    pub(super) fn started(&mut self, pid: u32) -> io::Result<()> {
        Identity::of(pid).map_or(Ok(()), |child| self.say(&child))
    }

    fn say(&mut self, identity: &Identity) -> io::Result<()> {
        self.file.write_all(format!("{identity}\n").as_bytes())
    }
}

impl Drop for ChildNote {
    fn drop(&mut self) {
        // The next owner sees that the program isn't there any more.
        let _ = fs::remove_file(&self.path);
    }
}

/// Ends the programs that are noted in `folder` and whose starters are dead, and removes the notes.
///
/// Nobody else's program is ended: a note counts only if this user wrote it, and only that process which
/// was started at the noted time of this start of the system, or which has the mark.
pub(crate) fn end_left(folder: &Path) {
    let left: BTreeMap<String, Option<Identity>> = left_in(folder).collect();
    if left.is_empty() {
        return;
    }
    let noted = left.values().flatten().filter_map(Identity::group);
    let groups: BTreeSet<i32> = noted.chain(marked(&left)).map(Pid::as_raw_pid).collect();
    let own = getpgid(None).ok();
    for group in groups.into_iter().filter_map(Pid::from_raw).filter(|group| Some(*group) != own) {
        // It may have ended by itself in this moment.
        let _ = kill_process_group(group, Signal::KILL);
    }
    for mark in left.keys() {
        // A note that stays is looked at again by the next owner.
        let _ = fs::remove_file(folder.join(mark));
    }
}

/// The marks of the programs whose starters are dead, with what is noted of the programs themselves.
fn left_in(folder: &Path) -> impl Iterator<Item = (String, Option<Identity>)> {
    fs::read_dir(folder).into_iter().flatten().flatten().filter_map(|entry| {
        let name = entry.file_name().into_string().ok().filter(|name| is_mark(name))?;
        // The metadata is that of a link, not of what it leads to.
        let found = entry.metadata().ok()?;
        let is_own = found.is_file() && found.uid() == geteuid().as_raw();
        let (starter, child) = is_own.then(|| read(&entry.path())).flatten()?;
        (!starter.lives()).then_some((name, child))
    })
}

/// The process that wrote a note, and the program that it started then.
fn read(note: &Path) -> Option<(Identity, Option<Identity>)> {
    let mut text = String::new();
    File::open(note).ok()?.take(NOTE_BYTES_MAX).read_to_string(&mut text).ok()?;
    let mut identities = text.split_inclusive('\n').map(|line| line.strip_suffix('\n')?.parse().ok());
    Some((identities.next()??, identities.next().flatten()))
}

const NOTE_BYTES_MAX: u64 = 1024;

/// A mark of 128 random bits.
fn drawn_mark() -> io::Result<String> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| io::Error::other(error.to_string()))?;
    Ok(format!("{:032x}", u128::from_be_bytes(bytes)))
}

fn is_mark(name: &str) -> bool {
    name.len() == 32 && name.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// The process groups of all processes that have one of the marks.
fn marked(left: &BTreeMap<String, Option<Identity>>) -> impl Iterator<Item = Pid> {
    fs::read_dir("/proc").into_iter().flatten().flatten().filter_map(|entry| {
        let pid = Pid::from_raw(entry.file_name().to_str()?.parse().ok()?)?;
        let environment = fs::read(entry.path().join("environ")).ok()?;
        let mut variables = environment.split(|byte| *byte == 0);
        let mark =
            variables.find_map(|variable| variable.strip_prefix(MARK.as_bytes())?.strip_prefix(b"="))?;
        left.contains_key(std::str::from_utf8(mark).ok()?).then(|| getpgid(Some(pid)).ok())?
    })
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::os::unix::fs::symlink;
    use std::os::unix::process::{CommandExt, ExitStatusExt};
    use std::process::{Child, Command, Stdio};

    use super::*;

    /// A program with a mark, in a process group of its own.
    fn sleeper(mark: &str) -> Child {
        let mut command = Command::new("sleep");
        command.arg("1000").env(MARK, mark).stdin(Stdio::null()).process_group(0).spawn().unwrap()
    }

    fn mark(number: u8) -> String {
        format!("{number:032x}")
    }

    fn of(child: &Child) -> Identity {
        Identity::of(child.id()).unwrap()
    }

    /// A process that was there and is dead.
    fn dead() -> Identity {
        let mut child = Command::new("true").spawn().unwrap();
        let identity = of(&child);
        child.wait().unwrap();
        identity
    }

    fn is_at_work(child: &mut Child) -> bool {
        child.try_wait().unwrap().is_none()
    }

    #[test]
    fn every_bit_of_a_mark_is_random() {
        let bits = || u128::from_str_radix(&drawn_mark().unwrap(), 16).unwrap();
        let (all_set, some_set) =
            (0..200).map(|_| bits()).fold((u128::MAX, 0), |(all, some), mark| (all & mark, some | mark));
        assert_eq!((all_set, some_set), (0, u128::MAX), "no bit is the same in all marks");
        assert!(is_mark(&drawn_mark().unwrap()));
    }

    #[test]
    fn a_program_is_noted_from_before_it_starts_until_it_has_ended() {
        let folder = tempfile::tempdir().unwrap();
        let mut note = ChildNote::begin(folder.path()).unwrap();
        assert_eq!(read(&note.path), Some((Identity::own(), None)));
        assert!(is_mark(&note.mark));
        let mut child = sleeper(&note.mark);
        note.started(child.id()).unwrap();
        assert_eq!(read(&note.path), Some((Identity::own(), Some(of(&child)))));
        end_left(folder.path());
        assert!(is_at_work(&mut child), "its starter lives");
        drop(note);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        child.kill().unwrap();
        child.wait().unwrap();
    }

    #[test]
    fn only_what_is_noted_by_a_dead_process_and_is_the_same_process_still_is_ended() {
        let folder = tempfile::tempdir().unwrap();
        let notes = folder.path().join("notes");
        fs::create_dir(&notes).unwrap();
        let starter = dead();
        let write = |name: &str, text: String| fs::write(notes.join(name), text).unwrap();
        // Known by its number; known by its mark only.
        let mut ended = [sleeper("other"), sleeper(&mark(1))];
        write(&mark(0), format!("{starter}\n{}\n", of(&ended[0])));
        write(&mark(1), format!("{starter}\n"));

        let mut spared: Vec<Child> = (2..8).map(|number| sleeper(&mark(number + 100))).collect();
        let identities: Vec<Identity> = spared.iter().map(of).collect();
        // Another process has the number now.
        let words = identities[0].to_string();
        let [pid, at, boot] = words.split(' ').collect::<Vec<_>>().try_into().unwrap();
        write(&mark(2), format!("{starter}\n{pid} {} {boot}\n", at.parse::<u64>().unwrap() - 1));
        write(&mark(3), format!("{starter}\n{pid} {at} another-start\n"));
        // Its starter lives; a link; a name that no note has; half a note; a program that was never started.
        write(&mark(4), format!("{}\n{}\n", Identity::own(), identities[1]));
        fs::write(folder.path().join("note"), format!("{starter}\n{}\n", identities[2])).unwrap();
        symlink(folder.path().join("note"), notes.join(mark(5))).unwrap();
        write("mine.txt", format!("{starter}\n{}\n", identities[3]));
        write(&mark(6), format!("{starter}\n{}", identities[4]));
        write(&mark(7), format!("{starter}\n"));

        end_left(&notes);
        for child in &mut ended {
            assert_eq!(child.wait().unwrap().signal(), Some(9));
        }
        let names = fs::read_dir(&notes).unwrap().map(|it| it.unwrap().file_name().into_string().unwrap());
        let mut left: Vec<String> = names.collect();
        left.sort();
        assert_eq!(left, [mark(4), mark(5), "mine.txt".to_owned()]);
        for mut child in spared.drain(..) {
            assert!(is_at_work(&mut child));
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    #[test]
    fn what_a_program_left_in_its_group_is_ended_as_well() {
        let notes = tempfile::tempdir().unwrap();
        let mut shell = Command::new("sh");
        shell.args(["-c", "sleep 1000 & echo $!"]).env(MARK, mark(1)).process_group(0);
        let mut leader = shell.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
        let identity = of(&leader);
        // The one that stays keeps the output open, so only a line is read.
        let mut lines = io::BufRead::lines(io::BufReader::new(leader.stdout.take().unwrap()));
        let left: u32 = lines.next().unwrap().unwrap().parse().unwrap();
        leader.wait().unwrap();
        let left = Identity::of(left).unwrap();
        fs::write(notes.path().join(mark(1)), format!("{}\n{identity}\n", dead())).unwrap();
        end_left(notes.path());
        while left.lives() {
            std::thread::yield_now();
        }
    }

    #[test]
    fn a_program_in_the_group_of_this_process_is_left_alone() {
        let notes = tempfile::tempdir().unwrap();
        let mut child =
            Command::new("sleep").arg("1000").env(MARK, mark(1)).stdin(Stdio::null()).spawn().unwrap();
        fs::write(notes.path().join(mark(1)), format!("{}\n{}\n", dead(), of(&child))).unwrap();
        end_left(notes.path());
        assert!(is_at_work(&mut child));
        child.kill().unwrap();
        child.wait().unwrap();
    }
}
