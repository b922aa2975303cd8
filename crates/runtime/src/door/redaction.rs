//! Redaction: a key that was sent is in nothing that comes back, in any of the forms that servers give it.

use std::collections::BTreeSet;
use std::sync::Arc;

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};

use super::credential::Secret;
use super::incoming::Received;
use crate::report::MASKED;

/// Knows keys, and hides them. Clones are cheap.
#[derive(Clone, Default)]
pub(super) struct Redaction {
    known: BTreeSet<Secret>,
    finder: Option<Arc<AhoCorasick>>,
}

/// What is shorter would be found everywhere by chance.
const RECOGNISED_BYTES_MIN: usize = 4;

/// The same for what is only a part of a key: half of one, or of its base64.
const PART_BYTES_MIN: usize = 12;

impl Redaction {
    /// From now on these are hidden too.
    pub(super) fn learn(&mut self, secrets: &[Secret]) {
        let before = self.known.len();
        self.known.extend(secrets.iter().cloned());
        if self.known.len() > before {
            let forms: BTreeSet<String> =
                self.known.iter().flat_map(|secret| forms(secret.reveal())).collect();
            // It is built again for each key that is used first, and what is read is short.
            let finder = AhoCorasick::builder()
                .kind(Some(AhoCorasickKind::ContiguousNFA))
                .match_kind(MatchKind::Standard)
                .build(forms);
            self.finder = Some(Arc::new(finder.expect("keys are far below the limits of an automaton")));
        }
    }

    /// `text` without keys.
    pub(super) fn text(&self, text: &str) -> String {
        let hidden = self.bytes(text.as_bytes());
        hidden.map_or_else(|| text.to_owned(), |hidden| String::from_utf8_lossy(&hidden).into_owned())
    }

    /// Hides keys in what came into memory. What came into a file is media.
    pub(super) fn received(&self, received: &mut Received) {
        for (_, value) in &mut received.headers {
            if let Some(hidden) = self.bytes(value.as_bytes()) {
                *value = String::from_utf8_lossy(&hidden).into_owned();
            }
        }
        if let Some(hidden) = self.bytes(&received.body) {
            received.body = hidden;
        }
    }

    /// `bytes` without keys, if there are any in it. Where several overlap, nothing of any is left.
    fn bytes(&self, bytes: &[u8]) -> Option<Vec<u8>> {
        let finder = self.finder.as_ref()?;
        let mut found: Vec<_> =
            finder.find_overlapping_iter(bytes).map(|found| (found.start(), found.end())).collect();
        if found.is_empty() {
            return None;
        }
        found.sort_unstable();
        let mut hidden = Vec::with_capacity(bytes.len());
        let mut at = 0;
        for (from, to) in found {
            if from >= at {
                hidden.extend_from_slice(&bytes[at..from]);
                hidden.extend_from_slice(MASKED.as_bytes());
            }
            at = at.max(to);
        }
        hidden.extend_from_slice(&bytes[at..]);
        Some(hidden)
    }
}

/// All forms in which a key is looked for.
fn forms(key: &str) -> BTreeSet<String> {
    let halves = key.split(':').filter(|half| half.len() >= PART_BYTES_MIN);
    let whole = Some(key).filter(|key| key.len() >= RECOGNISED_BYTES_MIN);
    let mut forms = BTreeSet::new();
    for text in whole.into_iter().chain(halves) {
        let quoted = serde_json::Value::from(text).to_string();
        let json = quoted[1..quoted.len() - 1].to_owned();
        let encoded = percent_encoded(text);
        forms.extend([text.to_owned(), json.replace('/', "\\/"), json, encoded.to_lowercase(), encoded]);
        forms.extend((0..3).flat_map(|shift| in_base64(text, shift)));
    }
    forms
}

/// The characters of base64 that a text always becomes where it begins `shift` bytes behind a multiple of three.
fn in_base64(text: &str, shift: usize) -> impl Iterator<Item = String> {
    let bytes = [&[0; 2][..shift], text.as_bytes()].concat();
    let (from, to) = ((shift * 8).div_ceil(6), bytes.len() * 8 / 6);
    let of = move |engine: &base64::engine::GeneralPurpose| engine.encode(&bytes)[from..to].to_owned();
    [of(&STANDARD), of(&URL_SAFE)].into_iter().filter(|form| form.len() >= PART_BYTES_MIN)
}

/// As it is in the query of a URL.
pub(super) fn percent_encoded(text: &str) -> String {
    let is_kept = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let letter = |byte: u8| if is_kept(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    text.bytes().map(letter).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "r8_Kj/4+x\"Q:zz91-Äbc";

    fn knowing(keys: &[&str]) -> Redaction {
        let mut redaction = Redaction::default();
        redaction.learn(&keys.iter().map(|key| Secret::from(*key)).collect::<Vec<_>>());
        redaction
    }

    #[test]
    fn a_key_is_hidden_in_every_form_that_a_server_may_give_it() {
        let redaction = knowing(&[KEY]);
        let mut texts = vec![
            format!("Incorrect key {KEY}."),
            serde_json::json!({ "error": KEY }).to_string(),
            serde_json::json!({ "error": KEY }).to_string().replace('/', "\\/"),
            format!("/login?key={}", percent_encoded(KEY)),
            format!("/login?key={}", percent_encoded(KEY).to_lowercase()),
        ];
        for before in ["", "a", "ab", "user:", "Basic of "] {
            let around = format!("{before}{KEY}{before}");
            texts.extend([STANDARD.encode(&around), URL_SAFE.encode(&around)]);
        }
        for text in texts {
            let hidden = redaction.text(&text);
            assert!(hidden.contains(MASKED), "{text}");
            assert!(!hidden.contains("Kj") && !hidden.contains("zz91"), "{hidden}");
        }
    }

    #[test]
    fn half_of_a_key_is_hidden_and_a_short_word_is_none() {
        let redaction = knowing(&["0a1b2c3d-4e5f:fedcba9876543210", "abc"]);
        assert_eq!(
            redaction.text("the secret fedcba9876543210 is wrong"),
            format!("the secret {MASKED} is wrong")
        );
        assert_eq!(redaction.text("abcdef"), "abcdef");
    }

    #[test]
    fn of_keys_that_overlap_nothing_is_left_and_bytes_that_are_no_text_stay() {
        let redaction = knowing(&["abcdef", "defghi"]);
        assert_eq!(redaction.text("<abcdefghi>"), format!("<{MASKED}>"));
        let hidden = redaction.bytes(b"\xff\xfeabcdef\xff").unwrap();
        assert_eq!(hidden, [b"\xff\xfe", MASKED.as_bytes(), b"\xff"].concat());
        assert_eq!(redaction.bytes(b"\xff\xfe"), None);
    }
}
