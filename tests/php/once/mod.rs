//! Tests whose results neither another PHP nor another Redis can change, or that judge more than a
//! request. scripts/test leaves them out where it repeats the tests of this folder.

mod command;
mod first_lines;
mod imports;
mod install;
mod json_property;
mod lies;
mod names;
mod own_ports;
