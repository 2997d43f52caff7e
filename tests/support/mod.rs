//! Code that the tests share: real Redis servers, a proxy that counts round trips, PHP processes,
//! php-fpm pools and Apache.
//!
//! Each test program compiles this module for itself and uses a part of it.
#![allow(dead_code, reason = "each test program uses another part")]

pub mod acl;
pub mod apache;
pub mod callgrind;
pub mod cli_server;
pub mod cluster;
pub mod fake_sentinel;
pub mod fastcgi;
pub mod fpm;
pub mod frameworks;
pub mod fuzz;
pub mod http;
pub mod one_session;
pub mod outage;
pub mod php;
pub mod phpredis;
pub mod poll;
pub mod port;
pub mod process;
pub mod proxy;
pub mod python;
pub mod random;
pub mod redis;
pub mod redis_program;
pub mod sentinel;
pub mod session;
pub mod temp_dir;
pub mod tls;
