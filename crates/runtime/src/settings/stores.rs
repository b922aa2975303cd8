//! Stores of files, as `motet.toml` says them.

use toml::Spanned;
use toml::de::DeValue;

use super::Stores;
use super::file::Source;
use super::providers::Places;
use crate::Error;

impl Source<'_> {
    /// What the tables `[stores.NAME]` say.
    pub(super) fn stores(&self, value: &Spanned<DeValue>, places: &mut Places) -> Result<Stores, Error> {
        let table = self.table("stores", "a table of stores, as in `[stores.films]`", value)?;
        self.each(table, "a store", |name, value| {
            let key = format!("stores.{name}");
            let parts = self.table(&key, "a table, such as { path = \"films\" }", value)?;
            let mut folder = None;
            for (part, value) in parts {
                match AsRef::<str>::as_ref(part.get_ref()) {
                    "path" => {
                        let text = self.text(&format!("{key}.path"), value.get_ref(), value.span())?;
                        folder = Some(self.folder.join(text));
                        places.insert(key.clone(), self.place(value.span()));
                    }
                    other => return Err(self.unknown(&format!("`{key}`"), other, &["path"], part.span())),
                }
            }
            folder.ok_or_else(|| self.fault(value.span(), format!("`{key}` has no `path`")))
        })
    }
}
