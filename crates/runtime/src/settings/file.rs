//! Reading `motet.toml`: every fault has its line and column.

use std::ops::Range;
use std::path::Path;

use motet_pipeline::suggestion::{closest, listed};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::providers::Places;
use super::{FILE_BYTES_MAX, ModelFile, Proposal, Setting, Settings, StorePlace};
use crate::Error;
use crate::reading::place;

/// The most processors that make sense, so that a slip can't start a million programs.
const PROCESSORS_MAX: usize = 1024;

/// What the file at `path`, which holds `bytes`, asks to be set.
pub(super) fn read(path: &Path, bytes: &[u8]) -> Result<Proposal, Error> {
    let folder = path.parent().unwrap_or(Path::new(""));
    let text = String::from_utf8_lossy(bytes);
    let source = Source { path, folder, text: &text };
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err(source.fault(0..0, format!("the file is larger than {} MiB", FILE_BYTES_MAX >> 20)));
    }
    let document = DeTable::parse(&text).map_err(|error| {
        source.fault(error.span().unwrap_or(0..0), error.message().lines().next().unwrap_or("not TOML"))
    })?;
    let models = ModelFile::read_all(folder)?;
    let mut settings = Settings { file: Some(path.to_owned()), models, ..Settings::usual(folder) };
    let mut places = Places::new();
    for (setting, value) in source.entries(document.get_ref())? {
        source.set(setting, value, &mut settings, &mut places)?;
        places.insert(setting.key().to_owned(), source.place(value.span()));
    }
    Proposal::new(settings, bytes, &places)
}

pub(super) struct Source<'a> {
    path: &'a Path,
    pub(super) folder: &'a Path,
    text: &'a str,
}

impl Source<'_> {
    /// What is set, and to what.
    fn entries<'v>(&self, table: &'v DeTable) -> Result<Vec<(Setting, &'v Spanned<DeValue<'v>>)>, Error> {
        let mut entries = Vec::new();
        for (key, value) in table {
            if key.get_ref() != "tools" {
                entries.push((self.setting("", key)?, value));
                continue;
            }
            let (found, span) = (value.get_ref(), value.span());
            let Some(programs) = found.as_table() else {
                return Err(self.wrong("tools", "a table of programs, as in `[tools]`", found, span));
            };
            for (key, value) in programs {
                entries.push((self.setting("tools.", key)?, value));
            }
        }
        Ok(entries)
    }

    /// The setting that `key` names in a table, whose name and dot are `prefix`.
    fn setting(&self, prefix: &str, key: &Spanned<impl AsRef<str>>) -> Result<Setting, Error> {
        let written = format!("{prefix}{}", key.get_ref().as_ref());
        let beside = |key: &&str| key.strip_prefix(prefix).is_some_and(|name| !name.contains('.'));
        let mut known = Setting::ALL.map(Setting::key).into_iter().filter(beside);
        if let Some(setting) = known.clone().find(|known| *known == written).and_then(Setting::named) {
            return Ok(setting);
        }
        let tools = prefix.is_empty().then_some("tools");
        let known: Vec<&str> = known.by_ref().chain(tools).collect();
        let message = match closest(&written, known.iter().copied()) {
            Some(meant) => format!("there is no setting `{written}`; did you mean `{meant}`?"),
            None => format!("there is no setting `{written}`, only {}", listed(known)),
        };
        Err(self.fault(key.span(), message))
    }

    fn set(
        &self,
        setting: Setting,
        value: &Spanned<DeValue>,
        settings: &mut Settings,
        places: &mut Places,
    ) -> Result<(), Error> {
        let (found, span) = (value.get_ref(), value.span());
        let text = || self.text(setting.key(), found, span.clone());
        let tools = &mut settings.tools;
        match setting {
            Setting::Store => settings.store = Some(StorePlace::read(text()?, self.folder)),
            Setting::Out => settings.out = self.folder.join(text()?),
            Setting::Processors => settings.processors = self.processors(found, span)?,
            Setting::Pools => settings.pools = self.pools(value)?,
            Setting::Stores => settings.stores = self.stores(value, places)?,
            Setting::Providers => settings.providers = self.providers(value, places)?,
            Setting::Secrets => settings.secrets = self.secrets(value, places)?,
            Setting::Webhook => settings.webhook = self.webhook(value, places)?,
            Setting::Money => settings.money = self.money(value)?,
            Setting::Budgets => settings.budgets = self.budgets(value)?,
            Setting::Models => {
                let message =
                    "`models` is no setting: what lies in the folder models/ beside this file holds";
                return Err(self.fault(span, message));
            }
            Setting::Prices => settings.prices = Some(self.prices(text()?, span)?),
            Setting::Ffmpeg => tools.ffmpeg = self.program(text()?),
            Setting::Ffprobe => tools.ffprobe = self.program(text()?),
            Setting::EspeakNg => tools.espeak_ng = self.program(text()?),
            Setting::Font => tools.font = Some(self.folder.join(text()?)),
        }
        Ok(())
    }

    /// A name is looked up where programs are; a path is seen from the folder of the file.
    fn program(&self, written: &str) -> String {
        match written.contains('/') {
            true => self.folder.join(written).to_string_lossy().into_owned(),
            false => written.to_owned(),
        }
    }

    pub(super) fn text<'v>(
        &self,
        key: &str,
        value: &'v DeValue,
        span: Range<usize>,
    ) -> Result<&'v str, Error> {
        match value.as_str() {
            Some("") => Err(self.fault(span, format!("`{key}` is empty"))),
            Some(text) if text.starts_with('~') => {
                let message =
                    format!("`{key}` begins with `~`, which is not expanded: write the path in full");
                Err(self.fault(span, message))
            }
            Some(text) => Ok(text),
            None => Err(self.wrong(key, "text in quotes", value, span)),
        }
    }

    fn processors(&self, value: &DeValue, span: Range<usize>) -> Result<usize, Error> {
        match self.whole_number(value) {
            Some(number @ 1..=PROCESSORS_MAX) => Ok(number),
            _ => {
                let wanted = format!("a whole number from 1 to {PROCESSORS_MAX}");
                Err(self.fault(span, format!("`processors` must be {wanted}")))
            }
        }
    }

    pub(super) fn whole_number(&self, value: &DeValue) -> Option<usize> {
        let number = value.as_integer().filter(|number| number.radix() == 10)?;
        number.as_str().parse().ok()
    }

    pub(super) fn wrong(&self, key: &str, wanted: &str, value: &DeValue, span: Range<usize>) -> Error {
        self.fault(span, format!("`{key}` must be {wanted}, and is of type {}", value.type_str()))
    }

    pub(super) fn fault(&self, span: Range<usize>, message: impl Into<String>) -> Error {
        let (line, column) = self.place(span);
        Error::Settings { path: self.path.to_owned(), line, column, message: message.into() }
    }

    /// Line and column, both from 1, the column in characters.
    pub(super) fn place(&self, span: Range<usize>) -> (usize, usize) {
        place(self.text, span.start)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_can_be_set_and_paths_are_seen_from_the_file() {
        let text = "store = \".kept\"\nout = \"/films\"\nprocessors = 3\n[tools]\nffmpeg = \"bin/ffmpeg\"\n\
                    ffprobe = \"ffprobe6\"\nespeak_ng = \"/opt/espeak\"\nfont = \"title.ttf\"\n\
                    [stores.films]\npath = \"shared/films\"\n\
                    [pools]\ngpu = 1\nsearch = { slots = 4, rate = \"30/1m\" }\nmail.rate = \"1/2s\"\n\
                    [providers.fal]\nkey = \"env:FAL_KEY\"\n\
                    keys = [\"file:keys/fal\", { name = \"spare\", key = \"env:FAL_2\" }]\n\
                    base_url = \"https://gate.example/fal/\"\nbase_urls.queue = \"http://localhost:80\"\n\
                    private = true\n[secrets.weather]\nkey = \"file:/run/weather\"\n\
                    hosts = [\"API.weather.example\", \"*.example.net\"]\n\
                    [webhook]\nurl = \"https://motet.example/here/\"\nsecrets = { elevenlabs = \"env:HOOKS\" }\n\
                    [money]\nresend_below = 0.02\nresend_total = 0.5\nask_above = 1\n\
                    [budgets]\nday = 20\nuser = 5.25\nproviders = { fal = \"3\" }\n";
        let settings = read(Path::new("/project/motet.toml"), text.as_bytes()).unwrap().vouched();
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
            "pools = 1",
            "[pools]\ngpu = 0",
            "[pools]\ngpu = true",
            "[pools]\ngpu = {}",
            "[pools]\nMy-GPU = 1",
            "[pools]\nsearch = { slots = 1.5 }",
            "[pools]\nsearch = { rat = \"30/1m\" }",
            "[pools]\nsearch = { rate = \"fast\" }",
            "[pools.search]\nrate = 30",
            "providers = 1",
            "[providers]\nfal = 1",
            "[providers.'a b']",
            "[providers.fal]\nkye = 'env:FAL_KEY'",
            "[providers.fal]\nkey = 'planted-literal-key'",
            "[providers.fal]\nkey = 'env:planted-literal-key'",
            "[providers.fal]\nkeys = ['env:FAL_KEY', 'planted-literal-key']",
            "[providers.fal]\nkey = { name = 'main', key = 'planted-literal-key' }",
            "[providers.fal]\nkey = { name = 'main' }",
            "[providers.fal]\nkey = { name = 'ma in', key = 'env:A' }",
            "[providers.fal]\nkeys = ['env:A', 'env:B', 'env:A']",
            "[providers.fal]\nkeys = []",
            "[providers.fal]\nkey = 1",
            "[providers.fal]\nkey = 'file:~/fal'",
            "[providers.fal]\nkey = 'file:keys/my key'",
            "[providers.fal]\nbase_url = 'fal.run'",
            "[providers.fal]\nbase_url = 'ftp://fal.run'",
            "[providers.fal]\nbase_url = 'https://planted-literal-key@fal.run'",
            "[providers.fal]\nbase_url = 'https://fal.run/?key=planted-literal-key'",
            "[providers.fal]\nbase_url = 'http://fal.example'",
            "[providers.fal]\nbase_urls = 'https://fal.run'",
            "[providers.fal]\nprivate = 'yes'",
            "[secrets]\nweather = 'planted-literal-key'",
            "[secrets.weather]\nkey = 'planted-literal-key'\nhosts = ['a.example']",
            "[secrets.weather]\nkey = 'env:WEATHER'",
            "[secrets.weather]\nkey = 'env:WEATHER'\nhosts = ['https://a.example']",
            "webhook = 'https://motet.example'",
            "[webhook]\nurl = 'motet.example'",
            "[webhook]\nurl = 'http://motet.example'",
            "[webhook]\nurl = 'https://planted-literal-key@motet.example'",
            "[webhook]\nurls = 1",
            "[webhook]\nsecrets = { elevenlabs = 'planted-literal-key' }",
            "money = 5",
            "[money]\nask_over = 5",
            "[money]\nask_above = -1",
            "[money]\nask_above = 1e3",
            "[money]\nask_above = true",
            "[budgets]\ndays = 5",
            "[budgets]\nday = 'much'",
            "[budgets]\nproviders = 3",
            "[budgets]\nproviders = { fal = 1.0000000000001 }",
            "prices = 'there/is/no/such.json'",
            "prices = 3",
            "store = ",
            "store = 'a'\nstore = 'b'",
            "'tools.ffmpeg' = 'x'",
            "\u{0}",
        ];
        let messages =
            table.map(|text| read(Path::new("motet.toml"), text.as_bytes()).unwrap_err().to_string());
        assert!(messages.iter().all(|message| !message.contains("planted")), "{messages:?}");
        insta::assert_snapshot!(messages.join("\n"));
    }

    #[test]
    fn a_huge_or_deep_file_is_refused_in_words() {
        let huge = "# a comment\n".repeat(100_000);
        let deep = format!("store = {}", "[".repeat(100_000));
        let messages =
            [huge, deep].map(|text| read(Path::new("motet.toml"), text.as_bytes()).unwrap_err().to_string());
        insta::assert_snapshot!(messages.join("\n"));
    }
}
