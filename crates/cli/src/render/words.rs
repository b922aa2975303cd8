//! Lengths of time, sizes and measures in words.

use motet::language::{Artifact, MediaKind, Span, Timestamp, Value};
use motet::report::{ArtifactPlaces, MASKED};
use motet::store::World;

use super::line::{Line, Tone};

/// What a run is that isn't over and that nobody drives.
pub const INTERRUPTED: &str = "interrupted";

/// What is said on every screen of a store that isn't real; nothing of one that is.
pub fn unreal_line(world: Option<World>) -> Option<Line> {
    let words = match world? {
        World::Real => return None,
        World::Simulated => "simulated: no provider is asked, nothing is paid",
        World::Replay => "replay: answered from a recording, nothing is paid",
    };
    Some(Line::of(Tone::Doubtful, words))
}

/// A length of time for people: `45 ms`, `0.4 s`, `12 s`, `3 min 05 s`, `2 h 10 min`, `3 d 4 h`.
pub fn duration(span: Span) -> String {
    let milliseconds = span.0;
    let seconds = (milliseconds + 500) / 1000;
    match milliseconds {
        0..100 => format!("{milliseconds} ms"),
        100..9_950 => format!("{:.1} s", span.as_seconds()),
        9_950..59_500 => format!("{seconds} s"),
        59_500..3_599_500 => format!("{} min {:02} s", seconds / 60, seconds % 60),
        3_599_500..86_400_000 => format!("{} h {:02} min", seconds / 3600, seconds / 60 % 60),
        _ => format!("{} d {} h", seconds / 86_400, seconds / 3600 % 24),
    }
}

/// A length of time, in whole seconds where it is short: for what counts while one watches.
pub fn counting(span: Span) -> String {
    if span.0 < 59_500 { format!("{} s", span.0 / 1000) } else { duration(span) }
}

/// What is left of a length of time: a part of a second counts as one.
pub fn remaining(span: Span) -> String {
    counting(Span(span.0.div_ceil(1000) * 1000))
}

/// A length of time as a clock: `00:58`, `1:02:03`.
pub fn clock(span: Span) -> String {
    let seconds = span.0 / 1000;
    match seconds / 3600 {
        0 => format!("{:02}:{:02}", seconds / 60, seconds % 60),
        hours => format!("{hours}:{:02}:{:02}", seconds / 60 % 60, seconds % 60),
    }
}

/// A moment on the clock of this machine: `2026-11-21 10:23`.
pub fn local_time(at: Timestamp) -> String {
    on_this_clock(at, "%Y-%m-%d %H:%M")
}

/// A moment of these days on the clock of this machine: `10:23:05`.
pub fn clock_time(at: Timestamp) -> String {
    on_this_clock(at, "%H:%M:%S")
}

fn on_this_clock(at: Timestamp, format: &str) -> String {
    match jiff::Timestamp::from_millisecond(at.0) {
        Ok(moment) => moment.to_zoned(jiff::tz::TimeZone::system()).strftime(format).to_string(),
        Err(_) => at.to_string(),
    }
}

/// Low to high, once where they are the same.
pub fn range(low: Span, high: Span) -> String {
    let (from, to) = (rough(low), rough(high));
    if from == to { from } else { format!("{from} to {to}") }
}

/// A length of time that is only known roughly.
pub fn rough(span: Span) -> String {
    match span.0 {
        0..100 => "0 s".to_owned(),
        100..1000 => format!("{:.1} s", span.as_seconds()),
        1000..119_500 => format!("{} s", (span.0 + 500) / 1000),
        _ => duration(Span((span.0 + 30_000) / 60_000 * 60_000)),
    }
}

/// A size: `812 B`, `1.4 kB`, `2.1 MB`.
pub fn bytes(count: u64) -> String {
    const UNITS: [&str; 4] = ["kB", "MB", "GB", "TB"];
    if count < 1000 {
        return format!("{count} B");
    }
    let mut size = count as f64 / 1000.0;
    let mut unit = 0;
    while size >= 999.5 && unit + 1 < UNITS.len() {
        size /= 1000.0;
        unit += 1;
    }
    if size < 9.95 { format!("{size:.1} {}", UNITS[unit]) } else { format!("{size:.0} {}", UNITS[unit]) }
}

/// One of something, or several: `1 step`, `3 steps`.
pub fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

/// What was measured of an artifact: `1280×720, 8.2 s, mp4`.
pub fn measures(artifact: &Artifact, times: &str) -> String {
    let mut parts = Vec::new();
    if let (Some(width), Some(height)) = (artifact.width, artifact.height) {
        parts.push(format!("{width}{times}{height}"));
    }
    if let Some(seconds) = artifact.duration {
        parts.push(format!("{seconds:.1} s"));
    }
    if artifact.kind == MediaKind::Video && artifact.has_audio == Some(false) {
        parts.push("silent".to_owned());
    }
    parts.push(artifact.extension().to_owned());
    parts.join(", ")
}

/// What a step gave, in a few words: its media measured, else its values.
pub fn output(output: &Value, times: &str) -> String {
    let mut parts = output.parts().take(PARTS_MAX);
    let media: Vec<_> = parts.by_ref().filter_map(Value::as_artifact).collect();
    let more = if media.is_empty() || output.parts().nth(PARTS_MAX).is_none() { "" } else { "more than " };
    match media.as_slice() {
        [] => output.as_map().map(values).unwrap_or_default(),
        [_] | [_, _] | [_, _, _] if more.is_empty() => {
            media.iter().map(|artifact| measures(artifact, times)).collect::<Vec<_>>().join(" + ")
        }
        [first, ..] => format!("{more}{} artifacts, {} first", media.len(), measures(first, times)),
    }
}

fn values(entries: &motet::language::value::Map) -> String {
    let shown = entries.iter().filter(|(name, _)| *name != "meta");
    let mut first: Vec<_> = shown.take(FIELDS_MAX + 1).collect();
    if let [(_, value)] = first.as_slice() {
        return brief(value);
    }
    let goes_on = first.len() > FIELDS_MAX;
    first.truncate(FIELDS_MAX);
    let fields: Vec<String> =
        first.into_iter().map(|(name, value)| format!("{name} {}", brief(value))).collect();
    format!("{}{}", fields.join(", "), if goes_on { ", …" } else { "" })
}

/// How many parts of a value are looked at to find its media: whoever draws does so often.
pub const PARTS_MAX: usize = 2000;

/// How many fields of what a step gave are reported in a line.
const FIELDS_MAX: usize = 20;

const BRIEF_CHARACTERS_MAX: usize = 60;

/// A value in a line: texts quoted and cut, lists and objects counted where they are long.
pub fn brief(value: &Value) -> String {
    match value {
        Value::Absent => "absent".to_owned(),
        Value::Text(text) if &**text == MASKED => MASKED.to_owned(),
        Value::Media(artifact) => measures(artifact, "×"),
        Value::List(items) if items.len() > 4 => count(items.len(), "item"),
        Value::Map(entries) if entries.len() > 4 => count(entries.len(), "field"),
        // A number is kept exactly as it was written; `25.0` frames are 25.
        Value::Number(number) => {
            let text = number.to_string();
            text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
        }
        other => ArtifactPlaces::nowhere().value(other).beginning(BRIEF_CHARACTERS_MAX),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_are_told_as_people_would() {
        let table = [
            (0, "0 ms", "00:00", "0 s"),
            (99, "99 ms", "00:00", "0 s"),
            (450, "0.5 s", "00:00", "0.5 s"),
            (9_960, "10 s", "00:09", "10 s"),
            (74_000, "1 min 14 s", "01:14", "74 s"),
            (242_400, "4 min 02 s", "04:02", "4 min 00 s"),
            (7_800_000, "2 h 10 min", "2:10:00", "2 h 10 min"),
            (273_600_000, "3 d 4 h", "76:00:00", "3 d 4 h"),
        ];
        for (milliseconds, words, on_the_clock, roughly) in table {
            let span = Span(milliseconds);
            assert_eq!((duration(span).as_str(), clock(span).as_str()), (words, on_the_clock));
            assert_eq!(rough(span), roughly);
        }
    }

    #[test]
    fn what_is_left_is_never_told_as_nothing() {
        let table = [(0, "0 s"), (1, "1 s"), (1_000, "1 s"), (59_100, "1 min 00 s")];
        for (milliseconds, words) in table {
            assert_eq!(remaining(Span(milliseconds)), words);
        }
    }

    #[test]
    fn whole_numbers_are_told_without_a_point() {
        let number = |text: &str| serde_json::from_str(text).unwrap();
        for (written, told) in [("25.0", "25"), ("0.5", "0.5"), ("10", "10"), ("\"1.0\"", "\"1.0\"")] {
            assert_eq!(brief(&number(written)), told);
        }
    }

    #[test]
    fn what_holds_another_a_billion_times_is_told_in_a_few_words_at_once() {
        let doubled = |value| (0..30).fold(value, |value: Value, _| Value::list(vec![value.clone(), value]));
        let gave = Value::map([("value", doubled("x".into()))]);
        assert_eq!(output(&gave, "x"), format!("{}…", "[".repeat(30) + r#""x","x"],["x","x"]],[["x","x"]"#));
        let json = serde_json::json!({
            "$artifact": format!("sha256:{}", "0".repeat(64)), "kind": "image", "mime": "image/png", "bytes": 1,
        });
        let image: Artifact = serde_json::from_value(json).unwrap();
        let told = output(&doubled(image.into()), "x");
        assert!(told.starts_with("more than 9") && told.ends_with(" artifacts, png first"), "{told}");
        let fields = Value::map((0..1000).map(|number| (format!("f{number:03}"), Value::Null)));
        assert!(output(&fields, "x").ends_with("f019 null, …"));
    }

    #[test]
    fn sizes_keep_two_figures() {
        let table =
            [(0, "0 B"), (999, "999 B"), (1_400, "1.4 kB"), (2_140_000, "2.1 MB"), (31_400_000_000, "31 GB")];
        for (size, words) in table {
            assert_eq!(bytes(size), words);
        }
    }
}
