//! [`super::Store`] in memory, for tests.
