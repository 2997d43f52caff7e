//! Tests that need neither a server nor PHP: the lock in every order of events, foreign texts, the
//! layers of src/, and the numbers of docs/wire-format.md.

mod hostile_texts;
mod layers;
mod model;
mod programs;
#[path = "../support/mod.rs"]
mod support;
mod wire_format;
