//! Printing: how values become text.
//!
//! Text is itself; everything else is written as JSON, which models and people read alike.

use super::bounds::{Budget, Outcome, TEXT_BYTES_MAX, runaway, wrong};
use crate::Value;

/// Appends `value` to `out`; false if it is absent, so that the text is too.
pub(super) fn print(value: &Value, out: &mut String, budget: &mut Budget) -> Outcome<bool> {
    match value {
        Value::Absent => return Ok(false),
        Value::Text(text) => append(text, out, budget)?,
        other => write_json(other, None, 0, out, budget)?,
    }
    Ok(true)
}

/// The text of `value`, `None` if it is absent.
pub(super) fn text(value: &Value, budget: &mut Budget) -> Outcome<Option<String>> {
    let mut out = String::new();
    Ok(print(value, &mut out, budget)?.then_some(out))
}

/// Appends `text`, if it fits.
pub(super) fn append(text: &str, out: &mut String, budget: &mut Budget) -> Outcome<()> {
    let whole = out.len() + text.len();
    if whole > TEXT_BYTES_MAX {
        return runaway(format!("this makes a text of more than {TEXT_BYTES_MAX} bytes"));
    }
    budget.text(text.len())?;
    out.push_str(text);
    Ok(())
}

/// Appends `value` as JSON, indented by `indent` spaces a level if given. Absent parts are left out.
pub(super) fn write_json(
    value: &Value,
    indent: Option<usize>,
    level: usize,
    out: &mut String,
    budget: &mut Budget,
) -> Outcome<()> {
    budget.step()?;
    match value {
        Value::Absent | Value::Null => append("null", out, budget),
        Value::Bool(value) => append(if *value { "true" } else { "false" }, out, budget),
        Value::Number(number) => append(&number.to_string(), out, budget),
        Value::Text(text) => quote(text, out, budget),
        Value::List(items) => {
            let present = items.iter().filter(|item| !item.is_absent());
            let mut layout = Layout { indent, level, first: true };
            append("[", out, budget)?;
            for item in present {
                layout.before_part(out, budget)?;
                write_json(item, indent, level + 1, out, budget)?;
            }
            layout.close("]", out, budget)
        }
        Value::Map(entries) => {
            let present = entries.iter().filter(|(_, value)| !value.is_absent());
            let mut layout = Layout { indent, level, first: true };
            append("{", out, budget)?;
            for (key, value) in present {
                layout.before_part(out, budget)?;
                quote(key, out, budget)?;
                append(if indent.is_some() { ": " } else { ":" }, out, budget)?;
                write_json(value, indent, level + 1, out, budget)?;
            }
            layout.close("}", out, budget)
        }
        Value::Media(_) => wrong(format!(
            "{} can't be written as text; pass it on as a value of its own (`\"{{{{ … }}}}\"` and nothing else), \
             or print one of its fields, such as `.digest` or `.mime`",
            value.phrase()
        )),
    }
}

/// Where the parts of a list or object go.
struct Layout {
    indent: Option<usize>,
    level: usize,
    first: bool,
}

impl Layout {
    fn before_part(&mut self, out: &mut String, budget: &mut Budget) -> Outcome<()> {
        if !std::mem::take(&mut self.first) {
            append(",", out, budget)?;
        }
        self.line(self.level + 1, out, budget)
    }

    fn close(&self, bracket: &str, out: &mut String, budget: &mut Budget) -> Outcome<()> {
        if !self.first {
            self.line(self.level, out, budget)?;
        }
        append(bracket, out, budget)
    }

    fn line(&self, level: usize, out: &mut String, budget: &mut Budget) -> Outcome<()> {
        let Some(indent) = self.indent else { return Ok(()) };
        append("\n", out, budget)?;
        append(&" ".repeat(indent * level), out, budget)
    }
}

fn quote(text: &str, out: &mut String, budget: &mut Budget) -> Outcome<()> {
    budget.text(text.len())?;
    let quoted = serde_json::to_string(text).expect("any text can be written as JSON");
    append(&quoted, out, budget)
}
