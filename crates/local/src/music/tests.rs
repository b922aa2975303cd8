use motet_pipeline::{Digest, Value};

use super::*;

fn bed(mood: &str, duration: f64, seed: i64) -> Bed {
    Bed::from_inputs(&Map::from([
        ("mood".to_owned(), Value::from(mood)),
        ("duration".to_owned(), Value::from(duration)),
        ("seed".to_owned(), Value::from(seed)),
    ]))
    .unwrap()
}

/// The samples of both channels, from -1 to 1.
fn samples(bytes: &[u8]) -> Vec<f32> {
    bytes[44..]
        .chunks_exact(2)
        .map(|pair| f32::from(i16::from_le_bytes([pair[0], pair[1]])) / 32_768.0)
        .collect()
}

fn strength(samples: &[f32]) -> f32 {
    (samples.iter().map(|sample| sample * sample).sum::<f32>() / samples.len() as f32).sqrt()
}

#[test]
fn the_same_inputs_give_the_same_bytes_for_ever() {
    let digests: Vec<String> = Mood::ALL
        .iter()
        .map(|mood| format!("{} {:?}", mood.word(), Digest::of(&bed(mood.word(), 2.0, 1).compose())))
        .collect();
    insta::assert_snapshot!(digests.join("\n"));
    assert_ne!(bed("calm", 1.0, 1).compose(), bed("calm", 1.0, 2).compose(), "a seed makes a difference");
}

#[test]
fn every_mood_is_heard_below_speech_and_never_clips() {
    for mood in Mood::ALL {
        let samples = samples(&bed(mood.word(), 12.0, 3).compose());
        let loudest = samples.iter().fold(0.0_f32, |most, sample| most.max(sample.abs()));
        assert!((0.068..0.08).contains(&strength(&samples)), "{mood:?}: {}", strength(&samples));
        assert!((0.1..0.86).contains(&loudest), "{mood:?}: {loudest}");
        let middle = &samples[samples.len() / 4..samples.len() / 4 * 3];
        for second in middle.chunks(2 * RATE as usize) {
            assert!(strength(second) > 0.02, "{mood:?} falls silent");
        }
    }
}

#[test]
fn it_fades_at_both_ends() {
    let samples = samples(&bed("warm", 8.0, 4).compose());
    let tenth = RATE as usize / 5;
    assert_eq!((samples[0], samples[samples.len() - 1]), (0.0, 0.0));
    assert!(strength(&samples[..tenth]) < 0.01);
    assert!(strength(&samples[samples.len() - tenth..]) < 0.01);
}

#[test]
fn left_and_right_differ() {
    let samples = samples(&bed("bright", 3.0, 1).compose());
    let apart: Vec<f32> = samples.chunks_exact(2).map(|frame| frame[0] - frame[1]).collect();
    assert!(strength(&apart) > 0.1 * strength(&samples));
}

#[test]
fn the_length_is_exact() {
    for (duration, frames) in [(0.5, 24_000), (1.0001, 48_005), (7.25, 348_000)] {
        assert_eq!(bed("tense", duration, 1).compose().len(), 44 + 4 * frames, "{duration} s");
    }
}

#[test]
fn a_long_piece_is_left_soon_after_it_is_stopped() {
    let asked = std::cell::Cell::new(0);
    let stopped = bed("calm", 20.0, 1).compose_unless(&|| {
        asked.set(asked.get() + 1);
        asked.get() == 5
    });
    assert!(stopped.is_none() && asked.get() == 5, "{} times asked", asked.get());
    let asked = std::cell::Cell::new(0);
    bed("calm", 20.0, 1).compose_unless(&|| {
        asked.set(asked.get() + 1);
        false
    });
    assert!(asked.get() > 30, "it is asked {} times in 20 s of music", asked.get());
}

#[test]
fn what_is_no_duration_is_refused() {
    for duration in [Value::from(0.4), Value::from(601.0), Value::from("long")] {
        let inputs = Map::from([("duration".to_owned(), duration)]);
        let refusal = Bed::from_inputs(&inputs).unwrap_err();
        assert!(refusal.message.starts_with("`duration`"), "{refusal}");
    }
}

#[test]
fn a_named_mood_goes_before_the_prompt_and_free_text_is_understood() {
    let inputs = |mood: &str, prompt: &str| {
        Map::from([("mood".to_owned(), Value::from(mood)), ("prompt".to_owned(), Value::from(prompt))])
    };
    let mood = |mood: &str, prompt: &str| Bed::from_inputs(&inputs(mood, prompt)).unwrap().mood();
    assert_eq!(mood("dark", "a funny dance"), "dark");
    assert_eq!(mood("", "a funny dance"), "playful");
    assert_eq!(mood("gloomy and sad", ""), "dark");
    assert_eq!(mood("zzz", "yyy"), "calm");
}
