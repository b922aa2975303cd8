//! MP4 and QuickTime: an index (`moov`) of tracks, and fragments that come behind it.

use super::Unread;
use super::boxes::{Part, Parts};
use super::fragments::Fragments;
use super::track::{Content, Matrix, Track, is_wide};
use super::window::Window;
use crate::probe::Probed;

/// Tracks of a file that are looked at.
const TRACKS_MAX: usize = 64;

pub(super) fn read(window: &mut Window) -> Result<Probed, Unread> {
    let mut parts = Parts::of_file(window);
    let mut movie: Option<Movie> = None;
    let mut is_cut = false;
    while let Some(part) = parts.next_or_cut(window)? {
        is_cut = part.end > window.length();
        match (&part.name, &mut movie) {
            _ if is_cut => break,
            (b"moov", None) => movie = Some(Movie::read(window, part)?),
            (b"moof", Some(movie)) => movie.fragments.read(window, part)?,
            (b"moov" | b"moof", _) => return Err(Unread::Unknown),
            _ => {}
        }
    }
    match movie {
        None => Unread::refused("truncated, or no video at all: it has no index (moov atom)"),
        Some(movie) if movie.is_cut(window, is_cut) => {
            Unread::refused("truncated: the file ends before its pictures and sound do")
        }
        Some(movie) => movie.measure(),
    }
}

/// What the index tells.
struct Movie {
    /// In seconds; zero if it isn't told.
    length: f64,
    tracks: Vec<Track>,
    fragments: Fragments,
}

impl Movie {
    fn read(window: &mut Window, index: Part) -> Result<Movie, Unread> {
        let header = index.at(window, &[b"mvhd"])?;
        let length = length(window, header)?;
        let mut tracks = Vec::new();
        let mut parts = index.parts();
        while let Some(part) = parts.next(window)? {
            match &part.name {
                b"trak" if tracks.len() < TRACKS_MAX => tracks.push(Track::read(window, part)?),
                b"trak" => return Err(Unread::Unknown),
                _ => {}
            }
        }
        let fragments = Fragments::expect(window, index)?;
        Ok(Movie { length, tracks, fragments })
    }

    /// Whether samples lie behind the end of the file.
    fn is_cut(&self, window: &Window, last_is_cut: bool) -> bool {
        let is_cut = |track: &Track| track.samples.end > window.length();
        self.tracks.iter().any(is_cut) || last_is_cut && !self.fragments.is_empty()
    }

    fn measure(&self) -> Result<Probed, Unread> {
        let pictures: Vec<_> =
            self.tracks.iter().filter(|track| matches!(track.content, Content::Pictures(_))).collect();
        let sound: Vec<_> = self.tracks.iter().filter(|track| track.content == Content::Sound).collect();
        match (pictures.as_slice(), sound.as_slice()) {
            ([], []) => Err(Unread::Unknown),
            ([], sound) => Ok(Probed::sound(self.seconds(None, sound)?)?),
            ([pictures], sound) => {
                let Content::Pictures(screen) = pictures.content else { return Err(Unread::Unknown) };
                let seconds = self.seconds(Some(pictures), sound)?;
                Ok(Probed::video(screen.shown()?, seconds, Some(self.rate(pictures)?), !sound.is_empty())?)
            }
            // One of them may be a cover or pictures of chapters.
            _ => Err(Unread::Unknown),
        }
    }

    /// How long it plays, in seconds.
    fn seconds(&self, pictures: Option<&Track>, sound: &[&Track]) -> Result<f64, Unread> {
        let seconds = match self.fragments.is_empty() {
            true if self.tracks.iter().all(|track| track.samples.count == 0) => 0.0,
            true => self.length,
            false => self.seconds_of_fragments(pictures, sound),
        };
        if seconds > 0.0 { Ok(seconds) } else { Err(Unread::Unknown) }
    }

    fn seconds_of_fragments(&self, pictures: Option<&Track>, sound: &[&Track]) -> f64 {
        let length = |track: &Track| self.fragments.length(track);
        let pictures = pictures.map_or(0.0, |track| track.seconds(length(track)));
        let sound = sound.iter().map(|track| {
            let heard = track.seconds(length(track).saturating_sub(track.skipped));
            // Encoders begin with silence. Where no edit leaves it out, nothing tells how much of it there is.
            let padding = track.seconds(if track.skipped == 0 { PADDING_MAX } else { 0 });
            if heard <= pictures + padding { pictures } else { heard }
        });
        sound.fold(pictures, f64::max)
    }

    /// Pictures a second.
    fn rate(&self, pictures: &Track) -> Result<f64, Unread> {
        let (count, length) = match self.fragments.is_empty() {
            true => (pictures.samples.count, pictures.samples.length),
            false => {
                let each = self.fragments.each(pictures).ok_or(Unread::Unknown)?;
                // An edit that skips more than pictures out of order cuts the film.
                if pictures.skipped > 16 * each {
                    return Err(Unread::Unknown);
                }
                (1, each)
            }
        };
        match (count, length) {
            (0, _) | (_, 0) => Err(Unread::Unknown),
            (count, length) => Ok(count as f64 * f64::from(pictures.scale) / length as f64),
        }
    }
}

/// The most samples that encoders of sound begin with before the first that is to be heard.
const PADDING_MAX: u64 = 2112;

/// The length that the header of the index tells, in seconds as ffprobe writes them; 0 if it isn't known.
fn length(window: &mut Window, header: Part) -> Result<f64, Unread> {
    let wide = is_wide(window, header)?;
    let (at, matrix) = if wide { (20, 48) } else { (12, 36) };
    if Matrix::read(window, header.body + matrix)? != Matrix::Upright {
        return Err(Unread::Unknown);
    }
    let scale = window.u32(header.body + at)?;
    let length = match wide {
        true => window.u64(header.body + at + 4)?,
        false => match window.u32(header.body + at + 4)? {
            u32::MAX => u64::MAX,
            length => length.into(),
        },
    };
    match (scale, length) {
        (0, _) | (_, u64::MAX) => Ok(0.0),
        (scale, length) => Ok((length as f64 / f64::from(scale) * 1e6).round() / 1e6),
    }
}
