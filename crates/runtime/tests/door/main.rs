//! The one door to the network: against real servers on this machine, and under virtual time.

mod addresses;
mod bodies;
mod server;
mod stage;
mod tapes;
mod tls;
mod virtual_time;
mod wire;
