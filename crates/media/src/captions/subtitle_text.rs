//! Subtitles as they are written elsewhere (SRT, WebVTT, ASS), read as captions.

use crate::sniff::sniff;

/// A caption with its times, in seconds.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Caption {
    pub(crate) text: String,
    pub(crate) start: f64,
    pub(crate) end: f64,
}

/// The captions of `text`, if it is SRT, WebVTT or ASS.
pub(crate) fn read(text: &str) -> Option<Vec<Caption>> {
    match sniff(text.as_bytes())?.mime {
        "application/x-subrip" => Some(timed(text, false)),
        "text/vtt" => Some(timed(text, true)),
        "text/x-ssa" => Some(scripted(text)),
        _ => None,
    }
}

/// Blocks of a line with an arrow between two times, and lines of text up to an empty one.
fn timed(text: &str, has_entities: bool) -> Vec<Caption> {
    let mut captions: Vec<Caption> = Vec::new();
    let mut is_open = false;
    for line in text.trim_start_matches('\u{feff}').lines().map(str::trim) {
        if let Some((start, end)) = line.split_once("-->") {
            let end = end.split_whitespace().next().unwrap_or_default();
            let times = clock(start.trim()).zip(clock(end));
            is_open = times.is_some();
            captions.extend(times.map(|(start, end)| Caption { text: String::new(), start, end }));
        } else if line.is_empty() {
            is_open = false;
        } else if let Some(caption) = captions.last_mut().filter(|_| is_open) {
            let plain = without(&without(line, '<', '>'), '{', '}');
            let plain = if has_entities { entities(&plain) } else { plain };
            caption.text.push_str(if caption.text.is_empty() { "" } else { " " });
            caption.text.push_str(plain.trim());
        }
    }
    captions.retain(|caption| !caption.text.is_empty());
    captions
}

/// The dialogue of an ASS script, whose `Format` line tells what stands where; the text comes last.
fn scripted(text: &str) -> Vec<Caption> {
    let mut columns: Vec<String> = Vec::new();
    let mut captions = Vec::new();
    let mut is_events = false;
    for line in text.lines().map(str::trim) {
        if line.starts_with('[') {
            is_events = line.eq_ignore_ascii_case("[events]");
        } else if let Some(format) = line.strip_prefix("Format:").filter(|_| is_events) {
            columns = format.split(',').map(|column| column.trim().to_owned()).collect();
        } else if let Some(said) = line.strip_prefix("Dialogue:").filter(|_| is_events && !columns.is_empty())
        {
            let fields: Vec<_> = said.splitn(columns.len(), ',').collect();
            let field = |name: &str| {
                let at = columns.iter().position(|column| column == name)?;
                fields.get(at).map(|field| field.trim())
            };
            let (Some(start), Some(end), Some(text)) =
                (field("Start").and_then(clock), field("End").and_then(clock), field("Text"))
            else {
                continue;
            };
            let text =
                without(text, '{', '}').replace("\\N", " ").replace("\\n", " ").replace("\\h", "\u{a0}");
            if !text.trim().is_empty() {
                captions.push(Caption { text: text.trim().to_owned(), start, end });
            }
        }
    }
    captions
}

/// `h:mm:ss,mmm`, `mm:ss.mmm`, `h:mm:ss.cc`.
fn clock(text: &str) -> Option<f64> {
    let mut seconds = 0.0;
    for part in text.split(':') {
        let plain = part.chars().all(|character| character.is_ascii_digit() || ".,".contains(character));
        let number: f64 = part.replace(',', ".").parse().ok().filter(|_| plain)?;
        seconds = seconds * 60.0 + number;
    }
    (text.contains(':') && seconds < 1e6).then_some(seconds)
}

/// A text without what stands between two signs, and without them; a sign that isn't closed stays.
fn without(text: &str, open: char, close: char) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(open) {
        // Only what looks like a command goes: `<i>`, `{\an8}`; not `1 < 2`.
        let is_command =
            after.starts_with(|first: char| first.is_ascii_alphabetic() || "/\\".contains(first));
        match after.split_once(close).filter(|_| is_command || open == '{') {
            Some((inside, after)) if open != '{' || inside.starts_with('\\') => {
                plain.push_str(before);
                rest = after;
            }
            _ => {
                plain.push_str(before);
                plain.push(open);
                rest = after;
            }
        }
    }
    plain + rest
}

fn entities(text: &str) -> String {
    text.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&nbsp;", "\u{a0}")
        .replace("&lrm;", "")
        .replace("&rlm;", "")
        .replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Vec<String> {
        let captions = read(text).unwrap();
        captions.iter().map(|caption| format!("{} {} {}", caption.start, caption.end, caption.text)).collect()
    }

    #[test]
    fn subtitles_of_three_kinds_are_read() {
        let srt = "\u{feff}1\r\n00:00:01,500 --> 00:00:03,000\r\n<i>Hello</i>\r\n{\\an8}there {you}\r\n\r\n2\r\n01:00:00,000 --> 01:00:01,000\r\n1 < 2\r\n";
        assert_eq!(shown(srt), ["1.5 3 Hello there {you}", "3600 3601 1 < 2"]);
        let vtt = "WEBVTT\n\nNOTE not seen\n\nid\n00:01.000 --> 00:02.500 line:0\n<v Ann>Tom &amp; I\n";
        assert_eq!(shown(vtt), ["1 2.5 Tom & I"]);
        let ass = "[Script Info]\nTitle: x\n[Events]\nFormat: Layer, Start, End, Style, Text\n\
                   Dialogue: 0,0:00:01.25,0:00:02.00,Default,{\\b1}One,\\Ntwo\nComment: 0,0:00:00.00,0:00:09.00,Default,no\n";
        assert_eq!(shown(ass), ["1.25 2 One, two"]);
        assert_eq!(read("Just words\n- and more"), None);
    }

    proptest::proptest! {
        #[test]
        fn no_damaged_subtitles_break_the_reader(text in r"(\[Script Info\]|WEBVTT|1)\n[0-9:,.\-> \nA-Z{}<>\[\]a-z\\]{0,200}") {
            for caption in read(&text).unwrap_or_default() {
                proptest::prop_assert!(caption.start.is_finite() && !caption.text.is_empty());
            }
        }
    }
}
