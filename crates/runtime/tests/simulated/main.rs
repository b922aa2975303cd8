//! Whole runs against the simulated providers, under virtual time: what is sent, what is kept and what is paid,
//! whatever fails and whenever the process dies.
//!
//! A seed is a story: a pipeline, what goes wrong at the providers, and the moments at which the process dies. After
//! each story all [`laws`] must hold. `make simulate SEEDS=n FIRST=n` plays others than the tests do.

mod asked;
mod cases;
mod courtesy;
mod dice;
mod films;
mod laws;
mod life;
mod mutants;
mod play;
mod providers;
mod rates;
mod regressions;
mod seeds;
mod seen;
mod sequel;
#[path = "../stage/mod.rs"]
mod stage;
mod story;
mod succession;
mod sums;
mod table;
mod timeouts;
