//! From the text of a file to its tree of nodes. JSON is read by the same path, since it is YAML.

use std::collections::{BTreeMap, BTreeSet};

use granit_parser::{ErrorKind, Event, Options, Parser, ScalarStyle, ScanError, StrInput};

use super::node::{At, Entry, Kind, Node, Scalar};
use super::place::{Findings, Place};
use crate::diagnostic::Code;

/// How deep maps and lists may lie in each other.
const DEPTH_MAX: usize = 64;

/// How many nodes all aliases of a file may stand for.
const ALIASED_NODES_MAX: usize = 10_000;

/// Reads the file `file` of the sources. What is wrong goes to `findings`; the result is `None` if
/// nothing can be said about the rest.
pub fn parse(file: u32, findings: &mut Findings) -> Option<Node> {
    let text = findings.sources.text(file);
    if findings.sources.name(file).ends_with(".json") && !is_json(file, text, findings) {
        return None;
    }
    let mut options: Options = granit_parser::options! {
        flow_nesting_limit: DEPTH_MAX,
        block_nesting_limit: DEPTH_MAX,
        disallow_directives: true,
    };
    options.set_emit_comments(false);
    let parser = Parser::new_from_str_with_options(text, options);
    Reader { file, parser, findings, anchors: BTreeMap::new(), aliased_nodes: 0, unquoted_until: None }
        .document()
        .ok()
}

/// A fault after which nothing more can be read; it was reported.
struct Stop;

struct Reader<'r, 't> {
    file: u32,
    parser: Parser<'t, StrInput<'t>>,
    findings: &'r mut Findings<'t>,
    /// The nodes that an alias may stand for, with their sizes.
    anchors: BTreeMap<usize, (Node, usize)>,
    aliased_nodes: usize,
    /// Where an expression without quotes ended last: what follows is broken by that.
    unquoted_until: Option<usize>,
}

impl<'t> Reader<'_, 't> {
    fn document(&mut self) -> Result<Node, Stop> {
        loop {
            match self.next()? {
                (Event::StreamStart | Event::DocumentStart(..), _) => {}
                (Event::StreamEnd | Event::DocumentEnd, _) => {
                    let place = Place { file: self.file, start: 0, end: 0 };
                    self.findings
                        .error(place, Code::Empty, "the file has no content")
                        .help("`motet init` writes a pipeline to start from");
                    return Err(Stop);
                }
                (event, place) => {
                    let root = self.node(event, place)?.0;
                    return self.end().map(|()| root);
                }
            }
        }
    }

    fn end(&mut self) -> Result<(), Stop> {
        loop {
            match self.next()? {
                (Event::StreamEnd, _) => return Ok(()),
                (Event::DocumentStart(..), place) => {
                    self.findings
                        .error(place, Code::Syntax, "a second document begins here")
                        .help("write one pipeline in a file, without `---` lines");
                    return Err(Stop);
                }
                _ => {}
            }
        }
    }

    fn next(&mut self) -> Result<(Event<'t>, Place), Stop> {
        match self.parser.next_event() {
            Some(Ok((event, span))) => {
                let range = span.byte_range().unwrap_or(0..0);
                Ok((event, self.place(range.start, range.end)))
            }
            Some(Err(error)) => {
                self.syntax_error(&error);
                Err(Stop)
            }
            None => Ok((Event::StreamEnd, self.place(0, 0))),
        }
    }

    fn place(&self, start: usize, end: usize) -> Place {
        let offset = |byte: usize| u32::try_from(byte).unwrap_or(u32::MAX);
        Place { file: self.file, start: offset(start), end: offset(end) }
    }

    /// The node that begins with `event`, and how many nodes it holds.
    fn node(&mut self, event: Event<'t>, place: Place) -> Result<(Node, usize), Stop> {
        let (anchor, tag) = (event.anchor_id(), event.tag().map(|tag| tag.original()));
        if let Some(tag) = tag {
            self.findings
                .error(place, Code::Syntax, format!("the tag `{tag}` can't be used"))
                .help("pipelines are plain data: quote a value to make it text");
        }
        let (node, size) = match event {
            Event::Scalar(text, style, ..) => {
                let scalar = Scalar { text: text.into_owned(), plain: style == ScalarStyle::Plain };
                (Node { place, kind: Kind::Scalar(scalar) }, 1)
            }
            Event::SequenceStart(..) => self.list(place)?,
            Event::MappingStart(..) => self.map(place)?,
            Event::Alias(target) => return self.alias(target, place),
            _ => (Node { place, kind: Kind::Unreadable }, 1),
        };
        if let Some(anchor) = anchor {
            self.anchors.insert(anchor, (node.clone(), size));
        }
        Ok((node, size))
    }

    fn list(&mut self, start: Place) -> Result<(Node, usize), Stop> {
        let (mut items, mut total) = (Vec::new(), 1);
        loop {
            let (event, place) = self.next()?;
            if event == Event::SequenceEnd {
                let place = Place { end: place.end.max(start.end), ..start };
                return Ok((Node { place, kind: Kind::List(items) }, total));
            }
            let (item, size) = self.node(event, place)?;
            items.push(item);
            total += size;
        }
    }

    fn map(&mut self, start: Place) -> Result<(Node, usize), Stop> {
        let mut entries: Vec<Entry> = Vec::new();
        let mut places: BTreeMap<String, Place> = BTreeMap::new();
        let (mut total, mut readable) = (1, true);
        loop {
            let (event, place) = self.next()?;
            if event == Event::MappingEnd {
                let place = Place { end: place.end.max(start.end), ..start };
                let kind = if readable { Kind::Map(entries) } else { Kind::Unreadable };
                if !readable {
                    self.odd_key(place);
                }
                return Ok((Node { place, kind }, total));
            }
            let (key, key_size) = self.node(event, place)?;
            let (event, place) = self.next()?;
            let (value, size) = self.node(event, place)?;
            total += key_size + size;
            match key.kind {
                Kind::Scalar(scalar) => {
                    let key = At { value: scalar.text, place: key.place };
                    match places.get(&key.value) {
                        Some(&first) => self.duplicate(&key, first),
                        None => {
                            places.insert(key.value.clone(), key.place);
                            entries.push(Entry { key, value });
                        }
                    }
                }
                _ => readable = false,
            }
        }
    }

    fn duplicate(&mut self, key: &At<String>, first: Place) {
        let line = self.findings.sources.line(first);
        self.findings
            .error(key.place, Code::DuplicateKey, format!("the key `{}` is written twice", key.value))
            .label(format!("first written in line {line}"))
            .help("rename or remove one of them");
    }

    /// Reports a map whose key is not a scalar, which is nearly always an expression without quotes.
    fn odd_key(&mut self, place: Place) {
        let written = self.findings.sources.slice(place);
        if written.starts_with("{{") {
            let end = written.find("}}").map_or(written.len(), |at| at + 2);
            let expression = &written[..end];
            let place = Place { end: place.start + u32::try_from(end).unwrap_or(0), ..place };
            self.unquoted_until = Some(place.end as usize);
            self.findings
                .error(place, Code::Unquoted, "an expression needs quotes around it")
                .note("without quotes, YAML reads `{` as the start of a map")
                .help(format!("quote it: \"{}\"", expression.replace('"', "'")));
        } else {
            self.findings.error(place, Code::Syntax, "a key must be a plain word, not a map or list");
        }
    }

    fn alias(&mut self, target: usize, place: Place) -> Result<(Node, usize), Stop> {
        let Some((node, size)) = self.anchors.get(&target) else {
            self.findings.error(place, Code::AliasBomb, "an alias stands for what it is itself a part of");
            return Err(Stop);
        };
        self.aliased_nodes += size;
        if self.aliased_nodes > ALIASED_NODES_MAX {
            self.findings
                .error(place, Code::AliasBomb, "the aliases of this file stand for too much data")
                .note(format!("all aliases of a file together may stand for {ALIASED_NODES_MAX} values"));
            return Err(Stop);
        }
        Ok((node.clone(), *size))
    }

    fn syntax_error(&mut self, error: &ScanError) {
        let marker = error.marker();
        let text = self.findings.sources.text(self.file);
        let start = marker.byte_offset().unwrap_or(0).min(text.len());
        if self.unquoted_until.is_some_and(|end| end <= start && !text[end..start].contains('\n')) {
            return;
        }
        let width = text[start..].chars().next().filter(|c| *c != '\n').map_or(0, char::len_utf8);
        let place = self.place(start, start + width);
        if matches!(error.kind(), ErrorKind::RecursionLimitExceeded) {
            self.findings.error(
                place,
                Code::TooDeep,
                format!("maps and lists lie more than {DEPTH_MAX} deep here"),
            );
            return;
        }
        let line_start = text[..start].rfind('\n').map_or(0, |at| at + 1);
        let line = text[line_start..].lines().next().unwrap_or("");
        let help = syntax_help(error.kind(), line);
        let finding = self.findings.error(place, Code::Syntax, error.info());
        if let Some(help) = help {
            finding.help(help);
        }
    }
}

/// What is probably wrong with `line`.
fn syntax_help(kind: &ErrorKind, line: &str) -> Option<&'static str> {
    let value = line.split_once(": ").map_or("", |(_, value)| value.trim_start());
    if line.starts_with('\t') || line.trim_start_matches(' ').starts_with('\t') {
        Some("indent with spaces: YAML doesn't allow tabs there")
    } else if value.starts_with("{{") || line.trim_start().starts_with("- {{") {
        Some("an expression needs quotes around the whole value: \"{{ … }}\"")
    } else if value.contains(": ") && !value.starts_with(['"', '\'', '{', '[']) {
        Some("quote a text that has a colon in it")
    } else if matches!(kind, ErrorKind::UnclosedQuotedScalar) {
        Some("a quote is opened here or before and never closed")
    } else {
        None
    }
}

/// Whether `text` is JSON; says where it isn't.
fn is_json(file: u32, text: &str, findings: &mut Findings) -> bool {
    if text.trim().is_empty() {
        return true;
    }
    let Err(error) = serde_json::from_str::<serde::de::IgnoredAny>(text) else { return true };
    let line_start: usize =
        text.split_inclusive('\n').take(error.line().saturating_sub(1)).map(str::len).sum();
    let mut start = (line_start + error.column().saturating_sub(1)).min(text.len());
    while !text.is_char_boundary(start) {
        start -= 1;
    }
    let width = text[start..].chars().next().filter(|c| *c != '\n').map_or(0, char::len_utf8);
    let offset = |byte: usize| u32::try_from(byte).unwrap_or(u32::MAX);
    let place = Place { file, start: offset(start), end: offset(start + width) };
    let message = error.to_string();
    if message.contains("recursion limit") {
        findings.error(place, Code::TooDeep, "maps and lists lie too deep here");
        return false;
    }
    let message = message.rsplit_once(" at line ").map_or(message.as_str(), |(message, _)| message);
    findings.error(place, Code::Syntax, format!("this is not JSON: {message}"));
    false
}

/// The files that a pipeline uses (`./clip.yaml`), as written, with their places.
pub fn used_files(root: &Node) -> Vec<At<String>> {
    let mut found = Vec::new();
    let mut seen = BTreeSet::new();
    if let Some(steps) = root.get("steps") {
        collect_used_files(steps, &mut found);
    }
    found.retain(|used| seen.insert(used.value.clone()));
    found
}

fn collect_used_files(steps: &Node, found: &mut Vec<At<String>>) {
    let mut take = |step: &Node| {
        let Some(node) = step.get("uses") else { return };
        let Some(scalar) = node.scalar().filter(|scalar| is_file(&scalar.text)) else { return };
        found.push(At { value: scalar.text.clone(), place: node.place });
    };
    for entry in steps.entries().unwrap_or_default() {
        take(&entry.value);
        entry.value.get("fallback").and_then(Node::items).unwrap_or_default().iter().for_each(&mut take);
    }
    for entry in steps.entries().unwrap_or_default() {
        if let Some(inner) = entry.value.get("steps") {
            collect_used_files(inner, found);
        }
    }
}

/// Whether `uses` names a file rather than an operation.
pub fn is_file(uses: &str) -> bool {
    uses.starts_with("./") || uses.starts_with("../") || uses.starts_with('/')
}
