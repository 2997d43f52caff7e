//! Sessions of pages that Apache's PHP module serves: under prefork, or with threads if PHP is
//! thread-safe.

mod apache;
mod support;
