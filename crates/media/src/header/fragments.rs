//! Fragments of an MP4: runs of samples behind the index, which may tell nothing of them.

use std::collections::BTreeMap;

use super::Unread;
use super::boxes::Part;
use super::track::{Content, Track};
use super::window::Window;

/// Samples in all fragments that are looked at.
const SAMPLES_MAX: u64 = 8_000_000;

/// The fragments that were read.
#[derive(Default)]
pub(super) struct Fragments {
    /// How long a sample of a track is if nothing else is told.
    usual: BTreeMap<u32, u32>,
    rows: BTreeMap<u32, Row>,
    samples: u64,
}

/// The samples of one track.
#[derive(Clone, Copy, Default)]
struct Row {
    begin: Option<u64>,
    end: u64,
    count: u64,
    /// How long the first, the second and the last are.
    first: u32,
    each: u32,
    last: u32,
    /// Whether one between the first and the last isn't like the second.
    is_uneven: bool,
}

impl Fragments {
    /// Reads what the index tells of fragments to come.
    pub(super) fn expect(window: &mut Window, index: Part) -> Result<Fragments, Unread> {
        let mut fragments = Fragments::default();
        if let Some(expected) = index.find(window, b"mvex")? {
            let mut parts = expected.parts();
            while let Some(part) = parts.next(window)? {
                if &part.name == b"trex" {
                    let [track, length] = [4, 12].map(|at| window.u32(part.body + at));
                    fragments.usual.insert(track?, length?);
                }
            }
        }
        Ok(fragments)
    }

    /// Whether there are none.
    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Reads a box `moof`.
    pub(super) fn read(&mut self, window: &mut Window, fragment: Part) -> Result<(), Unread> {
        let mut parts = fragment.parts();
        while let Some(part) = parts.next(window)? {
            if &part.name == b"traf" {
                self.read_track(window, part)?;
            }
        }
        Ok(())
    }

    fn read_track(&mut self, window: &mut Window, fragment: Part) -> Result<(), Unread> {
        let header = fragment.at(window, &[b"tfhd"])?;
        let [flags, track] = [0, 4].map(|at| window.u32(header.body + at));
        let (flags, track) = (flags?, track?);
        let usual = match flags & 8 {
            0 => self.usual.get(&track).copied().unwrap_or(0),
            _ => {
                let before = if flags & 1 == 0 { 0 } else { 8 } + if flags & 2 == 0 { 0 } else { 4 };
                window.u32(header.body + 8 + before)?
            }
        };
        let row = self.rows.entry(track).or_default();
        if let Some(time) = fragment.find(window, b"tfdt")? {
            let begin = match window.bytes(time.body)? {
                [1] => window.u64(time.body + 4)?,
                _ => window.u32(time.body + 4)?.into(),
            };
            row.begin.get_or_insert(begin);
            row.end = begin;
        }
        let mut parts = fragment.parts();
        while let Some(part) = parts.next(window)? {
            if &part.name == b"trun" {
                self.samples += row.read_run(window, part, usual)?;
            }
        }
        if self.samples > SAMPLES_MAX { Err(Unread::Unknown) } else { Ok(()) }
    }

    /// How long all samples of `track` are, in its own time.
    pub(super) fn length(&self, track: &Track) -> u64 {
        let row = self.rows.get(&track.number).copied().unwrap_or_default();
        // What the index itself holds comes first.
        let begin = if track.samples.count > 0 { 0 } else { row.begin.unwrap_or(0) };
        let length = row.end.max(track.samples.length).saturating_sub(begin);
        match track.content {
            Content::Sound => length.saturating_sub(row.stretched()),
            _ => length,
        }
    }

    /// How long each sample of `track` is, if all are alike but for the last one.
    pub(super) fn each(&self, track: &Track) -> Option<u64> {
        let row = self.rows.get(&track.number)?;
        (!row.is_uneven && row.first == row.each).then_some(row.each.into())
    }
}

impl Row {
    /// Reads a box `trun`; how many samples it has.
    fn read_run(&mut self, window: &mut Window, run: Part, usual: u32) -> Result<u64, Unread> {
        let [flags, count] = [0, 4].map(|at| window.u32(run.body + at));
        let (flags, count) = (flags?, count?);
        let has = |flag: u32| u64::from(flags & flag != 0);
        let head = 8 + 4 * (has(1) + has(4));
        let each = 4 * (has(0x100) + has(0x200) + has(0x400) + has(0x800));
        if head + each * u64::from(count) > run.length() || u64::from(count) > SAMPLES_MAX {
            return Err(Unread::Unknown);
        }
        if has(0x100) == 0 {
            // Those in the middle are like the first: a run of a million costs as little as one of three.
            (0..count.min(3)).for_each(|_| self.push(usual));
            let rest = u64::from(count.saturating_sub(3));
            self.end = self.end.saturating_add(rest * u64::from(usual));
        } else {
            for sample in 0..u64::from(count) {
                let length = window.u32(run.body + head + each * sample)?;
                self.push(length);
            }
        }
        Ok(count.into())
    }

    fn push(&mut self, length: u32) {
        match self.count {
            0 => (self.first, self.each) = (length, length),
            1 => self.each = length,
            // The one before this wasn't the last.
            _ => self.is_uneven |= self.last != self.each,
        }
        self.last = length;
        self.count += 1;
        self.end = self.end.saturating_add(length.into());
    }

    /// By how much the first and the last sample are longer than the others. Packets of sound are all alike:
    /// some writers stretch those to begin or end with the pictures.
    fn stretched(&self) -> u64 {
        let beyond = |length: u32| u64::from(length.saturating_sub(self.each));
        if self.is_uneven || self.count < 3 { 0 } else { beyond(self.first) + beyond(self.last) }
    }
}
