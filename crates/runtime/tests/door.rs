//! The one door to the network: against real servers on this machine, and under virtual time.

#[path = "door/server.rs"]
mod server;
#[path = "door/wire.rs"]
mod wire;
