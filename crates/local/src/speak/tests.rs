use motet_pipeline::{Class, Value};

use super::*;

fn inputs(entries: &[(&str, Value)]) -> Map {
    entries.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
}

fn speech(entries: &[(&str, Value)]) -> Speech {
    Speech::from_inputs(&inputs(entries)).unwrap()
}

/// A tone of `seconds` within a quarter second of silence on both sides.
fn tone(seconds: f64) -> Vec<u8> {
    let mut samples = vec![0; 5512];
    samples.extend((0..(seconds * 22050.0) as usize).map(|index| if index % 40 < 20 { 9000 } else { -9000 }));
    samples.resize(samples.len() + 5512, 0);
    wav::write(22_050, 1, &samples)
}

#[test]
fn arguments_name_files_and_never_hold_the_text() {
    let plain = speech(&[("text", "First. Second. Third.".into())]);
    let chosen = speech(&[
        ("text", "Hallo.".into()),
        ("voice", "de+f3".into()),
        ("language", "de".into()),
        ("speed", 200_i64.into()),
        ("pitch", 60_i64.into()),
    ]);
    let spanish = speech(&[("text", "Hola.".into()), ("language", "es-419".into())]);
    let mut lines: Vec<String> =
        (0..3).map(|index| plain.arguments(index, "1.wav", "1.txt").join(" ")).collect();
    lines.push(chosen.arguments(0, "1.wav", "1.txt").join(" "));
    lines.push(spanish.arguments(0, "1.wav", "1.txt").join(" "));
    lines.push(plain.at_speed(222).arguments(1, "1.wav", "1.txt").join(" "));
    insta::assert_snapshot!(lines.join("\n"));
    assert_eq!((chosen.language(), spanish.language()), ("de", "es-419"));
}

#[test]
fn what_can_not_be_spoken_is_refused_with_its_name() {
    let text = ("text", Value::from("Hi."));
    let cases: Vec<Vec<(&str, Value)>> = vec![
        vec![],
        vec![("text", "  ".into())],
        vec![("text", "… — !".into())],
        vec![("text", 5_i64.into())],
        vec![("text", "x".repeat(20_001).into())],
        vec![text.clone(), ("voice", "-x".into())],
        vec![text.clone(), ("voice", "../en".into())],
        vec![text.clone(), ("voice", "en/us".into())],
        vec![text.clone(), ("voice", "en+f3+f4".into())],
        vec![text.clone(), ("voice", "en -w x".into())],
        vec![text.clone(), ("voice", "en--us".into())],
        vec![text.clone(), ("language", "en+f3".into())],
        vec![text.clone(), ("speed", 79_i64.into())],
        vec![text.clone(), ("speed", 160.5.into())],
        vec![text.clone(), ("pitch", 100_i64.into())],
        vec![text, ("duration", 0.1.into())],
    ];
    let lines: Vec<String> = cases
        .iter()
        .map(|case| {
            let refusal = Speech::from_inputs(&inputs(case)).unwrap_err();
            format!("{}: {}", refusal.class, refusal.message)
        })
        .collect();
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn joined_sentences_are_trimmed_and_have_exact_bounds() {
    let speech = speech(&[("text", "One two. Three four five.\n\nSix.".into())]);
    let spoken = speech.join(&[tone(1.0), tone(1.5), tone(0.5)]).unwrap();
    insta::assert_json_snapshot!(serde_json::json!({
        "sentences": spoken.sentences,
        "words": spoken.words,
        "duration": words::milliseconds(spoken.duration),
    }));
    assert!(spoken.estimated);
    let sound = wav::parse(&spoken.wav).unwrap();
    assert_eq!(sound.seconds(), spoken.duration);
    assert_eq!(spoken.duration, speech.measure(&[tone(1.0), tone(1.5), tone(0.5)]).unwrap());
}

#[test]
fn a_duration_is_met_by_speed_then_padding_or_refused() {
    let text = ("text", Value::from("One. Two."));
    let fitted = |duration: f64| speech(&[text.clone(), ("duration", duration.into())]);
    let wavs = [tone(2.0), tone(2.0)];

    assert_eq!(fitted(5.0).speed_for(5.0), None, "it fits");
    assert_eq!(fitted(5.0).speed_for(6.0), Some(196));
    assert_eq!(fitted(5.0).speed_for(4.0), Some(131));
    assert_eq!(fitted(5.0).speed_for(50.0), Some(256), "at most 1.6 times");
    assert_eq!(fitted(50.0).speed_for(5.0), Some(112), "at least 0.7 times");
    assert_eq!(fitted(5.0).at_speed(256).speed_for(9.0), None, "no faster than the limit");
    assert_eq!(fitted(5.0).at_speed(200).at_speed(210).speed_for(6.0), None, "after two changes");
    assert_eq!(speech(std::slice::from_ref(&text)).speed_for(1.0), None, "without a duration");

    assert_eq!(fitted(5.0).join(&wavs).unwrap().duration, 5.0, "padded");
    let tight = fitted(4.3).join(&wavs).unwrap();
    assert_eq!(tight.duration, 4.3, "pauses shortened");
    assert_eq!(tight.sentences[1].end, 4.3);
    let refusal = fitted(4.0).join(&wavs).unwrap_err();
    assert_eq!(refusal.class, Class::Invalid);
    insta::assert_snapshot!(refusal);
}

#[test]
fn sounds_that_do_not_belong_together_are_refused() {
    let speech = speech(&[("text", "One. Two.".into())]);
    let other_rate = wav::write(16_000, 1, &[9000; 100]);
    let silence = wav::write(22_050, 1, &[0; 1000]);
    let cases: [&[Vec<u8>]; 4] = [
        &[tone(1.0)],
        &[tone(1.0), other_rate],
        &[silence.clone(), silence],
        &[tone(1.0), b"<html>".to_vec()],
    ];
    let lines: Vec<String> = cases
        .iter()
        .map(|wavs| {
            let refusal = speech.join(wavs).unwrap_err();
            format!("{}: {}", refusal.class, refusal.message)
        })
        .collect();
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn complaints_of_the_synthesiser_become_failures_with_a_class() {
    let speech = speech(&[("text", "Hi.".into()), ("voice", "zz".into())]);
    let gone = speech.failure("Error: The specified espeak-ng voice does not exist.\n");
    assert_eq!(
        (gone.class, gone.message.as_str()),
        (Class::Gone, "espeak-ng has no voice `zz`; `espeak-ng --voices` lists them")
    );
    assert_eq!(speech.failure("\n").message, "espeak-ng failed: no word why");
}
