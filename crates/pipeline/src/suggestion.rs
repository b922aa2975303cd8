//! Suggestions: "did you mean …?".

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
    let mut best: Option<(usize, &str)> = None;
    for candidate in candidates {
        let other = folded(candidate);
        let letters = word.len().max(other.len());
        let allowed = letters / 3;
        if word.len().abs_diff(other.len()) > allowed {
            continue;
        }
        let distance = distance(&word, &other);
        if distance <= allowed && best.is_none_or(|(least, _)| distance < least) {
            best = Some((distance, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

/// Words as a person would list them: `a`, `b` and `c`; at most six, then "and 3 more".
pub fn listed<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    const SHOWN: usize = 6;
    let words: Vec<_> = words.into_iter().map(|word| format!("`{word}`")).collect();
    match words.as_slice() {
        [] => "nothing".to_owned(),
        [only] => only.clone(),
        [first @ .., last] if words.len() <= SHOWN => format!("{} and {last}", first.join(", ")),
        _ => format!("{} and {} more", words[..SHOWN].join(", "), words.len() - SHOWN),
    }
}

/// Long words are cut: nobody mistypes a name of more than 64 letters, and the table stays small.
fn folded(word: &str) -> Vec<char> {
    word.chars().filter(|c| !matches!(c, '-' | '_')).take(64).map(|c| c.to_ascii_lowercase()).collect()
}

/// How many slips lead from one word to the other (optimal string alignment).
fn distance(from: &[char], to: &[char]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=to.len()).collect();
    for (row, letter) in from.iter().enumerate() {
        let mut line = vec![row + 1];
        for (column, other) in to.iter().enumerate() {
            let swap = (row > 0 && column > 0 && *letter == to[column - 1] && from[row - 1] == *other)
                .then(|| before[column - 1] + 1);
            let best = (above[column] + usize::from(letter != other))
                .min(above[column + 1] + 1)
                .min(line[column] + 1)
                .min(swap.unwrap_or(usize::MAX));
            line.push(best);
        }
        before = std::mem::replace(&mut above, line);
    }
    above[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn lists_of_names_stay_short() {
        assert_eq!(listed(["a"]), "`a`");
        assert_eq!(listed(["a", "b", "c"]), "`a`, `b` and `c`");
        assert_eq!(
            listed(["a", "b", "c", "d", "e", "f", "g", "h"]),
            "`a`, `b`, `c`, `d`, `e`, `f` and 2 more"
        );
    }
}
