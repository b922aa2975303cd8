//! What a project asks to be set, before a person has agreed.

use std::path::{Path, PathBuf};

use motet_pipeline::Digest;
use motet_pipeline::contract::Catalogue;

use super::power::{claims, contents};
use super::providers::Places;
use super::{Power, Setting, Settings};
use crate::Error;
use crate::trust::{Trust, Verdict};

/// The settings that a project asks for. They can be used once it is clear who answers for them:
/// a person, as [`Trust`] knows, or the program itself ([`Proposal::vouched`]).
///
/// A project that was cloned must not gain power over the machine by being there. So each setting that
/// names a program, leads out of the project or raises a limit is a [`Power`], and waits; all else is
/// harmless and needs nobody's word.
///
/// ```
/// use motet::{Error, Settings};
/// use motet::trust::Trust;
/// # let folder = std::env::temp_dir().join(format!("motet-proposal-{}", std::process::id()));
/// # std::fs::create_dir_all(&folder).unwrap();
/// # let file = folder.join("motet.toml");
/// std::fs::write(&file, "[tools]\nffmpeg = 'bin/ffmpeg'\n").unwrap();
/// let proposal = Settings::load(&file)?;
/// assert_eq!(proposal.powers()[0].setting.key(), "tools.ffmpeg");
/// let refused = proposal.clone().trusted_by(&Trust::in_nobody());
/// assert!(matches!(refused, Err(Error::Untrusted { .. })));
/// let settings = proposal.vouched();     // this program answers for it
/// assert!(settings.tools.ffmpeg.ends_with("bin/ffmpeg"));
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposal {
    settings: Settings,
    /// Of what the file says, byte for byte, and of what it relies on in the project.
    digest: Digest,
    powers: Vec<Power>,
}

impl Proposal {
    /// The proposal of a file whose `text` makes `settings`; `places` is where it sets what.
    ///
    /// # Errors
    /// [`Error::File`] when a program of the project is larger than it may be.
    pub(super) fn new(settings: Settings, text: &[u8], places: &Places) -> Result<Proposal, Error> {
        let powers_of = |setting: Setting| {
            let claims = claims(setting, &settings).into_iter();
            claims.map(move |(key, value)| Power { setting, place: places.get(&key).copied(), value })
        };
        let powers = Setting::ALL.into_iter().flat_map(powers_of).collect();
        let digest = digest_of(text, &contents(&settings)?);
        Ok(Proposal { settings, digest, powers })
    }

    /// The file, if there is one.
    pub fn file(&self) -> Option<&Path> {
        self.settings.file.as_deref()
    }

    /// The project's folder.
    pub fn folder(&self) -> &Path {
        &self.settings.folder
    }

    /// What waits for a person's word.
    pub fn powers(&self) -> &[Power] {
        &self.powers
    }

    /// What the file says and what it relies on in the project, hashed.
    pub(crate) fn digest(&self) -> &Digest {
        &self.digest
    }

    /// The operations and pools of which a pipeline may speak here: nobody's word is needed for that.
    pub fn catalogue(&self) -> Catalogue {
        self.settings.catalogue()
    }

    /// The same without the power of `setting`, which somebody has set otherwise.
    #[must_use]
    pub fn without(mut self, setting: Setting) -> Proposal {
        self.powers.retain(|power| power.setting != setting);
        self
    }

    /// The settings, if they have no power or `trust` grants what they have.
    ///
    /// # Errors
    /// [`Error::Untrusted`] with all powers that wait.
    pub fn trusted_by(self, trust: &Trust) -> Result<Settings, Error> {
        let changed = match trust.judge(&self) {
            Verdict::Trusted => return Ok(self.settings),
            Verdict::Changed => true,
            Verdict::Unknown => false,
        };
        let file = self.file().map_or_else(|| self.folder().to_owned(), PathBuf::from);
        Err(Error::Untrusted { file, powers: self.powers, changed })
    }

    /// The settings: the caller answers for all that they allow.
    pub fn vouched(self) -> Settings {
        self.settings
    }
}

/// Whoever trusts a file trusts what it relies on as it is.
fn digest_of(text: &[u8], contents: &[(Setting, Digest)]) -> Digest {
    let parts = contents.iter().map(|(setting, digest)| format!("{setting} {digest}\n"));
    let whole: String = std::iter::once(format!("{}\n", Digest::of(text))).chain(parts).collect();
    Digest::of(whole.as_bytes())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::settings::FILE_NAME;

    /// What a project with this file asks for, in a folder that `prepare` has filled.
    fn proposed(text: &str, prepare: impl FnOnce(&Path)) -> Proposal {
        let root = tempfile::tempdir().unwrap();
        let project = root.path().join("project");
        std::fs::create_dir(&project).unwrap();
        prepare(&project);
        std::fs::write(project.join(FILE_NAME), text).unwrap();
        Settings::load(&project.join(FILE_NAME)).unwrap()
    }

    #[test]
    fn a_hidden_folder_waits_for_a_word_by_whatever_way_it_is_reached_but_that_of_the_store() {
        let table: [(&str, &[&str]); 6] = [
            ("store = '.motet'\n", &[]),
            ("store = '.motet/films'\n", &[]),
            ("store = '.motet/.git'\n", &["store"]),
            ("out = '.motet'\n", &["out"]),
            ("store = 'way/x'\nout = 'way'\n", &["store", "out"]),
            ("store = 'inner/.motet'\n", &["store"]),
        ];
        for (text, expected) in table {
            assert_eq!(
                proposed(text, |project| symlink(".git/hooks", project.join("way")).unwrap())
                    .powers()
                    .iter()
                    .map(|power| power.setting.key())
                    .collect::<Vec<_>>(),
                expected,
                "{text}"
            );
        }
        let root = tempfile::tempdir().unwrap();
        let hidden = root.path().join(".cache/project");
        std::fs::create_dir_all(&hidden).unwrap();
        assert!(
            Settings::find(None, &hidden).unwrap().powers().is_empty(),
            "the project itself may be hidden"
        );
    }

    #[test]
    fn the_store_of_simulated_runs_is_in_the_project_or_refused() {
        let of = |prepare: &dyn Fn(&Path)| {
            let root = tempfile::tempdir().unwrap();
            prepare(root.path());
            Settings::usual(root.path()).simulated_store().is_some()
        };
        let linked = |name: &'static str, target: &'static str| {
            of(&|project| {
                std::fs::create_dir_all(project.join(name).parent().unwrap()).unwrap();
                symlink(target, project.join(name)).unwrap();
            })
        };
        assert!(of(&|_| {}));
        assert!(linked(".motet", "kept"));
        assert!(!linked(".motet", "/elsewhere"));
        assert!(!linked(".motet/sim", "/elsewhere"));
        assert!(!linked(".motet/sim", "../.git/sim"));
    }

    fn powers(text: &str) -> Vec<&'static str> {
        let prices = r#"{ "prices": [] }"#;
        let proposal = proposed(text, |project| std::fs::write(project.join("prices.json"), prices).unwrap());
        proposal.powers().iter().map(|power| power.setting.key()).collect()
    }

    /// For each setting a value that needs no word, and those that do.
    fn examples(setting: Setting) -> (&'static str, &'static [&'static str]) {
        const OUTSIDE: &[&str] = &["'/elsewhere'", "'../elsewhere'", "'inner/../../elsewhere'"];
        const PLACES: &[&str] = &[
            "'/elsewhere'",
            "'../elsewhere'",
            "'inner/../../elsewhere'",
            "'.git/hooks'",
            "'inner/.hidden/films'",
            "'.motet/../.git'",
        ];
        const PROGRAMS: &[&str] = &["'program'", "'/bin/program'", "'./program'"];
        match setting {
            Setting::Store => ("'kept'", PLACES),
            Setting::Out => ("'films'", PLACES),
            Setting::Font => ("'fonts/Title.ttf'", OUTSIDE),
            Setting::Processors => ("1", &["1024"]),
            Setting::Pools => ("{ gpu = 1000000 }", &[]),
            Setting::Stores => (
                "{ films = { path = 'shared/films' } }",
                &[
                    "{ films = { path = '/elsewhere' } }",
                    "{ films = { path = 'inner/../../elsewhere' } }",
                    "{ films = { path = '.' } }",
                    "{ films = { path = '.git/hooks' } }",
                    "{ films = { path = 'inner/.hidden' } }",
                ],
            ),
            Setting::Providers => (
                "{ fal = { private = false } }",
                &[
                    "{ fal = { private = true } }",
                    "{ fal = { key = 'env:FAL_KEY' } }",
                    "{ fal = { keys = ['file:/k'] } }",
                    "{ fal = { base_url = 'https://fal.example' } }",
                    "{ fal = { base_urls.queue = 'http://127.0.0.1' } }",
                ],
            ),
            Setting::Secrets => ("{}", &["{ weather = { key = 'env:HOME', hosts = ['evil.example'] } }"]),
            Setting::Webhook => (
                "{}",
                &[
                    "{ url = 'https://evil.example' }",
                    "{ url = 'http://127.0.0.1:8477' }",
                    "{ secrets = { elevenlabs = 'env:HOME' } }",
                ],
            ),
            Setting::Money => (
                "{ resend_below = 0.01, resend_total = 0, ask_above = 5 }",
                &["{ resend_below = 1 }", "{ resend_total = 0.51 }", "{ ask_above = '5.01' }"],
            ),
            Setting::Budgets => ("{ day = 1000, user = 1000, providers = { fal = 1000 } }", &[]),
            Setting::Prices => ("", &["'prices.json'"]),
            Setting::Models => ("", &[]),
            Setting::Ffmpeg => ("'ffmpeg'", PROGRAMS),
            Setting::Ffprobe => ("'ffprobe'", PROGRAMS),
            Setting::EspeakNg => ("'espeak-ng'", PROGRAMS),
        }
    }

    #[test]
    fn every_setting_waits_for_a_word_exactly_when_it_gives_power() {
        for setting in Setting::ALL {
            let (harmless, risky) = examples(setting);
            let is_harmless = harmless.is_empty() || powers(&format!("{setting} = {harmless}\n")).is_empty();
            assert!(is_harmless, "{setting} = {harmless}");
            for value in risky {
                assert_eq!(powers(&format!("{setting} = {value}\n")), [setting.key()], "{setting} = {value}");
            }
        }
        assert_eq!(powers("store = ':memory:'\n"), ["store"]);
        assert!(powers("").is_empty());
    }

    #[test]
    fn a_power_says_where_it_stands_and_what_it_would_allow() {
        let text = "store = '/kept'\nout = '../films'\nprocessors = 1000\n[tools]\n  ffmpeg = 'bin/ffmpeg'\n\
                    ffprobe = 'probe'\nespeak_ng = '/bin/sh'\nfont = '/etc/passwd'\n[providers.fal]\n\
                    keys = ['env:FAL_KEY', { name = 'spare', key = 'file:keys/fal' }]\nprivate = true\n\
                    base_url = 'https://evil.example/fal/'\nbase_urls = { queue = 'http://[::1]:80/' }\n\
                    [secrets.weather]\nkey = 'env:HOME'\nhosts = ['*.Evil.example', '10.0.0.1']\n\
                    [webhook]\nurl = 'https://evil.example/'\nsecrets = { elevenlabs = 'file:hooks' }\n\
                    [money]\nresend_below = 1\nresend_total = 2.5\nask_above = 100\n";
        let proposal = proposed(text, |_| {});
        let root = crate::settings::end_of(proposal.folder().parent().unwrap()).unwrap();
        let line = |power: &Power| format!("{:?} {}: {power}", power.place.unwrap(), power.setting);
        let lines: Vec<String> = proposal.powers().iter().map(line).collect();
        insta::assert_snapshot!(lines.join("\n").replace(&root.display().to_string(), "[root]"));
    }

    #[test]
    fn a_folder_in_the_project_that_is_a_link_out_of_it_is_a_power_even_if_no_file_names_it() {
        let link = |name: &'static str, target: &'static str| {
            let proposal = proposed("", |project| symlink(target, project.join(name)).unwrap());
            proposal.powers().iter().map(|power| (power.setting.key(), power.place)).collect::<Vec<_>>()
        };
        assert_eq!(link("out", "/elsewhere"), [("out", None)]);
        assert_eq!(link("out", "../elsewhere"), [("out", None)]);
        assert_eq!(link("out", "out"), [("out", None)], "nobody knows where a circle leads");
        assert_eq!(link(".motet", "/elsewhere"), [("store", None)]);
        assert_eq!(link("out", "films"), []);
        let inner = |project: &Path| symlink("/elsewhere", project.join("inner")).unwrap();
        assert_eq!(proposed("out = 'inner/films'\n", inner).powers().len(), 1);
    }

    #[test]
    fn settings_of_another_user_wait_for_a_word_wherever_they_have_something_written() {
        let root = tempfile::tempdir().unwrap();
        let (file, below) = (root.path().join(FILE_NAME), root.path().join("mine/films"));
        std::fs::create_dir_all(&below).unwrap();
        std::fs::write(&file, "[stores.loot]\npath = 'loot'\n").unwrap();
        let asked = || {
            let proposal = Settings::find(Some(Path::new("film.yaml")), &below).unwrap();
            proposal.powers().iter().map(Power::to_string).collect::<Vec<_>>().join("\n")
        };
        assert_eq!(asked(), "");
        // Only root can give a file to another user.
        if std::os::unix::fs::chown(&file, Some(54_321), None).is_err() {
            return;
        }
        let end = root.path().canonicalize().unwrap();
        insta::assert_snapshot!(asked().replace(&end.display().to_string(), "[root]"));
    }

    #[test]
    fn what_somebody_sets_otherwise_waits_for_nobody() {
        let proposal = proposed("store = '/kept'\nout = '/films'\n", |_| {});
        let proposal = proposal.without(Setting::Store).without(Setting::Out);
        assert!(proposal.trusted_by(&Trust::in_nobody()).is_ok());
    }
}
