//! Reading `motet.toml`: every fault has its line and column.

use std::ops::Range;
use std::path::Path;

use motet_pipeline::suggestion::{closest, listed};
use toml::de::{DeTable, DeValue};

use super::{Settings, StorePlace};
use crate::Error;

const KEYS: [&str; 4] = ["store", "out", "processors", "tools"];
const TOOLS: [&str; 4] = ["ffmpeg", "ffprobe", "espeak_ng", "font"];

/// The most processors that make sense, so that a slip can't start a million programs.
const PROCESSORS_MAX: usize = 1024;

/// The settings that `text`, the content of the file at `path`, makes.
pub(super) fn read(path: &Path, text: &str) -> Result<Settings, Error> {
    let folder = path.parent().unwrap_or(Path::new(""));
    let source = Source { path, text };
    let document = DeTable::parse(text).map_err(|error| {
        source.fault(error.span().unwrap_or(0..0), error.message().lines().next().unwrap_or("not TOML"))
    })?;
    let mut settings = Settings { file: Some(path.to_owned()), ..Settings::usual(folder) };
    for (key, value) in document.get_ref() {
        let (found, span) = (value.get_ref(), value.span());
        match key.get_ref().as_ref() {
            "store" => settings.store = Some(StorePlace::read(source.text("store", found, span)?, folder)),
            "out" => settings.out = folder.join(source.text("out", found, span)?),
            "processors" => settings.processors = source.processors(found, span)?,
            "tools" => source.tools(found, span, folder, &mut settings)?,
            unknown => return Err(source.unknown("", unknown, key.span(), &KEYS)),
        }
    }
    Ok(settings)
}

struct Source<'a> {
    path: &'a Path,
    text: &'a str,
}

impl Source<'_> {
    fn tools(
        &self,
        value: &DeValue,
        span: Range<usize>,
        folder: &Path,
        settings: &mut Settings,
    ) -> Result<(), Error> {
        let Some(table) = value.as_table() else {
            return Err(self.wrong("tools", "a table of programs, as in `[tools]`", value, span));
        };
        let tools = &mut settings.tools;
        for (key, value) in table {
            let (found, span) = (value.get_ref(), value.span());
            let program = |name: &str| Ok::<_, Error>(program(self.text(name, found, span.clone())?, folder));
            match key.get_ref().as_ref() {
                "ffmpeg" => tools.ffmpeg = program("tools.ffmpeg")?,
                "ffprobe" => tools.ffprobe = program("tools.ffprobe")?,
                "espeak_ng" => tools.espeak_ng = program("tools.espeak_ng")?,
                "font" => tools.font = Some(folder.join(self.text("tools.font", found, span)?)),
                unknown => return Err(self.unknown("tools.", unknown, key.span(), &TOOLS)),
            }
        }
        Ok(())
    }

    fn text<'v>(&self, key: &str, value: &'v DeValue, span: Range<usize>) -> Result<&'v str, Error> {
        match value.as_str() {
            Some("") => Err(self.fault(span, format!("`{key}` is empty"))),
            Some(text) => Ok(text),
            None => Err(self.wrong(key, "text in quotes", value, span)),
        }
    }

    fn processors(&self, value: &DeValue, span: Range<usize>) -> Result<usize, Error> {
        let number = value.as_integer().filter(|number| number.radix() == 10);
        let number = number.and_then(|number| number.as_str().parse().ok());
        match number {
            Some(number @ 1..=PROCESSORS_MAX) => Ok(number),
            _ => {
                let wanted = format!("a whole number from 1 to {PROCESSORS_MAX}");
                Err(self.fault(span, format!("`processors` must be {wanted}")))
            }
        }
    }

    fn wrong(&self, key: &str, wanted: &str, value: &DeValue, span: Range<usize>) -> Error {
        self.fault(span, format!("`{key}` must be {wanted}, and is of type {}", value.type_str()))
    }

    fn unknown(&self, prefix: &str, key: &str, span: Range<usize>, known: &[&'static str]) -> Error {
        let names: Vec<String> = known.iter().map(|known| format!("{prefix}{known}")).collect();
        let written = format!("{prefix}{key}");
        let names = names.iter().map(String::as_str);
        self.fault(
            span,
            match closest(&written, names.clone()) {
                Some(meant) => format!("there is no setting `{written}`; did you mean `{meant}`?"),
                None => format!("there is no setting `{written}`, only {}", listed(names)),
            },
        )
    }

    fn fault(&self, span: Range<usize>, message: impl Into<String>) -> Error {
        let before = self.text.get(..span.start).unwrap_or(self.text);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
        Error::Settings { path: self.path.to_owned(), line, column, message: message.into() }
    }
}

/// A name is looked up where programs are; a path is seen from the folder of the file.
fn program(written: &str, folder: &Path) -> String {
    match written.contains('/') {
        true => folder.join(written).to_string_lossy().into_owned(),
        false => written.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_can_be_set_and_paths_are_seen_from_the_file() {
        let text = "store = \".kept\"\nout = \"/films\"\nprocessors = 3\n[tools]\nffmpeg = \"bin/ffmpeg\"\n\
                    ffprobe = \"ffprobe6\"\nespeak_ng = \"/opt/espeak\"\nfont = \"title.ttf\"\n";
        let settings = read(Path::new("/project/motet.toml"), text).unwrap();
        insta::assert_debug_snapshot!(settings);
    }

    #[test]
    fn every_fault_has_its_place_and_a_way_out() {
        let table = [
            "stroe = \"x\"",
            "\n[tools]\n  ffmepg = \"x\"",
            "banana = 1",
            "store = 1",
            "out = \"\"",
            "processors = 0",
            "processors = 0x10",
            "processors = \"4\"",
            "tools = \"ffmpeg\"",
            "store = ",
            "store = 'a'\nstore = 'b'",
            "\u{0}",
        ];
        let messages = table.map(|text| read(Path::new("motet.toml"), text).unwrap_err().to_string());
        insta::assert_snapshot!(messages.join("\n"));
    }
}
