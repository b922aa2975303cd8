//! Diagnostics drawn for people, in the manner of a good compiler.

use annotate_snippets::{AnnotationKind, Group, Level as Title, Origin, Renderer, Snippet};

use super::{Diagnostic, Level};

/// Draws `diagnostics` one below the other, each with its source line; with ANSI colours if `color`.
///
/// ```
/// use motet_pipeline::diagnostic::{render, Code, Diagnostic};
/// let empty = Diagnostic::of_file("film.yaml", Code::Empty, "the file is empty");
/// assert_eq!(render(&[empty], false), "error[empty]: the file is empty\n--> film.yaml\n");
/// ```
pub fn render(diagnostics: &[Diagnostic], color: bool) -> String {
    let renderer = if color { Renderer::styled() } else { Renderer::plain() };
    let mut text = String::new();
    for (index, diagnostic) in diagnostics.iter().enumerate() {
        if index > 0 {
            text.push('\n');
        }
        text.push_str(&renderer.render(&[group(diagnostic)]));
        text.push('\n');
    }
    text
}

fn group(diagnostic: &Diagnostic) -> Group<'_> {
    let title = match diagnostic.level {
        Level::Error => Title::ERROR,
        Level::Warning => Title::WARNING,
    };
    let mut group = Group::with_title(title.primary_title(&diagnostic.message).id(diagnostic.code.word()));
    group = if diagnostic.source.is_empty() {
        group.element(Origin::path(&diagnostic.file))
    } else {
        group.element(snippet(diagnostic))
    };
    group = group.elements(diagnostic.notes.iter().map(|note| Title::NOTE.no_name().message(note)));
    group.elements(diagnostic.help.iter().map(|help| Title::HELP.message(help)))
}

fn snippet(diagnostic: &Diagnostic) -> Snippet<'_, annotate_snippets::Annotation<'_>> {
    // What was left out of a very long line becomes blanks: the renderer cuts them off and still counts them.
    let left_out = " ".repeat(diagnostic.source_column - 1);
    let source = format!("{left_out}{}", diagnostic.source);
    let byte_of =
        |column: usize| source.char_indices().nth(column - 1).map_or(source.len(), |(byte, _)| byte);
    let span = byte_of(diagnostic.column)..byte_of(diagnostic.end_column);
    let annotation = AnnotationKind::Primary.span(span).label(diagnostic.label.as_deref());
    Snippet::source(source).path(&diagnostic.file).line_start(diagnostic.line).annotation(annotation)
}
