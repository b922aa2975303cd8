//! From the text of a file to its tree of nodes. JSON is read by the same path, since it is YAML.

use std::collections::{BTreeMap, BTreeSet};

use granit_parser::{ErrorKind, Event, Options, Parser, ScalarStyle, ScanError, StrInput};

use super::node::{At, Entry, Kind, Node, Scalar};
use super::place::{Findings, Place};
use crate::diagnostic::Code;
use crate::value::DEPTH_MAX;

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
    let reader = Reader {
        file,
        parser,
        findings,
        depth: 0,
        anchors: BTreeMap::new(),
        aliased_nodes: 0,
        unquoted_until: None,
    };
    reader.document().ok()
}

/// A fault after which nothing more can be read; it was reported.
struct Stop;

struct Reader<'r, 't> {
    file: u32,
    parser: Parser<'t, StrInput<'t>>,
    findings: &'r mut Findings<'t>,
    /// How many maps and lists are open.
    depth: usize,
    /// The nodes that an alias may stand for.
    anchors: BTreeMap<usize, (Node, Size)>,
    aliased_nodes: usize,
    /// Where an expression without quotes ended last: what follows is broken by that.
    unquoted_until: Option<usize>,
}

/// How large a node is.
#[derive(Clone, Copy)]
struct Size {
    /// How many nodes it holds, itself included.
    nodes: usize,
    /// How deep maps and lists lie in it.
    depth: usize,
}

impl Size {
    const SCALAR: Size = Size { nodes: 1, depth: 0 };
    const EMPTY: Size = Size { nodes: 1, depth: 1 };

    fn add(&mut self, inner: Size) {
        self.nodes += inner.nodes;
        self.depth = self.depth.max(inner.depth + 1);
    }
}

impl<'t> Reader<'_, 't> {
    fn document(mut self) -> Result<Node, Stop> {
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

    /// The node that begins with `event`, and how large it is.
    fn node(&mut self, event: Event<'t>, place: Place) -> Result<(Node, Size), Stop> {
        let (anchor, tag) = (event.anchor_id(), event.tag().map(|tag| tag.original()));
        if let Some(tag) = tag {
            self.refuse_tag(&tag, place);
        }
        let (node, size) = match event {
            Event::Scalar(text, style, ..) => {
                let scalar = Scalar { text: text.into_owned(), plain: style == ScalarStyle::Plain };
                (Node { place, kind: Kind::Scalar(scalar) }, Size::SCALAR)
            }
            Event::SequenceStart(..) => self.inside(|reader| reader.list(place))?,
            Event::MappingStart(..) => self.inside(|reader| reader.map(place))?,
            Event::Alias(target) => return self.alias(target, place),
            _ => (Node { place, kind: Kind::Unreadable }, Size::SCALAR),
        };
        if let Some(anchor) = anchor {
            self.anchors.insert(anchor, (node.clone(), size));
        }
        Ok((node, size))
    }

    fn refuse_tag(&mut self, tag: &str, node: Place) {
        let before = self.findings.sources.text(self.file)[..node.start as usize].trim_end();
        let start = before.strip_suffix(tag).map(str::len);
        let place = start.map_or(node, |start| self.place(start, before.len()));
        self.findings
            .error(place, Code::Syntax, format!("the tag `{tag}` can't be used"))
            .help("pipelines are plain data: quote a value to make it text");
    }

    /// Reads what lies one deeper.
    fn inside<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T, Stop>) -> Result<T, Stop> {
        self.depth += 1;
        let result = read(self);
        self.depth -= 1;
        result
    }

    fn list(&mut self, start: Place) -> Result<(Node, Size), Stop> {
        let (mut items, mut total) = (Vec::new(), Size::EMPTY);
        loop {
            let (event, place) = self.next()?;
            if event == Event::SequenceEnd {
                let place = Place { end: place.end.max(start.end), ..start };
                return Ok((Node { place, kind: Kind::List(items) }, total));
            }
            let (item, size) = self.node(event, place)?;
            items.push(item);
            total.add(size);
        }
    }

    fn map(&mut self, start: Place) -> Result<(Node, Size), Stop> {
        let mut entries: Vec<Entry> = Vec::new();
        let mut places: BTreeMap<String, Place> = BTreeMap::new();
        let (mut total, mut merged, mut odd_key) = (Size::EMPTY, Vec::new(), None);
        loop {
            let (event, place) = self.next()?;
            if event == Event::MappingEnd {
                let place = Place { end: place.end.max(start.end), ..start };
                if let Some(key) = odd_key {
                    self.refuse_odd_key(key, place);
                    return Ok((Node { place, kind: Kind::Unreadable }, total));
                }
                merged.retain(|entry: &Entry| !places.contains_key(&entry.key.value));
                entries.append(&mut merged);
                return Ok((Node { place, kind: Kind::Map(entries) }, total));
            }
            let (key, key_size) = self.node(event, place)?;
            let (event, place) = self.next()?;
            let (value, size) = self.node(event, place)?;
            total.add(key_size);
            total.add(size);
            let Kind::Scalar(scalar) = key.kind else {
                odd_key = odd_key.or(Some(key.place));
                continue;
            };
            let is_merge = scalar.plain && scalar.text == "<<";
            let key = At { value: scalar.text, place: key.place };
            if is_merge {
                self.refuse_merge(key.place);
                merged.extend(merged_entries(&value));
            } else if let Some(&first) = places.get(&key.value) {
                self.duplicate(&key, first);
            } else {
                places.insert(key.value.clone(), key.place);
                entries.push(Entry { key, value });
            }
        }
    }

    fn refuse_merge(&mut self, place: Place) {
        self.findings
            .error(place, Code::DoubtfulScalar, "`<<` merges maps in YAML 1.1 and is a name in YAML 1.2")
            .help("write the entries out");
    }

    fn duplicate(&mut self, key: &At<String>, first: Place) {
        let line = self.findings.sources.line(first);
        self.findings
            .error(key.place, Code::DuplicateKey, format!("the key `{}` is written twice", key.value))
            .label(format!("first written in line {line}"))
            .help("rename or remove one of them");
    }

    /// Reports a key that is not a scalar, which is nearly always an expression without quotes.
    fn refuse_odd_key(&mut self, key: Place, place: Place) {
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
            self.findings.error(key, Code::Syntax, "a key must be a plain word, not a map or list");
        }
    }

    fn alias(&mut self, target: usize, place: Place) -> Result<(Node, Size), Stop> {
        let Some((node, size)) = self.anchors.get(&target) else {
            self.findings.error(place, Code::AliasBomb, "an alias refers to a value that contains it");
            return Err(Stop);
        };
        self.aliased_nodes += size.nodes;
        if self.depth + size.depth > DEPTH_MAX {
            self.too_deep(place);
            return Err(Stop);
        }
        if self.aliased_nodes > ALIASED_NODES_MAX {
            self.findings
                .error(place, Code::AliasBomb, "the aliases of this file expand to too much data")
                .note(format!("all aliases of a file together may expand to {ALIASED_NODES_MAX} values"));
            return Err(Stop);
        }
        Ok((node.clone(), *size))
    }

    fn too_deep(&mut self, place: Place) {
        let message = format!("maps and lists are nested more than {DEPTH_MAX} deep here");
        self.findings.error(place, Code::TooDeep, message);
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
            return self.too_deep(place);
        }
        let line_start = text[..start].rfind('\n').map_or(0, |at| at + 1);
        let line = text[line_start..].lines().next().unwrap_or("");
        let above = text[..line_start].lines().next_back().unwrap_or("");
        let help = syntax_help(error.kind(), line, above);
        let finding = self.findings.error(place, Code::Syntax, error.info());
        if let Some(help) = help {
            finding.help(help);
        }
    }
}

/// The entries that a merge key was meant to add, so that they aren't reported as missing.
fn merged_entries(value: &Node) -> Vec<Entry> {
    match &value.kind {
        Kind::Map(entries) => entries.clone(),
        Kind::List(items) => items.iter().flat_map(merged_entries).collect(),
        _ => Vec::new(),
    }
}

/// What is probably wrong with `line`, or with the one above it.
fn syntax_help(kind: &ErrorKind, line: &str, above: &str) -> Option<&'static str> {
    let value = line.split_once(": ").map_or("", |(_, value)| value.trim_start());
    if line.starts_with('\t') || line.trim_start_matches(' ').starts_with('\t') {
        Some("indent with spaces: YAML doesn't allow tabs there")
    } else if value.starts_with("{{") || line.trim_start().starts_with("- {{") {
        Some("an expression needs quotes around the whole value: \"{{ … }}\"")
    } else if value.contains(": ") && !value.starts_with(['"', '\'', '{', '[']) {
        Some("quote a text that has a colon in it")
    } else {
        kind_help(kind, above)
    }
}

/// What usually leads to such an error.
fn kind_help(kind: &ErrorKind, above: &str) -> Option<&'static str> {
    let key_without_blank =
        || above.contains(':') && !above.contains(": ") && !above.trim_end().ends_with(':');
    match kind {
        ErrorKind::UnclosedQuotedScalar => Some("a quote is opened here or before and never closed"),
        ErrorKind::MappingValueNotAllowed if key_without_blank() => {
            Some("put a space after the colon in the line above")
        }
        ErrorKind::ExpectedBlockMappingKey | ErrorKind::MappingValueNotAllowed => {
            Some("let the keys of one map begin in the same column, and those of an inner map further right")
        }
        ErrorKind::UnexpectedCharacter { .. } => Some("quote a text that begins with this character"),
        ErrorKind::UnknownAnchor => Some("`*name` stands for what is written as `&name …` before it"),
        ErrorKind::DirectiveDisallowed => Some("remove the line: pipelines are YAML 1.2"),
        _ => None,
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
        findings.error(place, Code::TooDeep, "maps and lists are nested too deep here");
        return false;
    }
    let message = message.rsplit_once(" at line ").map_or(message.as_str(), |(message, _)| message);
    let finding = findings.error(place, Code::Syntax, format!("this is not JSON: {message}"));
    if text[..start].trim_end().ends_with(',') && text[start..].starts_with(['}', ']']) {
        finding.help("remove the comma before it");
    } else if text[start..].starts_with(['/', '#']) {
        finding.help("JSON has no comments; a file whose name ends in .yaml may have them, behind a `#`");
    }
    false
}

/// The files that a pipeline uses (`./clip.yaml`), as they are written.
pub fn used_files(root: &Node) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    if let Some(steps) = root.get("steps") {
        collect_used_files(steps, &mut found);
    }
    found
}

fn collect_used_files(steps: &Node, found: &mut BTreeSet<String>) {
    for step in steps.entries().unwrap_or_default().iter().map(|entry| &entry.value) {
        let uses = step.get("uses").and_then(Node::scalar).filter(|scalar| is_file(&scalar.text));
        found.extend(uses.map(|scalar| scalar.text.clone()));
        if let Some(inner) = step.get("steps") {
            collect_used_files(inner, found);
        }
    }
}

/// Whether `uses` names a file rather than an operation.
pub fn is_file(uses: &str) -> bool {
    uses.starts_with("./") || uses.starts_with("../") || uses.starts_with('/')
}
