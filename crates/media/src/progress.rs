//! How far ffmpeg is, read from what `-progress pipe:1` prints.

/// Reads the progress of one call line by line.
///
/// ```
/// let mut progress = motet_media::progress::Progress::new(Some(10.0));
/// assert_eq!(progress.read("frame=12"), None);
/// assert_eq!(progress.read("out_time_us=2500000"), Some(0.25));
/// assert_eq!(progress.read("out_time_us=1000000"), None, "it never goes back");
/// assert_eq!(progress.read("progress=end"), Some(1.0));
/// ```
#[derive(Clone, Debug)]
pub struct Progress {
    length: Option<f64>,
    reached: f64,
}

impl Progress {
    /// The progress of a call whose result is `length` seconds long: [`crate::Call::length`].
    pub fn new(length: Option<f64>) -> Progress {
        Progress { length: length.filter(|length| *length > 0.0), reached: 0.0 }
    }

    /// Takes a line; gives the fraction that is done, from 0 to 1, if the line moved it.
    pub fn read(&mut self, line: &str) -> Option<f64> {
        let (key, value) = line.trim().split_once('=')?;
        let reached = match key {
            "progress" if value == "end" => 1.0,
            // Despite its name `out_time_ms` has always been in microseconds too; it is ignored.
            "out_time_us" => (value.parse::<f64>().ok()? / 1e6 / self.length?).clamp(0.0, 1.0),
            _ => return None,
        };
        (reached > self.reached).then(|| {
            self.reached = reached;
            reached
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_lines_move_nothing() {
        let mut progress = Progress::new(Some(2.0));
        for line in
            ["", "=", "out_time_us=N/A", "out_time_us=-99", "out_time_us", "progress=continue", "\u{0}=1"]
        {
            assert_eq!(progress.read(line), None, "{line:?}");
        }
        assert_eq!(progress.read("out_time_us=9e99"), Some(1.0));
    }

    #[test]
    fn without_a_length_only_the_end_is_told() {
        let mut progress = Progress::new(None);
        assert_eq!(progress.read("out_time_us=500"), None);
        assert_eq!(progress.read("progress=end"), Some(1.0));
    }
}
