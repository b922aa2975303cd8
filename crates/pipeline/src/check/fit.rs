//! Whether a value of one type may go where another is wanted, and what to say if not.

use super::Checker;
use crate::diagnostic::Code;
use crate::document::place::Place;
use crate::document::written::{Part, Shape, Written};
use crate::expression::habits;
use crate::{MediaKind, Type};

impl<'c> Checker<'c, '_> {
    /// Whether `value`, whose type is `given`, may be `subject`; reports it if not. `note` says what
    /// is taken there.
    pub fn check_fits(
        &mut self,
        value: &'c Written,
        given: &Type,
        wanted: &Type,
        subject: &str,
        note: &str,
    ) -> bool {
        if let (Shape::List(items), Type::List(wanted)) = (&value.shape, wanted) {
            let subject = format!("an item of {subject}");
            let types: Vec<Type> = items.iter().map(|item| self.infer_again(item)).collect();
            return items.iter().zip(&types).fold(true, |all_fit, (item, given)| {
                let fits = self.check_fits(item, given, wanted, &subject, note);
                // A list of what is wanted, beside it.
                if let (false, Type::List(inner)) = (fits, given)
                    && inner.fits(wanted)
                {
                    self.findings.last().help(format!("join lists with +: `{}`", joined(items, &types)));
                }
                fits && all_fit
            });
        }
        if given.fits(wanted) {
            return true;
        }
        let label = self.given(given, value);
        let proposal = self.fitting_output(wanted);
        let place = self.exact_place(value);
        let finding = self
            .findings
            .error(place, Code::Type, format!("{} can't be {subject}", phrase(given)))
            .label(label);
        finding.note(note);
        if let Some(advice) = habit(value) {
            finding.help(advice);
            return false;
        }
        match (proposal, operation_between(given, wanted)) {
            (Some(proposal), _) => _ = finding.help(format!("did you mean `{proposal}`?")),
            (None, Some(operation)) => _ = finding.help(format!("{operation}, in a step before this one")),
            (None, None) => {}
        }
        false
    }

    /// What stands at `value`, for a label: the type, and the step that it comes from.
    pub fn given(&self, ty: &Type, value: &Written) -> String {
        let Some(step) = single_reference(value).and_then(|(path, _)| step_of(path)) else {
            return ty.to_string();
        };
        let line = self
            .frames
            .iter()
            .rev()
            .find_map(|frame| Some(self.findings.sources.line(frame.find(step)?.name.place)));
        match line {
            Some(line) => format!("{ty} (from step `{step}`, line {line})"),
            None => ty.to_string(),
        }
    }

    /// The only reference in `value`, or the whole of it.
    fn exact_place(&self, value: &Written) -> Place {
        let Shape::Scalar { text, .. } = &value.shape else { return value.place };
        match single_reference(value) {
            Some((_, span)) => Part { scalar: value.place, text, span }.place(self.findings),
            None => value.place,
        }
    }

    /// An output of a step that was checked already and whose type is certainly the wanted one.
    fn fitting_output(&self, wanted: &Type) -> Option<String> {
        if !matches!(wanted, Type::Media(_)) || self.findings.is_full() {
            return None;
        }
        let frame = self.frames.last()?;
        frame.steps.iter().zip(&frame.types).rev().find_map(|(step, ty)| {
            let Some(Type::Object { fields, .. }) = ty else { return None };
            let (name, _) = fields.iter().find(|(_, ty)| matches!(ty, Type::Media(_)) && ty.fits(wanted))?;
            Some(format!("steps.{}.{name}", step.name.value))
        })
    }
}

/// One expression that makes a list of `items`, lists among them, as far as they are short.
fn joined(items: &[Written], types: &[Type]) -> String {
    const USUAL: &str = "{{ [first] + others }}";
    let mut parts = Vec::new();
    for (item, ty) in items.iter().zip(types) {
        let Shape::Scalar { text, .. } = &item.shape else { return USUAL.to_owned() };
        let Some(inner) = text.trim().strip_prefix("{{").and_then(|text| text.strip_suffix("}}")) else {
            return USUAL.to_owned();
        };
        let inner = inner.trim();
        parts.push(match ty {
            Type::List(_) if inner.contains(' ') => format!("({inner})"),
            Type::List(_) => inner.to_owned(),
            _ => format!("[{inner}]"),
        });
    }
    let written = format!("{{{{ {} }}}}", parts.join(" + "));
    if written.len() > JOINED_BYTES_MAX || written.contains("{%") { USUAL.to_owned() } else { written }
}

/// A longer expression is no help.
const JOINED_BYTES_MAX: usize = 160;

fn single_reference(value: &Written) -> Option<(&[String], std::ops::Range<usize>)> {
    let Shape::Scalar { template, .. } = &value.shape else { return None };
    match template.references() {
        [only] => Some((&only.path, only.span.clone())),
        _ => None,
    }
}

/// What to say of a value that is written as it would be elsewhere.
pub(super) fn habit(value: &Written) -> Option<&'static str> {
    match &value.shape {
        Shape::Scalar { text, .. } => habits::dollar(text),
        _ => None,
    }
}

fn step_of(path: &[String]) -> Option<&str> {
    match path {
        [root, step, ..] if root == "steps" => Some(step),
        _ => None,
    }
}

/// The operation that makes media of one kind of another, in words.
fn operation_between(given: &Type, wanted: &Type) -> Option<&'static str> {
    let kind = |ty: &Type| match ty {
        Type::Media(kinds) if kinds.len() == 1 => kinds.first().copied(),
        _ => None,
    };
    match (kind(given)?, kind(wanted)?) {
        (MediaKind::Image, MediaKind::Video) => Some("`media/animate` makes a video of a picture"),
        (MediaKind::Video, MediaKind::Image) => Some("`media/thumbnail` takes a picture out of a video"),
        (MediaKind::Video, MediaKind::Audio) => Some("`media/extract-audio` takes the sound out of a video"),
        _ => None,
    }
}

/// The type with its article, to begin a sentence with.
fn phrase(ty: &Type) -> String {
    match ty {
        Type::Media(kinds) if kinds.len() == 1 => match kinds[0] {
            MediaKind::Image => "an image".to_owned(),
            MediaKind::Audio => "audio".to_owned(),
            kind => format!("a {kind}"),
        },
        Type::Integer | Type::Number | Type::List(_) => format!("a {ty}"),
        Type::Object { .. } | Type::Map(_) => format!("an {ty}"),
        _ => ty.to_string(),
    }
}
