//! Powers: what a project's settings would allow, and a cloned project must not do by itself.

use std::fmt;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};

use motet_pipeline::Digest;

use super::{
    KeySource, MoneySettings, ProviderSettings, STORE_FOLDER, SecretSettings, Setting, Settings, StorePlace,
    WebhookSettings,
};
use crate::Error;
use crate::reading::{Unread, measure, open_file};

/// The largest program of a project, in bytes: it is read whole before each command.
const PROGRAM_BYTES_MAX: u64 = 1 << 30;

/// Something that a setting would allow and that waits for a person's word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Power {
    /// The setting.
    pub setting: Setting,
    /// The line and the column where the file says it, both from 1, the column in characters. Nothing
    /// for a usual folder that is a link: no file says it.
    pub place: Option<(usize, usize)>,
    /// What the setting comes to: a program, the path where it leads, a number; what is done, in words.
    pub value: String,
}

impl fmt::Display for Power {
    /// What it would allow: ``runs `/project/bin/ffmpeg` as ffmpeg``.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = &self.value;
        match self.setting {
            Setting::Store => write!(f, "keeps runs in {value}"),
            Setting::Out => write!(f, "writes outputs to {value}"),
            Setting::Font => write!(f, "reads the font {value}, outside of the project"),
            Setting::Processors => write!(f, "keeps {value} processors busy, more than this machine has"),
            Setting::Pools => write!(f, "makes pools: {value}"),
            Setting::Providers
            | Setting::Secrets
            | Setting::Webhook
            | Setting::Money
            | Setting::Models
            | Setting::Stores => f.write_str(value),
            Setting::Budgets => write!(f, "sets budgets: {value}"),
            Setting::Prices => write!(f, "takes what models cost from {value}"),
            Setting::Ffmpeg => write!(f, "runs `{value}` as ffmpeg"),
            Setting::Ffprobe => write!(f, "runs `{value}` as ffprobe"),
            Setting::EspeakNg => write!(f, "runs `{value}` as espeak-ng"),
        }
    }
}

/// What a setting asks for: one thing, or one for each of its parts. With each goes the name of the part, as it is
/// written in full.
pub(super) fn claims(setting: Setting, settings: &Settings) -> Vec<(String, String)> {
    let project = Project::of(settings);
    match setting {
        Setting::Providers => {
            let providers = settings.providers.iter();
            providers.flat_map(|(name, provider)| project.claims_of_provider(name, provider)).collect()
        }
        Setting::Secrets => {
            settings.secrets.iter().map(|(name, secret)| project.claim_of_secret(name, secret)).collect()
        }
        Setting::Webhook => project.claims_of_webhook(&settings.webhook),
        Setting::Stores => {
            settings.stores.iter().filter_map(|(name, folder)| project.claim_of_store(name, folder)).collect()
        }
        Setting::Money => claims_of_money(&settings.money),
        // No file says it: what lies in the folder holds.
        Setting::Models => {
            let claims = settings.powerful_models();
            claims.map(|(_, words)| (setting.key().to_owned(), words)).collect()
        }
        _ => {
            let value = value_of_power(setting, settings);
            value.into_iter().map(|value| (setting.key().to_owned(), value)).collect()
        }
    }
}

/// Amounts above the usual ones: more is spent before a person is asked, or twice.
fn claims_of_money(money: &MoneySettings) -> Vec<(String, String)> {
    let usual = MoneySettings::default();
    let parts = [
        (money.resend_below, usual.resend_below, "sends a call again whose end is unknown, up to"),
        (money.resend_total, usual.resend_total, "sends calls again whose end is unknown, in each run up to"),
        (money.ask_above, usual.ask_above, "asks nobody before a run that is likely to cost up to"),
    ];
    let raised = parts.into_iter().filter(|(set, usual, _)| set > usual);
    raised.map(|(set, _, words)| ("money".to_owned(), format!("{words} ${set}"))).collect()
}

/// The table of the other settings: what each comes to if that is a power. Harmless are usual values, paths
/// that stay in the project, and numbers up to what is usual; not a store that keeps nothing, so that calls are paid twice. A base URL, a callback address, a
/// credential and a private host are powers whatever they are.
fn value_of_power(setting: Setting, settings: &Settings) -> Option<String> {
    let usual = Settings::usual(&settings.folder);
    let project = Project::of(settings);
    let (tools, usual_tools) = (&settings.tools, &usual.tools);
    match setting {
        Setting::Store => match settings.place(None, None, Path::new("")) {
            StorePlace::Folder(folder) => {
                project.place_of_a_store(&folder).or_else(|| project.place_of_another(&folder))
            }
            StorePlace::Memory => Some("memory alone, where an interrupted run is lost".to_owned()),
        },
        Setting::Out => project.place(&settings.out).or_else(|| project.place_of_another(&settings.out)),
        Setting::Font => project.outside(tools.font.as_ref()?),
        Setting::Processors => above(usual.processors, settings.processors),
        // They only hold back, and only steps of this project.
        Setting::Pools => None,
        // They only hold back.
        Setting::Budgets => None,
        // A price that is too low lets more be spent than a budget says.
        Setting::Prices => settings.prices.as_ref().map(|prices| project.shown(&prices.path)),
        // They have claims of their own.
        Setting::Providers
        | Setting::Secrets
        | Setting::Webhook
        | Setting::Money
        | Setting::Models
        | Setting::Stores => None,
        Setting::Ffmpeg => project.another_than(&usual_tools.ffmpeg, &tools.ffmpeg),
        Setting::Ffprobe => project.another_than(&usual_tools.ffprobe, &tools.ffprobe),
        Setting::EspeakNg => project.another_than(&usual_tools.espeak_ng, &tools.espeak_ng),
    }
}

/// What a person who trusts the settings trusts beside them, hashed, each with its setting: what the project brings and
/// its settings rely on.
pub(super) fn contents(settings: &Settings) -> Result<Vec<(Setting, Digest)>, Error> {
    let (project, tools) = (Project::of(settings), &settings.tools);
    let prices = settings.prices.iter().map(|prices| (Setting::Prices, prices.digest()));
    let models = settings.powerful_models().map(|(file, _)| (Setting::Models, *file.digest()));
    let mut contents: Vec<_> = prices.chain(models).collect();
    let programs = [
        (Setting::Ffmpeg, &tools.ffmpeg),
        (Setting::Ffprobe, &tools.ffprobe),
        (Setting::EspeakNg, &tools.espeak_ng),
    ];
    for (setting, program) in programs {
        contents.extend(project.content(program)?.map(|digest| (setting, digest)));
    }
    Ok(contents)
}

/// Whether a folder may be a store of the project without anybody's word.
pub(super) fn is_plain_store(settings: &Settings, folder: &Path) -> bool {
    Project::of(settings).place_of_a_store(folder).is_none()
}

fn above(limit: usize, found: usize) -> Option<String> {
    (found > limit).then(|| found.to_string())
}

/// The folder of a project, as it was reached and where that ends.
struct Project<'s> {
    folder: &'s Path,
    end: PathBuf,
    /// The number of the user whose the file of settings is, if that is neither this one nor root: whoever works in a folder
    /// below of it may not know of it, and its owner can exchange what is written there.
    other_user: Option<u32>,
}

impl Project<'_> {
    fn of(settings: &Settings) -> Project<'_> {
        let folder = settings.folder.as_path();
        let owner = settings.file.as_ref().and_then(|file| file.metadata().ok()).map(|file| file.uid());
        let ours = [0, rustix::process::geteuid().as_raw()];
        let other_user = owner.filter(|owner| !ours.contains(owner));
        Project { folder, end: end_of(folder).unwrap_or_else(|| folder.to_owned()), other_user }
    }

    /// Where a path ends, seen from the project's folder; nothing if that is outside of it.
    fn inside(&self, path: &Path) -> Option<PathBuf> {
        end_of(path)?.strip_prefix(&self.end).map(Path::to_owned).ok()
    }

    /// A path that leads out of the project.
    fn outside(&self, path: &Path) -> Option<String> {
        self.inside(path).is_none().then(|| self.shown(path))
    }

    /// A folder to write into, and why that isn't plainly one of the project's own: it is outside of it, or
    /// hidden, such as `.git`, where programs keep what they obey.
    fn place(&self, folder: &Path) -> Option<String> {
        match self.inside(folder) {
            None => Some(format!("{}, outside of the project", self.shown(folder))),
            Some(inside) if is_hidden(&inside) => Some(format!("{}, in a hidden folder", self.shown(folder))),
            Some(_) => None,
        }
    }

    /// The same for the store of runs, whose usual folder is a hidden one.
    fn place_of_a_store(&self, folder: &Path) -> Option<String> {
        let inside = self.inside(folder);
        let below = inside.as_ref().and_then(|inside| inside.strip_prefix(STORE_FOLDER).ok());
        if below.is_some_and(|below| !is_hidden(below)) { None } else { self.place(folder) }
    }

    /// A folder to write into that another user's settings name, be it only by being there.
    fn place_of_another(&self, folder: &Path) -> Option<String> {
        let user = self.other_user?;
        Some(format!("{}, by settings of another user ({user})", self.shown(folder)))
    }

    /// A folder for files that isn't plainly one of the project's own, or is the project itself.
    fn claim_of_store(&self, name: &str, folder: &Path) -> Option<(String, String)> {
        let is_project = self.inside(folder).is_some_and(|inside| inside.as_os_str().is_empty());
        let place = self.place(folder).or_else(|| is_project.then(|| self.shown(folder)));
        let place = place.or_else(|| self.place_of_another(folder))?;
        Some((format!("stores.{name}"), format!("lets pipelines write, read and delete files in {place}")))
    }

    fn claims_of_provider(&self, name: &str, settings: &ProviderSettings) -> Vec<(String, String)> {
        let mut claims = Vec::new();
        let mut claim = |part: &str, value: String| claims.push((format!("providers.{name}.{part}"), value));
        for key in &settings.keys {
            claim("key", format!("gives {name} a key from {}", self.source(&key.source)));
        }
        if let Some(url) = &settings.base_url {
            claim("base_url", format!("sends all requests for {name}, with its keys, to {url}"));
        }
        for (role, url) in &settings.base_urls {
            claim("base_urls", format!("sends requests for {name} ({role}), with its keys, to {url}"));
        }
        if settings.private {
            claim(
                "private",
                format!("lets replies of {name} lead to this machine and into private networks"),
            );
        }
        claims
    }

    fn claim_of_secret(&self, name: &str, settings: &SecretSettings) -> (String, String) {
        let hosts = settings.hosts.join(", ");
        (format!("secrets.{name}"), format!("sends what is in {} to {hosts}", self.source(&settings.source)))
    }

    fn claims_of_webhook(&self, settings: &WebhookSettings) -> Vec<(String, String)> {
        let url = settings.url.iter().map(|url| {
            let value = format!("has providers send reports, with the results of jobs, to {url}");
            ("webhook.url".to_owned(), value)
        });
        let secrets = settings.secrets.iter().map(|(name, source)| {
            let value = format!("believes reports of {name} by what is in {}", self.source(source));
            (format!("webhook.secrets.{name}"), value)
        });
        url.chain(secrets).collect()
    }

    /// Where a key is, as it is granted.
    fn source(&self, source: &KeySource) -> String {
        match source {
            KeySource::File(path) => KeySource::File(self.shown(path).into()).to_string(),
            other => other.to_string(),
        }
    }

    /// A program that isn't the usual one.
    fn another_than(&self, usual: &str, found: &str) -> Option<String> {
        let is_path = found.contains('/');
        (found != usual).then(|| if is_path { self.shown(Path::new(found)) } else { found.to_owned() })
    }

    /// What a program of the project holds, hashed; nothing for one that is looked up by its name or lies elsewhere.
    /// One that isn't there, or is no file, holds nothing.
    fn content(&self, program: &str) -> Result<Option<Digest>, Error> {
        let path = Path::new(program);
        let is_ours = path.starts_with(self.folder) || self.inside(path).is_some();
        if !program.contains('/') || !is_ours {
            return Ok(None);
        }
        let Ok(mut file) = open_file(path) else { return Ok(Some(Digest::of(b""))) };
        let failed = |error| Error::file("read", path, error);
        if file.metadata().map_err(failed)?.len() > PROGRAM_BYTES_MAX {
            return Err(failed(io::Error::other(Unread::TooLarge(PROGRAM_BYTES_MAX).to_string())));
        }
        measure(&mut file).map(|(digest, _)| Some(digest)).map_err(failed)
    }

    /// A path as it is granted. Of one in the project, it is where it ends: the project can bring other
    /// links tomorrow. Links elsewhere are the machine's.
    fn shown(&self, path: &Path) -> String {
        let is_ours = path.starts_with(self.folder) || path.starts_with(&self.end);
        let end = end_of(path).filter(|_| is_ours);
        end.as_deref().unwrap_or(path).display().to_string()
    }
}

/// Whether a part of a path begins with a dot.
fn is_hidden(path: &Path) -> bool {
    path.components().any(|part| part.as_os_str().as_encoded_bytes().starts_with(b"."))
}

/// Where `path` ends, through links: also if what it names isn't there yet. Nothing if its links go in
/// circles.
pub(crate) fn end_of(path: &Path) -> Option<PathBuf> {
    follow(path, LINKS_MAX)
}

/// As many links as Linux follows.
const LINKS_MAX: usize = 40;

fn follow(path: &Path, links_left: usize) -> Option<PathBuf> {
    if let Ok(end) = path.canonicalize() {
        return Some(end);
    }
    let Some(folder) = path.parent() else { return Some(path.to_owned()) };
    if let Ok(target) = path.read_link() {
        return follow(&folder.join(target), links_left.checked_sub(1)?);
    }
    let mut end = follow(folder, links_left)?;
    match path.components().next_back() {
        Some(Component::ParentDir) => drop(end.pop()),
        Some(last) => end.push(last),
        None => {}
    }
    Some(end)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_path_ends_where_its_links_lead_whether_or_not_that_is_there() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path().canonicalize().unwrap();
        std::fs::create_dir_all(root.join("project/inner")).unwrap();
        let link = |name: &str, target: &str| symlink(target, root.join("project").join(name)).unwrap();
        link("away", "../elsewhere");
        link("home", "inner");
        link("round", "about");
        link("about", "round");
        link("chain", "away/further");
        let table = [
            ("inner", Some("project/inner")),
            ("inner/new/folder", Some("project/inner/new/folder")),
            ("home/new", Some("project/inner/new")),
            ("new/../../other", Some("other")),
            ("away", Some("elsewhere")),
            ("away/new", Some("elsewhere/new")),
            ("chain", Some("elsewhere/further")),
            ("round/new", None),
        ];
        for (path, end) in table {
            let end = end.map(|end| root.join(end));
            assert_eq!(end_of(&root.join("project").join(path)), end, "{path}");
        }
    }
}
