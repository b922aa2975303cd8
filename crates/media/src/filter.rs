//! Filter graphs for ffmpeg, built from typed parts; every value is escaped.

use std::fmt::{self, Display};

/// One filter with its options.
///
/// Values pass through two parsers in ffmpeg, that of the options and that of the graph, and are
/// escaped for both.
#[derive(Clone, Debug)]
pub(crate) struct Filter {
    text: String,
    options: bool,
}

/// The filter called `name`, with no options yet.
pub(crate) fn filter(name: &'static str) -> Filter {
    Filter { text: name.to_owned(), options: false }
}

impl Filter {
    /// Sets an option.
    pub(crate) fn set(mut self, name: &'static str, value: impl Display) -> Filter {
        self.text.push(if self.options { ':' } else { '=' });
        self.options = true;
        self.text.push_str(name);
        self.text.push('=');
        self.text.push_str(&escape(&value.to_string()));
        self
    }
}

impl Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

fn escape(value: &str) -> String {
    let for_options = backslash(value, &['\\', '\'', ':']);
    backslash(&for_options, &['\\', '\'', '[', ']', ',', ';'])
}

fn backslash(text: &str, special: &[char]) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        if special.contains(&character) {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    escaped
}

/// A graph: chains of filters between named pads.
#[derive(Clone, Debug, Default)]
pub(crate) struct Graph {
    chains: Vec<String>,
}

impl Graph {
    /// Adds a chain from the pads `from` through `filters` to the pads `to`.
    pub(crate) fn chain(
        &mut self,
        from: &[impl AsRef<str>],
        filters: impl IntoIterator<Item = Filter>,
        to: &[impl AsRef<str>],
    ) {
        let filters: Vec<_> = filters.into_iter().map(|filter| filter.text).collect();
        self.chains.push(format!("{}{}{}", pads(from), filters.join(","), pads(to)));
    }
}

impl Display for Graph {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.chains.join(";"))
    }
}

fn pads(names: &[impl AsRef<str>]) -> String {
    names.iter().map(|name| format!("[{}]", name.as_ref())).collect()
}

/// Seconds as ffmpeg reads them, to the microsecond and without trailing zeros.
pub(crate) fn seconds(value: f64) -> String {
    let text = format!("{value:.6}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_escaped_for_options_and_graph() {
        let text = filter("drawtext").set("text", r"a:b,[c];d'e\f").to_string();
        assert_eq!(text, r"drawtext=text=a\\:b\,\[c\]\;d\\\'e\\\\f");
    }

    #[test]
    fn chains_are_joined_by_their_pads() {
        let mut graph = Graph::default();
        graph.chain(
            &["0:v"],
            [filter("scale").set("w", 4).set("h", 2), filter("setsar").set("sar", 1)],
            &["v"],
        );
        graph.chain(&["v"], [filter("null")], &["out"]);
        assert_eq!(graph.to_string(), "[0:v]scale=w=4:h=2,setsar=sar=1[v];[v]null[out]");
    }

    #[test]
    fn seconds_have_no_float_dust() {
        assert_eq!(seconds(0.1 + 0.2), "0.3");
        assert_eq!(seconds(5.0), "5");
        assert_eq!(seconds(0.0), "0");
    }
}
