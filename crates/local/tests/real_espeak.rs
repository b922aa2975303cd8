//! What is asked of espeak-ng is really understood by it, and what it writes is really joined.

use std::process::Command;

use motet_local::speak::Speech;
use motet_pipeline::{Value, value::Map};

fn speech(entries: &[(&str, Value)]) -> Speech {
    let inputs: Map = entries.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    Speech::from_inputs(&inputs).unwrap()
}

/// Speaks every sentence as the runtime does: text in a file, a process each.
fn speak(speech: &Speech) -> Vec<Vec<u8>> {
    let folder = tempfile::tempdir().unwrap();
    let sentences = (0..speech.sentences().len()).map(|index| (index, speech.handed_over(index)));
    sentences
        .map(|(index, sentence)| {
            std::fs::write(folder.path().join("sentence.txt"), sentence).unwrap();
            let output = Command::new("espeak-ng")
                .current_dir(&folder)
                .args(speech.arguments(index, "out.wav", "sentence.txt"))
                .output()
                .expect("espeak-ng is installed (apt install espeak-ng)");
            assert!(output.status.success(), "{}", speech.failure(&String::from_utf8_lossy(&output.stderr)));
            std::fs::read(folder.path().join("out.wav")).unwrap()
        })
        .collect()
}

/// Speaks again at other speeds, as the runtime does, until it fits.
fn fitted(mut speech: Speech) -> (Speech, Vec<Vec<u8>>) {
    let mut wavs = speak(&speech);
    while let Some(speed) = speech.speed_for(speech.measure(&wavs).unwrap()) {
        speech = speech.at_speed(speed);
        wavs = speak(&speech);
    }
    (speech, wavs)
}

const TEXT: &str =
    "The lighthouse keeper woke before dawn. Out at sea, a single lamp was moving! Who could it be?";

/// Seconds of sound, as the header of a WAV with 16 bits and one channel tells.
fn seconds(wav: &[u8]) -> f64 {
    let rate = u32::from_le_bytes(wav[24..28].try_into().unwrap());
    (wav.len() - 44) as f64 / 2.0 / f64::from(rate)
}

#[test]
fn a_text_is_spoken_and_its_times_are_those_of_the_sound() {
    let speech = speech(&[("text", TEXT.into())]);
    let spoken = speech.join(&speak(&speech)).unwrap();
    assert_eq!(spoken.sentences.len(), 3);
    assert!((4.0..9.0).contains(&spoken.duration), "{} s", spoken.duration);
    assert!((seconds(&spoken.wav) - spoken.duration).abs() < 1e-9);
    assert!(
        (spoken.sentences[2].end - spoken.duration).abs() < 0.001,
        "the last sentence ends with the sound"
    );
    for pair in spoken.sentences.windows(2) {
        assert!((0.2..0.5).contains(&(pair[1].start - pair[0].end)), "a natural pause");
    }
    let text: Vec<&str> = spoken.words.iter().map(|word| word.word.as_str()).collect();
    assert_eq!(text.join(" "), TEXT);
    assert!(spoken.words.iter().all(|word| word.end - word.start > 0.04), "{:?}", spoken.words);
}

#[test]
fn speech_gets_the_wished_duration_exactly() {
    let natural = speech(&[("text", TEXT.into())]);
    let natural = natural.measure(&speak(&natural)).unwrap();
    for factor in [0.7, 0.9, 1.0, 1.3, 2.0] {
        let wished = (natural * factor * 100.0).round() / 100.0;
        let (speech, wavs) = fitted(speech(&[("text", TEXT.into()), ("duration", wished.into())]));
        let spoken = speech.join(&wavs).unwrap();
        assert!((seconds(&spoken.wav) - wished).abs() < 0.0001, "{wished} s at {factor}");
        let silence = wished - spoken.sentences[2].end;
        assert!(factor > 1.4 || silence < 0.15 * wished, "{silence} s of {wished} s are silent at {factor}");
    }
}

#[test]
fn what_can_not_be_said_in_time_is_refused_with_the_time_it_takes() {
    let (speech, wavs) = fitted(speech(&[("text", TEXT.into()), ("duration", 2.0.into())]));
    let message = speech.join(&wavs).unwrap_err().message;
    assert!(
        message.contains("at 256 words per minute (wished: 160)") && message.contains("`duration` 2 s"),
        "{message}"
    );
}

#[test]
fn other_scripts_and_hostile_texts_are_spoken_as_text() {
    let cases = [
        ("Schöne Grüße aus Köln.", "de"),
        ("きょうははれです。あしたはあめ。", "ja"),
        ("--version -w /etc/x; $(id) <break time=\"9s\"/>", "en-us"),
        ("Loud [[h@'loU]] \u{1}100S words.", "en+f3"),
    ];
    for (text, voice) in cases {
        let speech = speech(&[("text", text.into()), ("voice", voice.into())]);
        let spoken = speech.join(&speak(&speech)).unwrap();
        assert!(spoken.duration > 0.5, "{text}: {} s", spoken.duration);
    }
}
