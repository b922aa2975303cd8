//! What this machine lacks for a plan, with the step that asks for it.

use motet::language::Plan;
use motet::settings::{KeySource, MissingKey, Settings};
use motet::tools::{MissingTool, Tools};

use super::for_each_target;
use crate::exit::Exit;
use crate::problem::Problem;

/// A program that isn't there, and the first step that needs it.
#[derive(Clone, Debug)]
pub struct Missing {
    pub tool: MissingTool,
    pub operation: String,
    pub step: String,
    pub file: String,
    pub line: usize,
}

/// All that is missing, each once.
pub fn missing_tools(plan: &Plan, tools: &Tools) -> Vec<Missing> {
    let mut found: Vec<Missing> = Vec::new();
    for_each_target(&plan.root, &mut |step, target| {
        for tool in tools.missing(target.contract.tools.iter().copied()) {
            if found.iter().any(|missing| missing.tool.tool == tool.tool) {
                continue;
            }
            found.push(Missing {
                tool,
                operation: target.contract.operation.clone(),
                step: step.name.clone(),
                file: step.location.file.to_string(),
                line: step.location.line,
            });
        }
    });
    found
}

/// A provider that there is no key for, and the first step that needs it.
#[derive(Clone, Debug)]
pub struct Keyless {
    pub key: MissingKey,
    pub step: String,
    pub file: String,
    pub line: usize,
}

/// A secret that isn't where the settings say, and the first step that sends it.
#[derive(Clone, Debug)]
pub struct Secretless {
    pub name: String,
    pub source: KeySource,
    pub step: String,
    pub file: String,
    pub line: usize,
}

/// All secrets that aren't there, each once.
pub fn missing_secrets(plan: &Plan, settings: &Settings) -> Vec<Secretless> {
    let mut found: Vec<Secretless> = Vec::new();
    for_each_target(&plan.root, &mut |step, target| {
        for name in target.secrets() {
            let set = settings.secrets.get(&name).filter(|set| !set.source.is_there());
            if let Some(set) = set.filter(|_| found.iter().all(|known| known.name != name)) {
                let (file, line) = (step.location.file.to_string(), step.location.line);
                found.push(Secretless {
                    name,
                    source: set.source.clone(),
                    step: step.name.clone(),
                    file,
                    line,
                });
            }
        }
    });
    found
}

impl Secretless {
    /// What is missing, in a sentence.
    pub fn sentence(&self) -> String {
        format!("the secret `{}` isn't there", self.name)
    }

    /// Where it is needed.
    pub fn place(&self) -> String {
        format!("step `{}` of {} (line {})", self.step, self.file, self.line)
    }

    /// Where it is looked for.
    pub fn remedy(&self) -> String {
        format!("put it into {}   (set by [secrets.{}] in motet.toml)", self.source, self.name)
    }
}

/// All keys that aren't there, each provider once.
pub fn missing_keys(plan: &Plan, settings: &Settings) -> Vec<Keyless> {
    let missing = settings.missing_keys(plan);
    let mut found: Vec<Keyless> = Vec::new();
    for_each_target(&plan.root, &mut |step, target| {
        let provider = target.contract.provider();
        let is_new = found.iter().all(|known| known.key.provider != provider);
        if let Some(key) = missing.iter().find(|key| is_new && key.provider == provider) {
            let (file, line) = (step.location.file.to_string(), step.location.line);
            found.push(Keyless { key: key.clone(), step: step.name.clone(), file, line });
        }
    });
    found
}

impl Keyless {
    /// What is missing, in a sentence.
    pub fn sentence(&self) -> String {
        format!("{} needs a key of {}, which isn't there", self.key.operation, self.key.provider)
    }

    /// Where it is needed.
    pub fn place(&self) -> String {
        format!("step `{}` of {} (line {})", self.step, self.file, self.line)
    }

    /// Where it is looked for.
    pub fn remedy(&self) -> String {
        let sources: Vec<String> = self.key.sources.iter().map(ToString::to_string).collect();
        format!(
            "put it into {}   (or say in motet.toml where it is: [providers.{}] key = \"env:NAME\")",
            sources.join(" or "),
            self.key.provider
        )
    }
}

impl Missing {
    /// What is missing, in a sentence.
    pub fn sentence(&self) -> String {
        format!("{} needs {}, which isn't on this machine", self.operation, self.tool.name)
    }

    /// Where it is needed.
    pub fn place(&self) -> String {
        format!("step `{}` of {} (line {})", self.step, self.file, self.line)
    }

    /// How to get it.
    pub fn remedy(&self) -> String {
        format!("install it: {}   (or set its path in motet.toml: {})", self.tool.install, self.tool.setting)
    }
}

/// Refuses a plan that this machine lacks something for.
///
/// # Errors
/// Names all that is missing.
pub fn refuse_missing(plan: &Plan, settings: &Settings) -> Result<(), Problem> {
    let (missing, keyless) = (missing_tools(plan, &settings.tools), missing_keys(plan, settings));
    let secretless = missing_secrets(plan, settings);
    let with_secrets = |problem: Problem, secrets: &[Secretless]| {
        secrets.iter().fold(problem, |problem, other| {
            problem.line(format!("the secret `{}` is missing too: {}", other.name, other.remedy()))
        })
    };
    let of_keys = || {
        let Some((first, others)) = keyless.split_first() else {
            let (first, others) = secretless.split_first()?;
            let problem = Problem::new(Exit::Machine, first.sentence());
            return Some(with_secrets(problem.line(first.place()).line(first.remedy()), others));
        };
        let problem = Problem::new(Exit::Machine, first.sentence()).line(first.place()).line(first.remedy());
        let problem = others.iter().fold(problem, |problem, other| {
            problem.line(format!("{} is missing too: {}", other.key.provider, other.remedy()))
        });
        Some(with_secrets(problem, &secretless))
    };
    let Some((first, others)) = missing.split_first() else { return of_keys().map_or(Ok(()), Err) };
    let mut problem = Problem::new(Exit::Machine, first.sentence()).line(first.place()).line(first.remedy());
    for other in others {
        problem = problem.line(format!("{} is missing too: {}", other.tool.name, other.tool.install));
    }
    for other in &keyless {
        problem = problem.line(format!("a key of {} is missing too: {}", other.key.provider, other.remedy()));
    }
    Err(with_secrets(problem, &secretless))
}
