//! Whether a person is asked before a run that may cost.

use motet::Forecast;
use motet::language::Money;
use motet::language::estimate::{PlanEstimate, Spread};

use crate::exit::Exit;
use crate::problem::Problem;
use crate::render::line::{Line, Tone};
use crate::render::money::{dollars, range};
use crate::terminal::Terminal;

/// What is going to be spent, as far as it is known.
pub struct Expense {
    total: Spread,
    /// The steps of which nobody knows the price, with their operations.
    unpriced: Vec<String>,
}

impl Expense {
    /// Of a whole run.
    pub fn of_plan(estimate: &PlanEstimate) -> Expense {
        let unpriced = estimate.unpriced();
        let unpriced =
            unpriced.filter_map(|step| Some(format!("{} ({})", step.step, step.unpriced.as_ref()?.0)));
        Expense { total: estimate.total, unpriced: unpriced.collect() }
    }

    /// Of what isn't kept from an earlier run.
    pub fn of_forecast(forecast: &Forecast) -> Expense {
        let unpriced = forecast.unpriced().map(|(step, operation)| format!("{step} ({operation})"));
        Expense { total: forecast.spend, unpriced: unpriced.collect() }
    }
}

/// Asks before a run that is likely to cost more than `ask_above`, or of which nobody knows what a step costs.
/// False if the answer was no.
///
/// # Errors
/// When there is no terminal to ask on: names the flags that answer.
pub fn is_wanted(expense: &Expense, ask_above: Money, terminal: &Terminal) -> Result<bool, Problem> {
    let Some(why) = reason(expense, ask_above) else { return Ok(true) };
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

fn reason(Expense { total, unpriced }: &Expense, ask_above: Money) -> Option<String> {
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
