//! What this machine lacks for a plan, with the step that asks for it.

use motet::language::Plan;
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
pub fn refuse_missing(plan: &Plan, tools: &Tools) -> Result<(), Problem> {
    let missing = missing_tools(plan, tools);
    let Some((first, others)) = missing.split_first() else { return Ok(()) };
    let mut problem = Problem::new(Exit::Machine, first.sentence()).line(first.place()).line(first.remedy());
    for other in others {
        problem = problem.line(format!("{} is missing too: {}", other.tool.name, other.tool.install));
    }
    Err(problem)
}
