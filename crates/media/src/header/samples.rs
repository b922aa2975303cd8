//! The tables of a track: how long its samples are shown, and where the last of them ends.

use super::Unread;
use super::boxes::Part;
use super::window::Window;

/// Entries of a table that are read; a day of sixty pictures a second has five million.
const ENTRIES_MAX: u32 = 8_000_000;

/// The samples that a track says it has outside of fragments.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Samples {
    pub(super) count: u64,
    /// How long they are shown, in the time of the track.
    pub(super) length: u64,
    /// Where the last byte of them is.
    pub(super) end: u64,
}

impl Samples {
    /// Reads the tables in the box `stbl`.
    pub(super) fn read(window: &mut Window, tables: Part) -> Result<Samples, Unread> {
        let times = Table::find(window, tables, b"stts", 4, 8)?.ok_or(Unread::Unknown)?;
        let (mut count, mut length) = (0_u64, 0_u64);
        for entry in 0..times.count {
            let [samples, each] = times.numbers(window, entry)?;
            count += u64::from(samples);
            length = length.saturating_add(u64::from(samples) * u64::from(each));
        }
        let end = end_of_last_chunk(window, tables)?;
        Ok(Samples { count, length, end })
    }
}

/// Where the chunk that begins last ends.
fn end_of_last_chunk(window: &mut Window, tables: Part) -> Result<u64, Unread> {
    let Some((chunk, begin)) = last_chunk(window, tables)? else { return Ok(0) };
    let runs = Table::find(window, tables, b"stsc", 4, 12)?.ok_or(Unread::Unknown)?;
    // The samples before the run that is looked at, those in each of its chunks, and its first chunk.
    let (mut before, mut inside, mut begins) = (0_u64, 0_u64, 0_u64);
    for entry in 0..runs.count {
        let [first, samples, _] = runs.numbers(window, entry)?;
        let first =
            u64::from(first).checked_sub(1).filter(|first| *first >= begins).ok_or(Unread::Unknown)?;
        if first > chunk {
            break;
        }
        before = before.saturating_add((first - begins).saturating_mul(inside));
        (inside, begins) = (u64::from(samples), first);
    }
    before = before.saturating_add((chunk - begins).saturating_mul(inside));
    let bytes = bytes_of(window, tables, before, inside)?;
    begin.checked_add(bytes).ok_or(Unread::Unknown)
}

/// The number and place of the chunk that begins last.
fn last_chunk(window: &mut Window, tables: Part) -> Result<Option<(u64, u64)>, Unread> {
    let mut last: Option<(u64, u64)> = None;
    let mut consider = |chunk: u32, at: u64| {
        last = last.filter(|(_, last)| *last > at).or(Some((u64::from(chunk), at)));
    };
    if let Some(places) = Table::find(window, tables, b"stco", 4, 4)? {
        for chunk in 0..places.count {
            let [at] = places.numbers(window, chunk)?;
            consider(chunk, u64::from(at));
        }
    } else if let Some(places) = Table::find(window, tables, b"co64", 4, 8)? {
        for chunk in 0..places.count {
            let [high, low] = places.numbers(window, chunk)?;
            consider(chunk, u64::from(high) << 32 | u64::from(low));
        }
    } else {
        return Err(Unread::Unknown);
    }
    Ok(last)
}

/// How many bytes `count` samples from the sample `first` on have.
fn bytes_of(window: &mut Window, tables: Part, first: u64, count: u64) -> Result<u64, Unread> {
    let sizes = tables.find(window, b"stsz")?.ok_or(Unread::Unknown)?;
    match window.u32(sizes.body + 4)? {
        0 => {
            let sizes = Table::read(window, sizes, 8, 4)?;
            let end = first.checked_add(count).filter(|end| *end <= u64::from(sizes.count));
            let end = end.ok_or(Unread::Unknown)?;
            let size = |sample: u64| sizes.numbers(window, sample as u32).map(|[size]| u64::from(size));
            (first..end).map(size).sum()
        }
        each => u64::from(each).checked_mul(count).ok_or(Unread::Unknown),
    }
}

/// Entries of one size behind their count.
struct Table {
    at: u64,
    entry_bytes: u64,
    count: u32,
}

impl Table {
    /// The table of a name, whose count stands `skipped` bytes behind its beginning.
    fn find(
        window: &mut Window,
        tables: Part,
        name: &[u8; 4],
        skipped: u64,
        entry_bytes: u64,
    ) -> Result<Option<Table>, Unread> {
        let found = tables.find(window, name)?;
        found.map(|part| Table::read(window, part, skipped, entry_bytes)).transpose()
    }

    fn read(window: &mut Window, part: Part, skipped: u64, entry_bytes: u64) -> Result<Table, Unread> {
        let count = window.u32(part.body + skipped)?;
        let bytes = u64::from(count) * entry_bytes + skipped + 4;
        if bytes > part.length() || count > ENTRIES_MAX {
            return Err(Unread::Unknown);
        }
        Ok(Table { at: part.body + skipped + 4, entry_bytes, count })
    }

    /// The first numbers of an entry.
    fn numbers<const N: usize>(&self, window: &mut Window, entry: u32) -> Result<[u32; N], Unread> {
        let bytes = window.piece(self.at + u64::from(entry) * self.entry_bytes, 4 * N)?;
        let mut numbers = bytes
            .chunks_exact(4)
            .map(|number| number.iter().fold(0, |sum, byte| sum << 8 | u32::from(*byte)));
        Ok([(); N].map(|()| numbers.next().unwrap_or_default()))
    }
}
