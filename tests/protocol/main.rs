//! Tests that need neither a server nor PHP: the lock in every order of events, foreign texts, the
//! layers of src/, and the documents that repeat what the code says.

mod hostile_texts;
mod layers;
mod model;
mod named_tests;
mod programs;
mod prose;
mod settings;
#[path = "../support/mod.rs"]
mod support;
mod tree;
mod wire_format;
