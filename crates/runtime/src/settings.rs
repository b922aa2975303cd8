//! Settings: what `motet.toml` says about a project and its machine.

mod file;
mod keys;
mod models;
mod money;
mod pools;
mod power;
mod proposal;
mod providers;
mod setting;
mod stores;
mod webhook;

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

pub use crate::models::state::{KeyState, OpenBreaker, ProviderState};
pub use keys::{KnownKey, MissingKey};
pub use models::{MODELS_FOLDER, ModelFile};
pub use money::{Budgets, MoneySettings, PriceFile};
pub use power::Power;
pub(crate) use power::end_of;
pub use proposal::Proposal;
pub use providers::{Key, KeySource, ProviderSettings, SecretSettings};
pub use setting::Setting;
pub use webhook::{WebhookSettings, webhook_url};

use motet_engine::dispatcher::PoolLimit;
use motet_pipeline::contract::Catalogue;
use motet_providers::Registry;
use motet_providers::catalogue::Catalogue as Models;
use motet_providers::prices::PriceBook;
use url::Url;

use self::providers::Places;
use crate::Error;
use crate::models::Offers;
use crate::operation;
use crate::reading::{Unread, folder_of, read_start};
use crate::tools::Tools;
use crate::world::live::now;

/// The name of the file.
pub const FILE_NAME: &str = "motet.toml";

/// The environment variable that names the folder of the store.
pub const STORE_VARIABLE: &str = "MOTET_STORE";

/// The folder of a project in which its store is usually kept.
const STORE_FOLDER: &str = ".motet";

/// The largest file of settings, in bytes.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// The name of a store in memory where a folder is expected.
pub const IN_MEMORY: &str = ":memory:";

/// What is set for a project: what its `motet.toml` says, else what is usual.
///
/// ```toml
/// store = ".motet"              # the folder of the store, or ":memory:"
/// out = "out"                   # where the outputs of finished runs go
/// processors = 4                # how many steps may keep a processor busy at once
///
/// [tools]
/// ffmpeg = "ffmpeg"             # a name that is looked up, or a path
/// ffprobe = "ffprobe"
/// espeak_ng = "espeak-ng"
/// font = "fonts/Title.ttf"      # for titles
///
/// [pools]                       # what steps share that say `pool: NAME`
/// gpu = 1                       # at most this many at once
/// search = { slots = 4, rate = "30/1m" }
///
/// [stores.films]                # where `store/put`, `store/get` and `store/delete` have their files
/// path = "shared/films"
///
/// [providers.replicate]
/// key = "env:REPLICATE_API_TOKEN"          # or "file:PATH": where it is, never the key itself
///
/// [providers.fal]
/// keys = ["env:FAL_KEY", { name = "spare", key = "file:keys/fal" }]
/// base_url = "http://localhost:8000/fal"   # for all of its addresses; base_urls = { queue = … } for some
/// private = true                           # its replies may lead into private networks
///
/// [secrets.weather]                        # what a pipeline calls `secrets.weather`
/// key = "env:WEATHER_KEY"
/// hosts = ["api.weather.example"]          # nobody else is told
///
/// [webhook]
/// url = "https://motet.example"            # where providers reach `motet serve`
/// secrets = { elevenlabs = "env:ELEVENLABS_WEBHOOK_SECRET" }
///
/// [money]
/// resend_below = 0.05                      # a call whose end is unknown is sent again up to this price
/// resend_total = 0.50                      # and all of them in a run cost at most this
/// ask_above = 5                            # `motet run` asks before a run that is likely to cost more
///
/// [budgets]                                # the most that all runs of the store spend in a day (UTC)
/// day = 20
/// user = 5                                 # each user
/// providers = { fal = 3 }
/// ```
///
/// `prices = "prices.json"` names a price book of the project, which is laid over the one that comes with Motet.
///
/// Models of the project's own are data files in the folder `models/` beside the file.
///
/// Paths are relative to the folder of the file. What a file says is a [`Proposal`] first: a `store` and an
/// `out` that lead out of the project or into a hidden folder, a `font` outside of it, stores that aren't plain folders inside of it, more `processors` than this machine has, every
/// program of `[tools]`, all of `[providers]`, `[secrets]` and `[webhook]`, a price book, models that it sets prices for, and amounts of
/// `[money]` above the usual
/// ones wait for a person's word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The file, if there is one.
    pub file: Option<PathBuf>,
    /// The project's folder: that of the file, else the working folder.
    pub folder: PathBuf,
    /// Where the store is, if the file says so.
    pub store: Option<StorePlace>,
    /// Where the outputs of finished runs go.
    pub out: PathBuf,
    /// Where this machine's programs are.
    pub tools: Tools,
    /// How much work that keeps a processor busy may run at once.
    pub processors: usize,
    /// What steps share that say `pool: NAME`.
    pub pools: Pools,
    /// The folders of `store/*` by name.
    pub stores: Stores,
    /// Providers by name.
    pub providers: BTreeMap<String, ProviderSettings>,
    /// Secrets by name.
    pub secrets: BTreeMap<String, SecretSettings>,
    /// Where providers report.
    pub webhook: WebhookSettings,
    /// When a person is asked, and what may be sent again.
    pub money: MoneySettings,
    /// What may be spent in a day.
    pub budgets: Budgets,
    /// The project's own price book.
    pub prices: Option<PriceFile>,
    /// The project's own models.
    pub models: Vec<ModelFile>,
}

/// Pools by name: how many attempts may be at work in each at once, and how often one may begin.
pub type Pools = BTreeMap<String, PoolLimit>;

/// The folders of `store/*` by name: for files that other programs read.
pub type Stores = BTreeMap<String, PathBuf>;

/// Where a store is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StorePlace {
    /// In a folder.
    Folder(PathBuf),
    /// In memory: it ends with the process.
    Memory,
}

impl StorePlace {
    /// The place that `written` names: `:memory:`, or a folder seen from `base`.
    pub fn read(written: impl AsRef<Path>, base: &Path) -> StorePlace {
        let written = written.as_ref();
        if written == Path::new(IN_MEMORY) {
            StorePlace::Memory
        } else {
            StorePlace::Folder(base.join(written))
        }
    }
}

impl Settings {
    /// What is usual for a project in `folder`.
    pub fn usual(folder: impl Into<PathBuf>) -> Settings {
        let folder = folder.into();
        Settings {
            file: None,
            out: folder.join("out"),
            folder,
            store: None,
            tools: Tools::default(),
            processors: std::thread::available_parallelism().map_or(1, usize::from),
            pools: Pools::new(),
            stores: Stores::new(),
            providers: BTreeMap::new(),
            secrets: BTreeMap::new(),
            webhook: WebhookSettings::default(),
            money: MoneySettings::default(),
            budgets: Budgets::default(),
            prices: None,
            models: Vec::new(),
        }
    }

    /// The settings for `pipeline`, a file (or for no file in particular): those of the `motet.toml`
    /// in its folder or the nearest one above, else of the one in the working folder `here`, else
    /// what is usual.
    ///
    /// # Errors
    /// [`Error::Settings`] when the file can't be understood, [`Error::File`] when it can't be read.
    pub fn find(pipeline: Option<&Path>, here: &Path) -> Result<Proposal, Error> {
        let beside = pipeline.map(|pipeline| here.join(pipeline));
        let above = beside.iter().flat_map(|pipeline| pipeline.ancestors().skip(1));
        let folders = above.chain(std::iter::once(here));
        let found = folders.map(|folder| folder.join(FILE_NAME)).find(|file| file.symlink_metadata().is_ok());
        let usual = || {
            let settings = Settings { models: ModelFile::read_all(here)?, ..Settings::usual(here) };
            Proposal::new(settings, b"", &Places::new())
        };
        found.map_or_else(usual, |file| Settings::load(&file))
    }

    /// The settings that the file at `path` asks for.
    ///
    /// # Errors
    /// As [`Settings::find`].
    pub fn load(path: &Path) -> Result<Proposal, Error> {
        let failed = |error| Error::file("read", path, error);
        if leads_out(path).map_err(failed)? {
            return Err(failed(io::Error::other("it is a link that leads out of the project")));
        }
        let bytes = read_start(path, FILE_BYTES_MAX).map_err(|unread| match unread {
            Unread::Io(error) => failed(error),
            other => failed(io::Error::other(other.to_string())),
        })?;
        file::read(path, &bytes)
    }

    /// The models that there are, those of the project among them, at the prices of the project.
    pub fn catalogue_of_models(&self) -> Models {
        self.offers().catalogue
    }

    /// The providers and their models, at the prices of the project.
    fn offers(&self) -> Offers {
        let mut offers = Offers::default();
        offers.add_models(self.models.iter().map(|file| file.entry.clone()));
        self.prices.iter().for_each(|prices| offers.price(prices.book()));
        offers.price_on(now());
        offers
    }

    /// The price book that comes with Motet, under that of the project.
    fn price_book(&self) -> PriceBook {
        let own = self.prices.as_ref().map(PriceFile::book).unwrap_or_default();
        PriceBook::built_in().under(own)
    }

    /// Whether a simulator is asked in the place of providers.
    pub fn is_simulated(&self) -> bool {
        self.providers.values().flat_map(|set| &set.keys).any(|key| key.source == KeySource::Simulated)
    }

    /// The same with a simulator in the place of all providers that it speaks for. It needs no keys. The base URLs are by
    /// provider and role; roles that a provider doesn't ask are left out.
    ///
    /// # Errors
    /// [`Error::Providers`] when one of them is no URL.
    pub fn simulated(
        mut self,
        base_urls: &BTreeMap<String, BTreeMap<String, String>>,
    ) -> Result<Settings, Error> {
        let registry = Registry::default();
        for provider in registry.iter().map(|provider| provider.profile()) {
            let Some(urls) = base_urls.get(&provider.name) else { continue };
            if provider.bases.is_empty() {
                self.stand_in(&provider.name, urls.get("any"))?;
                continue;
            }
            let asked = urls.iter().filter(|(role, _)| provider.bases.contains_key(*role));
            let parsed = |(role, url): (&String, &String)| Ok((role.clone(), simulator_at(url)?));
            let name = provider.keys.first().cloned().unwrap_or_else(|| "simulated".to_owned());
            let set = ProviderSettings {
                keys: vec![Key { name, source: KeySource::Simulated }],
                base_url: None,
                base_urls: asked.map(parsed).collect::<Result<_, Error>>()?,
                private: true,
                stand_in: None,
            };
            self.providers.insert(provider.name.clone(), set);
        }
        Ok(self)
    }

    /// The settings with a simulator in the place of all servers that requests of `provider` name. It is told no secret.
    fn stand_in(&mut self, provider: &str, url: Option<&String>) -> Result<(), Error> {
        let Some(url) = url else { return Ok(()) };
        self.providers.entry(provider.to_owned()).or_default().stand_in = Some(simulator_at(url)?);
        self.secrets.values_mut().for_each(|secret| secret.source = KeySource::Simulated);
        Ok(())
    }

    /// The operations that come with Motet, and these pools.
    pub fn catalogue(&self) -> Catalogue {
        let mut catalogue = operation::taught(&self.offers());
        catalogue.set_pools(self.pools.keys());
        catalogue.set_secrets(self.secrets.keys());
        operation::teach_stores(&mut catalogue, self.stores.keys());
        catalogue
    }

    /// The folder of the store of simulated runs; nothing where a link that the project brings leads elsewhere than into
    /// its folder `.motet`.
    pub fn simulated_store(&self) -> Option<PathBuf> {
        let folder = self.folder.join(STORE_FOLDER).join("sim");
        power::is_plain_store(self, &folder).then_some(folder)
    }

    /// Where the store is: what a flag says, else what the environment (`MOTET_STORE`) says, both seen
    /// from the working folder `here`; else what the file says, else `.motet` in the project's folder.
    pub fn place(&self, flag: Option<&Path>, environment: Option<&Path>, here: &Path) -> StorePlace {
        let said = said(flag, environment).map(|written| StorePlace::read(written, here));
        said.or_else(|| self.store.clone())
            .unwrap_or_else(|| StorePlace::Folder(self.folder.join(STORE_FOLDER)))
    }
}

fn simulator_at(url: &str) -> Result<Url, Error> {
    Url::parse(url)
        .map_err(|error| Error::Providers(format!("the simulator's address {url} is none: {error}")))
}

/// Whether a file of a project is a link to one that lies elsewhere than in and below its folder.
pub(crate) fn leads_out(file: &Path) -> io::Result<bool> {
    if !file.symlink_metadata()?.is_symlink() {
        return Ok(false);
    }
    let folder = folder_of(file);
    Ok(!file.canonicalize()?.starts_with(folder.canonicalize()?))
}

/// What a person said about where the store is: a flag is stronger than the environment.
fn said<'p>(flag: Option<&'p Path>, environment: Option<&'p Path>) -> Option<&'p Path> {
    flag.or(environment).filter(|written| !written.as_os_str().is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_file_above_the_pipeline_holds_and_else_the_working_folder() {
        let root = tempfile::tempdir().unwrap();
        let (project, here) = (root.path().join("project"), root.path().join("here"));
        std::fs::create_dir_all(project.join("films/old")).unwrap();
        std::fs::create_dir_all(&here).unwrap();
        let film = project.join("films/old/film.yaml");

        let find = |pipeline: Option<&Path>, here: &Path| Settings::find(pipeline, here).unwrap().vouched();
        assert_eq!(find(Some(&film), &here), Settings::usual(&here));

        std::fs::write(here.join(FILE_NAME), "processors = 1").unwrap();
        assert_eq!(find(Some(&film), &here).processors, 1);
        assert_eq!(find(None, &here).folder, here);

        std::fs::write(project.join(FILE_NAME), "processors = 2").unwrap();
        let near = find(Some(&film), &here);
        assert_eq!((near.processors, near.folder), (2, project.clone()));
        let relative = find(Some(Path::new("films/old/film.yaml")), &project);
        assert_eq!(relative.folder, project);
    }

    #[test]
    fn a_flag_is_stronger_than_the_environment_and_that_than_the_file() {
        let (file, here) = (Path::new("/project/motet.toml"), Path::new("/here"));
        let silent = Settings::usual("/project");
        let speaking = file::read(file, b"store = 'kept'").unwrap().vouched();
        let folder = |path: &str| StorePlace::Folder(path.into());
        let (flag, environment) = (Some(Path::new("flag")), Some(Path::new("/env")));
        assert_eq!(speaking.place(flag, environment, here), folder("/here/flag"));
        assert_eq!(speaking.place(None, environment, here), folder("/env"));
        assert_eq!(speaking.place(None, Some(Path::new("")), here), folder("/project/kept"));
        assert_eq!(silent.place(None, None, here), folder("/project/.motet"));
        assert_eq!(silent.place(Some(Path::new(":memory:")), environment, here), StorePlace::Memory);
    }
}
