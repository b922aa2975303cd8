//! What a run does, told as stories: each under hand-driven time, with a host that is three sets.

mod absence;
mod bounds;
mod branches;
mod cancellation;
mod dispatcher;
mod fallbacks;
mod fan_out;
mod groups;
mod model;
mod old_journals;
mod outputs;
mod parts;
mod pieces;
mod pins;
mod post;
mod properties;
mod regressions;
mod retries;
mod scenario;
mod shapes;
mod slots;
mod stored_values;
mod time;
mod two_processes;
mod unplanned;
mod waves;
