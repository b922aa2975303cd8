//! What this machine lacks for a plan, with the step that asks for it.

use motet::language::Plan;
use motet::settings::{KeySource, MissingKey, Settings};
use motet::tools::MissingTool;

use super::for_each_target;
use crate::exit::Exit;
use crate::problem::Problem;

/// Something that isn't there, and the first step that needs it.
#[derive(Clone, Debug)]
pub struct Missing {
    pub what: What,
    pub step: String,
    pub file: String,
    pub line: usize,
}

/// What isn't there.
#[derive(Clone, Debug)]
pub enum What {
    /// A program, and the operation that calls it.
    Tool(MissingTool, String),
    /// A key of a provider.
    Key(MissingKey),
    /// A secret that isn't where the settings say.
    Secret { name: String, source: KeySource },
}

/// All that is missing, each once: programs, then keys, then secrets.
pub fn missing(plan: &Plan, settings: &Settings) -> Vec<Missing> {
    let keys = settings.missing_keys(plan);
    let mut found: Vec<Missing> = Vec::new();
    for_each_target(&plan.root, &mut |step, target| {
        let contract = &target.contract;
        let tools = settings.tools.missing(target.tools()).into_iter();
        let tools = tools.map(|tool| What::Tool(tool, contract.operation.clone()));
        let key = keys.iter().find(|key| key.provider == contract.provider());
        let key =
            key.map(|key| What::Key(MissingKey { operation: contract.operation.clone(), ..key.clone() }));
        let secrets = target.secrets().into_iter().filter_map(|name| {
            let source = &settings.secrets.get(&name)?.source;
            (!source.is_there()).then(|| What::Secret { name, source: source.clone() })
        });
        for what in tools.chain(key).chain(secrets) {
            if found.iter().all(|known| !known.what.is(&what)) {
                let (file, line) = (step.location.file.to_string(), step.location.line);
                found.push(Missing { what, step: step.name.clone(), file, line });
            }
        }
    });
    found.sort_by_key(|missing| missing.what.rank());
    found
}

impl What {
    /// Whether it is the same as `other`, whoever needs it.
    fn is(&self, other: &What) -> bool {
        match (self, other) {
            (What::Tool(one, _), What::Tool(other, _)) => one.tool == other.tool,
            (What::Key(one), What::Key(other)) => one.provider == other.provider,
            (What::Secret { name: one, .. }, What::Secret { name: other, .. }) => one == other,
            _ => false,
        }
    }

    /// Its place in the order of the list.
    fn rank(&self) -> u8 {
        match self {
            What::Tool(..) => 0,
            What::Key(_) => 1,
            What::Secret { .. } => 2,
        }
    }
}

impl Missing {
    /// The code of the warning.
    pub fn code(&self) -> &'static str {
        match &self.what {
            What::Tool(..) => "missing-tool",
            What::Key(_) => "missing-key",
            What::Secret { .. } => "missing-secret",
        }
    }

    /// What is missing, in a sentence.
    pub fn sentence(&self) -> String {
        match &self.what {
            What::Tool(tool, operation) => {
                format!("{operation} needs {}, which isn't on this machine", tool.name)
            }
            What::Key(key) => format!("{} needs a key of {}, which isn't there", key.operation, key.provider),
            What::Secret { name, .. } => format!("the secret `{name}` isn't there"),
        }
    }

    /// Where it is needed.
    pub fn place(&self) -> String {
        format!("step `{}` of {} (line {})", self.step, self.file, self.line)
    }

    /// How to get it, or where it is looked for.
    pub fn remedy(&self) -> String {
        match &self.what {
            What::Tool(tool, _) => {
                format!("install it: {}   (or set its path in motet.toml: {})", tool.install, tool.setting)
            }
            What::Key(key) => {
                let provider = &key.provider;
                let setting = format!("[providers.{provider}] key = \"env:NAME\"");
                format!("put it into {}   (or say in motet.toml where it is: {setting})", sources_of(key))
            }
            What::Secret { name, source } => {
                format!("put it into {source}   (set by [secrets.{name}] in motet.toml)")
            }
        }
    }

    /// A line about it where `first` is missing before it.
    fn line_behind(&self, first: &Missing) -> String {
        match &self.what {
            What::Tool(tool, _) => format!("{} is missing too: {}", tool.name, tool.install),
            What::Key(key) => {
                // How to say it in the settings was said of the first one.
                let remedy = if matches!(first.what, What::Key(_)) {
                    format!("put it into {}", sources_of(key))
                } else {
                    self.remedy()
                };
                format!("a key of {} is missing too: {remedy}", key.provider)
            }
            What::Secret { name, .. } => format!("the secret `{name}` is missing too: {}", self.remedy()),
        }
    }
}

/// Where a key is looked for.
fn sources_of(key: &MissingKey) -> String {
    let sources: Vec<String> = key.sources.iter().map(ToString::to_string).collect();
    sources.join(" or ")
}

/// Refuses a plan that this machine lacks something for.
///
/// # Errors
/// Names all that is missing.
pub fn refuse_missing(plan: &Plan, settings: &Settings) -> Result<(), Problem> {
    let missing = missing(plan, settings);
    let Some((first, others)) = missing.split_first() else { return Ok(()) };
    let problem = Problem::new(Exit::Machine, first.sentence()).line(first.place()).line(first.remedy());
    Err(others.iter().fold(problem, |problem, other| problem.line(other.line_behind(first))))
}
