//! How to ask a model at a vendor: one folder per vendor.
//!
//! * [`http`]: what an adapter says to a vendor and hears from it, as data. The one door that
//!   opens connections is not here.

pub mod http;
