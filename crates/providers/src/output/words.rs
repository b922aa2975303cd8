//! Spoken words with their times, in the shapes that transcribers and synthesisers give.

use motet_pipeline::Value;
use serde_json::Value as Json;

/// Words or passages, each `{ word, start, end }` and `speaker` where it is told. `None` if it is no list of them.
///
/// The shapes: `{ text | word, start, end }`, `{ text, timestamp: [start, end] }`, and one object with the lists of
/// `characters` and their times. What isn't spoken (spaces, events) is left out.
pub(super) fn read(part: &Json) -> Option<Value> {
    let words = match part {
        Json::Array(items) => items.iter().filter(|item| is_spoken(item)).map(word).collect::<Option<_>>()?,
        Json::Object(_) => of_characters(part)?,
        _ => return None,
    };
    Some(Value::list(words))
}

fn is_spoken(item: &Json) -> bool {
    let kind = item.get("type").and_then(Json::as_str);
    !matches!(kind, Some("spacing" | "audio_event"))
}

fn word(item: &Json) -> Option<Value> {
    let text = ["word", "text"].iter().find_map(|name| item.get(name)?.as_str())?;
    let stamp = |place: usize| item.get("timestamp").and_then(|pair| pair.get(place)).and_then(Json::as_f64);
    let time = |name: &str, place| item.get(name).and_then(Json::as_f64).or_else(|| stamp(place));
    let start = time("start", 0)?;
    // The last passage of some has no end.
    let end = time("end", 1).unwrap_or(start);
    let speaker = ["speaker_id", "speaker"].iter().find_map(|name| item.get(name)?.as_str());
    Some(spoken(text.trim(), start, end, speaker))
}

fn spoken(word: &str, start: f64, end: f64, speaker: Option<&str>) -> Value {
    let entries = [("word", word.into()), ("start", start.into()), ("end", end.into())];
    Value::map(entries.into_iter().chain(speaker.map(|speaker| ("speaker", speaker.into()))))
}

/// Words of single characters with their times: what stands between spaces.
fn of_characters(part: &Json) -> Option<Vec<Value>> {
    let list = |name: &str| part.get(name)?.as_array();
    let characters = list("characters")?;
    let starts = list("character_start_times_seconds")?;
    let ends = list("character_end_times_seconds")?;
    let mut words = Vec::new();
    let mut open: Option<(String, f64, f64)> = None;
    for ((character, start), end) in characters.iter().zip(starts).zip(ends) {
        let (character, start, end) = (character.as_str()?, start.as_f64()?, end.as_f64()?);
        if character.trim().is_empty() {
            words.extend(open.take());
        } else {
            let (text, _, last) = open.get_or_insert((String::new(), start, end));
            text.push_str(character);
            *last = end;
        }
    }
    words.extend(open);
    Some(words.into_iter().map(|(text, start, end)| spoken(&text, start, end, None)).collect())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn written(part: &Json) -> String {
        read(part).map(|words| words.to_json().to_string()).unwrap_or_default()
    }

    #[test]
    fn words_have_one_form_whatever_the_transcriber() {
        let two = r#"[{"end":0.4,"start":0.1,"word":"Hi"},{"end":1.0,"start":0.5,"word":"you"}]"#;
        let shapes = [
            json!([{ "text": "Hi", "start": 0.1, "end": 0.4, "type": "word" },
                   { "text": " ", "start": 0.4, "end": 0.5, "type": "spacing" },
                   { "text": "you", "start": 0.5, "end": 1.0, "type": "word" }]),
            json!([{ "text": " Hi", "timestamp": [0.1, 0.4] }, { "text": " you", "timestamp": [0.5, 1.0] }]),
            json!({ "characters": ["H", "i", " ", "y", "o", "u"],
                    "character_start_times_seconds": [0.1, 0.2, 0.4, 0.5, 0.6, 0.7],
                    "character_end_times_seconds": [0.2, 0.4, 0.5, 0.6, 0.7, 1.0] }),
        ];
        for shape in shapes {
            assert_eq!(written(&shape), two, "{shape}");
        }
        let open = json!([{ "text": "on", "timestamp": [3.0, null], "speaker": "A" }]);
        assert_eq!(written(&open), r#"[{"end":3.0,"speaker":"A","start":3.0,"word":"on"}]"#);
        for bad in [json!("Hi"), json!([1]), json!([{ "text": "Hi" }]), json!({ "characters": [1] })] {
            assert_eq!(read(&bad).map(|_| ()), None, "{bad}");
        }
    }
}
