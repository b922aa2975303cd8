//! Which scripts a voice of espeak-ng reads. Of others it says what kind of letter there is, one by one.

use motet_pipeline::Failure;

/// A script, and the languages in which espeak-ng reads it.
struct Script {
    name: &'static str,
    has: fn(char) -> bool,
    languages: &'static [&'static str],
}

const SCRIPTS: [Script; 3] = [
    Script {
        name: "Chinese characters",
        has: |letter| matches!(u32::from(letter), 0x3400..=0x9fff | 0xf900..=0xfaff | 0x20000..=0x3ffff),
        languages: &["cmn", "zh", "yue", "hak", "nan"],
    },
    Script {
        name: "kana",
        has: |letter| matches!(u32::from(letter), 0x3041..=0x3096 | 0x30a1..=0x30fa),
        languages: &["ja"],
    },
    Script {
        name: "Korean letters",
        has: |letter| matches!(u32::from(letter), 0x1100..=0x11ff | 0x3131..=0x318e | 0xac00..=0xd7a3),
        languages: &["ko"],
    },
];

/// Refuses a text with letters that the voice `voice` doesn't read.
pub(super) fn judge(text: &str, voice: &str) -> Result<(), Failure> {
    let language = voice.split(['-', '_']).next().unwrap_or_default();
    for Script { name, has, languages } in &SCRIPTS {
        let Some(letter) = text.chars().find(|letter| has(*letter)) else { continue };
        if languages.contains(&language) {
            continue;
        }
        let way = match (*name, language) {
            ("Chinese characters", "ja") => {
                "write it in kana, or use a provider that speaks Japanese".to_owned()
            }
            _ => format!("give it in `language` {}, or use a provider that speaks it", languages[0]),
        };
        return Err(Failure::invalid(format!(
            "`text` has {letter:?}, and espeak-ng reads no {name} in `{voice}`; {way}"
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_that_the_voice_does_not_read_is_refused() {
        let refused = |text, voice| judge(text, voice).unwrap_err().to_string();
        insta::assert_snapshot!(
            [refused("東京は大きい。", "ja"), refused("It is 大", "en-us"), refused("안녕", "de")].join("\n")
        );
        for (text, voice) in
            [("きょうは", "ja"), ("今天", "cmn"), ("今天", "yue"), ("안녕", "ko"), ("naïve α", "en-us")]
        {
            assert!(judge(text, voice).is_ok(), "{text}");
        }
    }
}
