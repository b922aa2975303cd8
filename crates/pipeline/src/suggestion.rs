//! Suggestions: "did you mean …?".

use rapidfuzz::distance::osa::{Args, BatchComparator};

#[cfg(test)]
thread_local! {
    /// How many names this thread has compared with others.
    static COMPARED: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

/// The candidate that `word` was most likely meant to be, if one is near enough.
///
/// Near is: one slip (a letter wrong, missing, doubled, or swapped with its neighbour) for every three
/// letters. Case, `-` and `_` don't count. Of two equally near candidates the first wins.
///
/// ```
/// use motet_pipeline::suggestion::closest;
/// assert_eq!(closest("imgae", ["audio", "image"]), Some("image"));
/// assert_eq!(closest("aspect-ratio", ["aspect_ratio"]), Some("aspect_ratio"));
/// assert_eq!(closest("colour", ["image", "audio"]), None);
/// ```
pub fn closest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = folded(word);
    let slips = BatchComparator::new(word.iter().copied());
    let mut best: Option<(usize, &str)> = None;
    for candidate in candidates {
        #[cfg(test)]
        COMPARED.set(COMPARED.get() + 1);
        let other = folded(candidate);
        let letters = word.len().max(other.len());
        let allowed = letters / 3;
        if word.len().abs_diff(other.len()) > allowed {
            continue;
        }
        // Another one must be nearer than the best so far.
        let most =
            best.map_or(Some(allowed), |(least, _)| least.checked_sub(1).map(|less| less.min(allowed)));
        let Some(most) = most else { break };
        let within = Args::default().score_cutoff(most);
        if let Some(distance) = slips.distance_with_args(other.iter().copied(), &within) {
            best = Some((distance, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

/// Words as a person would list them: `a`, `b` and `c`; at most six, then "and 3 more".
pub fn listed<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    const SHOWN: usize = 6;
    let mut words = words.into_iter();
    let shown: Vec<_> = words.by_ref().take(SHOWN).map(|word| format!("`{word}`")).collect();
    match (shown.as_slice(), words.count()) {
        ([], _) => "nothing".to_owned(),
        ([only], _) => only.clone(),
        ([first @ .., last], 0) => format!("{} and {last}", first.join(", ")),
        (_, more) => format!("{} and {more} more", shown.join(", ")),
    }
}

/// Long words are cut: nobody mistypes a name of more than 64 letters, and up to there a comparison takes one
/// step for each letter.
fn folded(word: &str) -> Vec<char> {
    word.chars().filter(|c| !matches!(c, '-' | '_')).take(64).map(|c| c.to_ascii_lowercase()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bundle::Bundle;
    use crate::check::check;
    use crate::contract::Catalogue;

    /// A pipeline in which `count` names are defined, and as many misspelled by the steps of `step`.
    fn misspelled(count: usize, step: impl Fn(usize) -> String) -> String {
        let lines = |line: &dyn Fn(usize) -> String| (0..count).map(line).collect::<String>();
        let fields: Vec<_> = (0..count).map(|index| format!("field{index}: 1")).collect();
        format!(
            "motet: 1\ninputs:\n{}steps:\n  all: {{ uses: data/transform, with: {{ value: {{ {} }} }} }}\n{}",
            lines(&|index| format!("  input{index}: string\n")),
            fields.join(", "),
            lines(&|index| format!("  step{index}: {{ uses: data/transform, {} }}\n", step(index))),
        )
    }

    #[test]
    fn names_are_compared_only_for_what_is_reported() {
        let value = |path: String| format!("with: {{ value: '{{{{ {path} }}}}' }}");
        let forms: [(&str, &dyn Fn(usize) -> String); 5] = [
            ("step", &|index| format!("with: {{ value: 1 }}, needs: stpe{index}")),
            ("step", &|index| value(format!("steps.stpe{index}.value"))),
            ("input", &|index| value(format!("inputs.inptu{index}"))),
            ("field", &|index| value(format!("steps.all.value.feild{index}"))),
            ("value", &|_| "with: { value: 1, vlaue: 1 }".to_owned()),
        ];
        for (meant, step) in forms {
            let compared = |count: usize| {
                COMPARED.set(0);
                let checked =
                    check(&Bundle::of_text("a.yaml", misspelled(count, step)), &Catalogue::default());
                assert_eq!(checked.diagnostics.len(), 200);
                let label = format!("{:?}", checked.diagnostics[0]);
                assert!(label.contains(&format!("did you mean `{meant}")), "{label}");
                COMPARED.get()
            };
            let (some, many) = (compared(250), compared(500));
            assert!(0 < some && many <= 2 * some + 500, "{meant}: {some} comparisons, then {many}");
        }
    }

    #[test]
    fn the_nearest_name_is_suggested_and_a_far_one_is_not() {
        let steps = ["still", "clip", "voice", "final"];
        let table = [
            ("stil", Some("still")),
            ("voise", Some("voice")),
            ("cilp", Some("clip")),
            ("Final", Some("final")),
            ("fnial", Some("final")),
            ("banana", None),
            ("x", None),
            ("fi", None),
            ("", None),
        ];
        for (word, expected) in table {
            assert_eq!(closest(word, steps), expected, "{word}");
        }
    }

    #[test]
    fn of_several_near_names_the_nearest_wins_and_then_the_first() {
        assert_eq!(closest("voices", ["voicings", "voice", "voicer"]), Some("voice"));
        assert_eq!(closest("voices", ["voicer", "voice"]), Some("voicer"));
        assert_eq!(closest("voice", ["voices", "voice", "void"]), Some("voice"));
    }

    #[test]
    fn lists_of_names_stay_short() {
        assert_eq!(listed([]), "nothing");
        assert_eq!(listed(["a"]), "`a`");
        assert_eq!(listed(["a", "b", "c"]), "`a`, `b` and `c`");
        assert_eq!(
            listed(["a", "b", "c", "d", "e", "f", "g", "h"]),
            "`a`, `b`, `c`, `d`, `e`, `f` and 2 more"
        );
    }
}
