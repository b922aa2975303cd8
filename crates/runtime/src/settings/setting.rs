//! The settings, each with its name.

use std::fmt;

/// A setting that `motet.toml` may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Setting {
    /// `store`: the folder of the store.
    Store,
    /// `out`: where the outputs of finished runs are laid out.
    Out,
    /// `processors`: how much work may keep a processor busy at once.
    Processors,
    /// `pools`: what steps share that name one.
    Pools,
    /// `stores`: folders with files that other programs read.
    Stores,
    /// `providers`: where their keys are and where requests go.
    Providers,
    /// `secrets`: where they are and who may be told.
    Secrets,
    /// `webhook`: where providers report, and by what their reports are known.
    Webhook,
    /// `money`: when a person is asked, and what may be sent again.
    Money,
    /// `budgets`: what may be spent in a day.
    Budgets,
    /// `prices`: a price book of the project.
    Prices,
    /// The folder `models/`: models of the project's own.
    Models,
    /// `tools.ffmpeg`: the program.
    Ffmpeg,
    /// `tools.ffprobe`: the program.
    Ffprobe,
    /// `tools.espeak_ng`: the program.
    EspeakNg,
    /// `tools.font`: the font file for titles.
    Font,
}

impl Setting {
    /// All of them, as they are listed to people.
    pub const ALL: [Setting; 16] = [
        Setting::Store,
        Setting::Out,
        Setting::Processors,
        Setting::Pools,
        Setting::Stores,
        Setting::Providers,
        Setting::Secrets,
        Setting::Webhook,
        Setting::Money,
        Setting::Budgets,
        Setting::Prices,
        Setting::Models,
        Setting::Ffmpeg,
        Setting::Ffprobe,
        Setting::EspeakNg,
        Setting::Font,
    ];

    /// How it is written: `tools.ffmpeg`.
    pub fn key(self) -> &'static str {
        match self {
            Setting::Store => "store",
            Setting::Out => "out",
            Setting::Processors => "processors",
            Setting::Pools => "pools",
            Setting::Stores => "stores",
            Setting::Providers => "providers",
            Setting::Secrets => "secrets",
            Setting::Webhook => "webhook",
            Setting::Money => "money",
            Setting::Budgets => "budgets",
            Setting::Prices => "prices",
            Setting::Models => "models",
            Setting::Ffmpeg => "tools.ffmpeg",
            Setting::Ffprobe => "tools.ffprobe",
            Setting::EspeakNg => "tools.espeak_ng",
            Setting::Font => "tools.font",
        }
    }

    /// The setting that is written as `key`.
    pub fn named(key: &str) -> Option<Setting> {
        Setting::ALL.into_iter().find(|setting| setting.key() == key)
    }
}

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.key())
    }
}
