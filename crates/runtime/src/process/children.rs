//! Notes about programs that are at work: if this process is killed, the next owner of the store finds
//! there what is left to be ended. Only where the system tells who a process is (Linux); elsewhere what
//! is left runs to its end.
//!
//! A note is written as soon as the program has a number. Only if this process is killed in the moment
//! between, a program stays behind that nobody knows of; it runs to its end as well.

use std::fs::{self, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::process::{Signal, geteuid, kill_process_group};

use super::identity::{self, Identity};

/// The note about a program, which ends with this.
pub(super) struct ChildNote(PathBuf);

impl ChildNote {
    /// Notes in `folder` that the program with the number `pid` was started by this process.
    pub(super) fn write(folder: &Path, pid: u32) -> io::Result<Option<ChildNote>> {
        let Some(child) = Identity::of(pid) else { return Ok(None) };
        let Some(name) = child.name() else { return Ok(None) };
        let note = ChildNote(folder.join(name));
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&note.0)?;
        file.write_all(format!("{child}\n{}\n", Identity::own()).as_bytes())?;
        Ok(Some(note))
    }
}

impl Drop for ChildNote {
    fn drop(&mut self) {
        // The next owner sees that the program isn't there any more.
        let _ = fs::remove_file(&self.0);
    }
}

/// Ends the programs that are noted in `folder` and whose starters are dead, and removes the notes.
///
/// Nobody else's program is ended: a note counts only if this user wrote it, if it names a process of
/// this start of the system with the time of its start, and if that process still leads the group in
/// which it was started.
pub(crate) fn end_left(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        // The metadata is that of a link, not of what it leads to.
        let is_note = entry.file_name().to_str().is_some_and(identity::is_name)
            && entry.metadata().is_ok_and(|found| found.is_file() && found.uid() == geteuid().as_raw());
        let Some((child, starter)) = is_note.then(|| read(&entry.path())).flatten() else { continue };
        if starter.lives() {
            continue;
        }
        if let Some(group) = child.group() {
            // It may have ended by itself in this moment.
            let _ = kill_process_group(group, Signal::KILL);
        }
        // A note that stays is looked at again by the next owner.
        let _ = fs::remove_file(entry.path());
    }
}

/// The program that a note is about, and the process that started it.
fn read(note: &Path) -> Option<(Identity, Identity)> {
    let mut text = String::new();
    fs::File::open(note).ok()?.take(NOTE_BYTES_MAX).read_to_string(&mut text).ok()?;
    let mut lines = text.lines().map(str::parse);
    Some((lines.next()?.ok()?, lines.next()?.ok()?))
}

const NOTE_BYTES_MAX: u64 = 1024;

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::os::unix::fs::symlink;
    use std::os::unix::process::{CommandExt, ExitStatusExt};
    use std::process::{Child, Command, Stdio};

    use super::*;

    /// A program in a process group of its own.
    fn sleeper(folder: &Path) -> Child {
        let mut command = Command::new("sleep");
        command.arg("1000").current_dir(folder).stdin(Stdio::null()).process_group(0).spawn().unwrap()
    }

    fn write(folder: &Path, child: &Identity, starter: &Identity) -> PathBuf {
        let path = folder.join(child.name().unwrap());
        fs::write(&path, format!("{child}\n{starter}\n")).unwrap();
        path
    }

    /// A process that was there and is dead.
    fn dead() -> Identity {
        let mut child = Command::new("true").spawn().unwrap();
        let identity = Identity::of(child.id()).unwrap();
        child.wait().unwrap();
        identity
    }

    #[test]
    fn a_program_is_noted_as_long_as_it_is_at_work() {
        let folder = tempfile::tempdir().unwrap();
        let mut child = sleeper(folder.path());
        let note = ChildNote::write(folder.path(), child.id()).unwrap().unwrap();
        let (noted, starter) = read(&note.0).unwrap();
        assert_eq!((noted.pid, starter), (child.id(), Identity::own()));
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
        let mut children: Vec<Child> = (0..6).map(|_| sleeper(folder.path())).collect();
        let of = |index: usize| Identity::of(children[index].id()).unwrap();
        let starter = dead();

        // 0: left at work by a process that is dead. 1: noted by a process that lives.
        let left = write(&notes, &of(0), &starter);
        let kept = write(&notes, &of(1), &Identity::own());
        // 2: another process has its number now. 3: behind a link.
        let [pid, at, boot] =
            of(2).to_string().split(' ').map(str::to_owned).collect::<Vec<_>>().try_into().unwrap();
        let other: Identity = format!("{pid} {} {boot}", at.parse::<u64>().unwrap() - 1).parse().unwrap();
        let other = write(&notes, &other, &starter);
        let outside = write(folder.path(), &of(3), &starter);
        symlink(&outside, notes.join(of(3).name().unwrap())).unwrap();
        // 4: under a name that no note has. 5: said by nobody.
        fs::rename(write(&notes, &of(4), &starter), notes.join("mine.txt")).unwrap();
        fs::write(notes.join(of(5).name().unwrap()), "half a no").unwrap();

        end_left(&notes);
        assert_eq!(children[0].wait().unwrap().signal(), Some(9));
        assert!(!left.exists() && !other.exists() && kept.exists() && notes.join("mine.txt").exists());
        for child in &mut children[1..] {
            assert_eq!(child.try_wait().unwrap(), None, "it is still at work");
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    #[test]
    fn a_program_that_leads_no_group_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        // It is in the group of this test.
        let mut child = Command::new("sleep").arg("1000").stdin(Stdio::null()).spawn().unwrap();
        write(folder.path(), &Identity::of(child.id()).unwrap(), &dead());
        end_left(folder.path());
        assert_eq!(child.try_wait().unwrap(), None);
        child.kill().unwrap();
        child.wait().unwrap();
    }
}
