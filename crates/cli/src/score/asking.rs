//! Whether a person is asked before a run that may cost.

use motet::language::estimate::PlanEstimate;
use motet::language::value::Map;
use motet::language::{Money, Plan};

use crate::exit::Exit;
use crate::problem::Problem;
use crate::render::line::{Line, Tone};
use crate::render::money::{dollars, range};
use crate::terminal::Terminal;

/// Asks before a run that is likely to cost more than `ask_above`, or of which nobody knows what a step costs.
/// False if the answer was no.
///
/// # Errors
/// When there is no terminal to ask on: names the flags that answer.
pub fn is_wanted(plan: &Plan, inputs: &Map, ask_above: Money, terminal: &Terminal) -> Result<bool, Problem> {
    let estimate = plan.estimate(inputs);
    let Some(why) = reason(&estimate, ask_above) else { return Ok(true) };
    terminal.note_line(&Line::of(Tone::Doubtful, &why));
    match terminal.ask("Run it? [y/N] ") {
        Some(answer) => Ok(answer),
        None => Err(Problem::new(
            Exit::Usage,
            "there is no terminal to ask on; nothing ran and nothing was spent",
        )
        .line("set the most that it may spend: --budget DOLLARS")
        .line("or start it without one: --yes")),
    }
}

fn reason(estimate: &PlanEstimate, ask_above: Money) -> Option<String> {
    let unpriced: Vec<String> = estimate
        .unpriced()
        .filter_map(|step| Some(format!("{} ({})", step.step, step.unpriced.as_ref()?.0)))
        .collect();
    let total = &estimate.total;
    match unpriced.as_slice() {
        [] if total.likely > ask_above => {
            Some(format!("this run is likely to cost {} ({})", dollars(total.likely), range(total)))
        }
        [] => None,
        unpriced => Some(format!(
            "nobody knows what this run costs: the price is unknown of {}; all else is likely to cost {}",
            unpriced.join(", "),
            dollars(total.likely)
        )),
    }
}
