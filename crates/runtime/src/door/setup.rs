//! Setting up: what a door is made of.

use std::sync::Arc;

use motet_providers::adapter::Profile;
use motet_store::Store;

use super::address::{self, Site};
use super::cassette::Tapes;
use super::credential::{Environment, Keyring};
use super::{Door, Inner, Tape};
use crate::Error;
use crate::settings::Settings;
use crate::warning::{OnWarning, Warning};
use crate::world::SharedWorld;

/// What a [`Door`] is made of.
pub struct Builder {
    world: SharedWorld,
    store: Store,
    profiles: Vec<Profile>,
    settings: Option<Settings>,
    environment: Environment,
    tape: Tape,
    on_warning: OnWarning,
}

impl Door {
    /// Begins to set up a door for `world`; the artifacts that requests carry are in `store`.
    pub fn builder(world: SharedWorld, store: Store) -> Builder {
        Builder {
            world,
            store,
            profiles: Vec::new(),
            settings: None,
            environment: Environment::default(),
            tape: Tape::Off,
            on_warning: Arc::new(|_| {}),
        }
    }
}

impl Builder {
    /// Lets requests of these providers through.
    #[must_use]
    pub fn providers<'p>(mut self, profiles: impl IntoIterator<Item = &'p Profile>) -> Builder {
        self.profiles.extend(profiles.into_iter().cloned());
        self
    }

    /// Where keys are and requests go, as a person has set it.
    #[must_use]
    pub fn settings(mut self, settings: &Settings) -> Builder {
        self.settings = Some(settings.clone());
        self
    }

    /// Where environment variables are looked up; the process's own by default.
    #[must_use]
    pub fn environment(
        mut self,
        look_up: impl Fn(&str) -> Option<String> + Send + Sync + 'static,
    ) -> Builder {
        self.environment = Environment(Arc::new(look_up));
        self
    }

    /// Whether requests go to the network.
    #[must_use]
    pub fn tape(mut self, tape: Tape) -> Builder {
        self.tape = tape;
        self
    }

    /// Has `told` called when an exchange could not be written down.
    #[must_use]
    pub fn on_warning(mut self, told: impl Fn(&Warning) + Send + Sync + 'static) -> Builder {
        self.on_warning = Arc::new(told);
        self
    }

    /// The door.
    ///
    /// # Errors
    /// [`Error::Providers`] when the settings speak of a provider or a role that there isn't, [`Error::File`] when
    /// recorded exchanges can't be read or written.
    pub fn build(self) -> Result<Door, Error> {
        let Builder { world, store, profiles, settings, environment, tape, on_warning } = self;
        let settings = settings.unwrap_or_else(|| Settings::usual(""));
        let known = |name: &String| profiles.iter().any(|profile| profile.name == *name);
        let named = settings.providers.keys().chain(settings.webhook.secrets.keys());
        if let Some(unknown) = named.into_iter().find(|name| !known(name)) {
            let names = profiles.iter().map(|profile| profile.name.as_str());
            return Err(Error::Providers(address::no_provider(unknown, names)));
        }
        let site = |profile: &Profile| {
            let set = settings.providers.get(&profile.name);
            Ok((profile.name.clone(), Site::new(profile, set).map_err(Error::Providers)?))
        };
        let sites = profiles.iter().map(site).collect::<Result<_, Error>>()?;
        let keyring = Keyring::new(&profiles, &settings, environment);
        let tapes = Tapes::open(tape)?;
        Ok(Door(Arc::new(Inner { world, store, sites, keyring, tapes, on_warning })))
    }
}
