//! Secrets, and how they are found in texts: in time that grows with the text, however many there are.

use std::collections::BTreeSet;
use std::sync::Arc;

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};

use super::MASKED;

/// Texts that may be shown nowhere.
#[derive(Clone, Debug, Default)]
pub(super) struct Secrets {
    known: BTreeSet<Arc<str>>,
    /// Each secret but the long ones is in one of these. Each has more than the one behind it, so there
    /// are few; and when two are made one, a secret moves to one that is at least twice as large. So to
    /// learn secrets one by one is hardly more work than to learn them all at once.
    finders: Vec<Finder>,
    /// Looked for one after the other.
    long: Vec<Arc<str>>,
    bytes: usize,
    /// There is more than can be looked for.
    are_too_many: bool,
}

#[derive(Clone, Debug)]
struct Finder {
    secrets: Vec<Arc<str>>,
    automaton: AhoCorasick,
}

/// A longer secret is looked for by itself: the finders take some fifty bytes for a byte of theirs.
const SHORT_BYTES_MAX: usize = 4096;

/// How many bytes the short ones may have in all.
const BYTES_MAX: usize = 1 << 20;

/// How many long ones there may be.
const LONG_MAX: usize = 64;

impl Secrets {
    pub(super) fn is_empty(&self) -> bool {
        self.known.is_empty() && !self.are_too_many
    }

    /// Whether `text` as a whole is a secret.
    pub(super) fn contains(&self, text: &str) -> bool {
        self.are_too_many || self.known.contains(text)
    }

    /// Adds secrets. Once there are more than can be looked for, every text counts as one.
    pub(super) fn learn(&mut self, found: impl IntoIterator<Item = String>) {
        let found: BTreeSet<Arc<str>> = found.into_iter().map(Arc::from).collect();
        let fresh = found.into_iter().filter(|secret| !self.known.contains(secret));
        let (short, long): (Vec<_>, Vec<_>) = fresh.partition(|secret| secret.len() <= SHORT_BYTES_MAX);
        if self.are_too_many || (short.is_empty() && long.is_empty()) {
            return;
        }
        self.bytes += short.iter().map(|secret| secret.len()).sum::<usize>();
        self.known.extend(short.iter().chain(&long).cloned());
        self.long.extend(long);
        if self.bytes > BYTES_MAX || self.long.len() > LONG_MAX {
            *self = Secrets { are_too_many: true, ..Secrets::default() };
        } else if !short.is_empty() {
            self.add_finder(short);
        }
    }

    fn add_finder(&mut self, mut secrets: Vec<Arc<str>>) {
        while let Some(last) = self.finders.pop_if(|last| last.secrets.len() <= secrets.len()) {
            secrets.extend(last.secrets);
        }
        let automaton = AhoCorasick::builder()
            .match_kind(MatchKind::Standard)
            .kind(Some(AhoCorasickKind::ContiguousNFA))
            .build(secrets.iter().map(|secret| secret.as_bytes()))
            .expect("so few bytes are far below the limits of an automaton");
        self.finders.push(Finder { secrets, automaton });
    }

    /// `text` without any secret, if it has one: where several overlap, nothing of any is left.
    pub(super) fn hide(&self, text: &str) -> Option<String> {
        if self.are_too_many {
            return (!text.is_empty()).then(|| MASKED.to_owned());
        }
        let places = self.places_in(text);
        if places.is_empty() {
            return None;
        }
        let mut shown = String::with_capacity(text.len());
        let mut at = 0;
        for (from, to) in places {
            shown.push_str(&text[at..from]);
            shown.push_str(MASKED);
            at = to;
        }
        shown.push_str(&text[at..]);
        Some(shown)
    }

    /// Where in `text` there is a secret or more, in order and apart.
    fn places_in(&self, text: &str) -> Vec<(usize, usize)> {
        let short = self.finders.iter().flat_map(|finder| finder.automaton.find_overlapping_iter(text));
        let mut found: Vec<(usize, usize)> = short.map(|found| (found.start(), found.end())).collect();
        for secret in &self.long {
            found.extend(text.match_indices(&**secret).map(|(at, _)| (at, at + secret.len())));
        }
        found.sort_unstable();
        let mut apart: Vec<(usize, usize)> = Vec::with_capacity(found.len());
        for (from, to) in found {
            match apart.last_mut() {
                Some(last) if from < last.1 => last.1 = last.1.max(to),
                _ => apart.push((from, to)),
            }
        }
        apart
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secrets(texts: &[&str]) -> Secrets {
        let mut secrets = Secrets::default();
        texts.iter().for_each(|text| secrets.learn(vec![(*text).to_owned()]));
        secrets
    }

    fn shown(secrets: &Secrets, text: &str) -> String {
        secrets.hide(text).unwrap_or_else(|| text.to_owned())
    }

    #[test]
    fn of_secrets_that_overlap_or_lie_in_each_other_nothing_is_left() {
        let secrets = secrets(&["abcd", "cdefgh", "hunter22", "hunter22-and-more"]);
        assert_eq!(shown(&secrets, "<abcdefgh>"), "<•••>");
        assert_eq!(shown(&secrets, "hunter22-and-more, hunter22"), "•••, •••");
        assert_eq!(shown(&secrets, "abcdabcd"), "••••••");
        assert_eq!(secrets.hide("abc defgh"), None);
    }

    #[test]
    fn secrets_that_are_learnt_one_by_one_are_moved_seldom_and_found_in_few_places() {
        let mut secrets = Secrets::default();
        let mut built = 0;
        for number in 0..10_000 {
            secrets.learn(vec![format!("secret {number:05}")]);
            built += secrets.finders.last().map_or(0, |last| last.secrets.len());
        }
        assert!(secrets.finders.len() <= 14, "{} finders", secrets.finders.len());
        assert!(built <= 10_000 * 14, "{built} secrets were put into a finder");
        assert_eq!(shown(&secrets, "secret 00000 and secret 09999"), "••• and •••");
    }

    #[test]
    fn long_secrets_are_found_too() {
        let long = "All the words of a long story. ".repeat(1000);
        let secrets = secrets(&[&long, "words"]);
        assert_eq!(
            shown(&secrets, &format!("<{long}> {}", &long[..31])),
            "<•••> All the ••• of a long story. "
        );
    }

    #[test]
    fn where_too_much_is_secret_nothing_is_shown() {
        let mut secrets = Secrets::default();
        secrets.learn((0..200_000).map(|number| format!("secret {number}")));
        assert_eq!((shown(&secrets, "harmless"), secrets.hide("")), ("•••".into(), None));
        assert!(secrets.known.is_empty(), "and nothing of it is kept");
        let mut secrets = Secrets::default();
        secrets.learn((0..=LONG_MAX).map(|number| number.to_string().repeat(5000)));
        assert_eq!(shown(&secrets, "harmless"), "•••");
    }
}
