//! The cost of the serializers: turning `$_SESSION` into text and back.

use super::process::{Handler, Setup, Worker};
use super::report::{Table, paragraph, times, us};
use super::stats::{floats, median, ratio};
use super::{Bench, CLIENT_CORE};

const SERIALIZERS: [&str; 5] = ["json", "php", "php_serialize", "igbinary", "msgpack"];
const SIZES: [u32; 3] = [1 << 10, 10 << 10, 100 << 10];

pub fn run(bench: &Bench) -> String {
    let mut text = String::new();
    paragraph(&mut text, "### Serializers");
    paragraph(
        &mut text,
        "session_encode() and session_decode() of a shop's session (maps, lists, strings with and without accents, \
         integers, floats, booleans, null), in microseconds, and the stored bytes; beside them PHP's json_encode() and \
         json_decode() on the same array, which do less: they bring back no bytes, no floats like NAN, no keys as they \
         were.",
    );
    let mut names: Vec<_> = SERIALIZERS.iter().map(|name| format!("serialize_handler={name}")).collect();
    names.push("json_encode + json_decode".into());
    let mut table = Table::new(&["", "1 KB", "10 KB", "100 KB", "10 KB of json_*", "bytes of 10 KB"]);
    let columns = SIZES.map(|size| one_size(bench, size));
    for (row, name) in names.into_iter().enumerate() {
        let medians = columns.iter().map(|column| us(median(&column[row].0)));
        let (ten, plain) = (&columns[1][row], &columns[1][SERIALIZERS.len()]);
        let last = [format!("{} x", times(ratio(&ten.0, &plain.0))), ten.1.to_string()];
        table.row(std::iter::once(name).chain(medians).chain(last));
    }
    text + &table.markdown()
}

/// The medians of the rounds and the stored bytes, first of each serializer and then of the
/// functions.
fn one_size(bench: &Bench, size: u32) -> Vec<(Vec<f64>, u64)> {
    let setup = Setup::new(Handler::Files, &bench.folder("sessions"));
    let jobs = SERIALIZERS.iter().map(|&name| (name, "codec")).chain([("php", "functions")]);
    let mut workers: Vec<_> = jobs
        .map(|(serializer, whose)| {
            let worker = Worker::php(&Setup { serializer, ..setup.clone() }, Some(CLIENT_CORE));
            (worker, format!("codec {whose} {size}"), Vec::new(), 0)
        })
        .collect();
    let count = bench.cycles(20_000_000 / size / 100).max(5);
    // The first round only warms up, so there is one more than is counted.
    for round in 0..=bench.rounds(21) as usize {
        for turn in 0..workers.len() {
            let number = (round + turn) % workers.len();
            let (worker, job, medians, bytes) = &mut workers[number];
            let mut answer = worker.run(&format!("{job} {count}"));
            *bytes = answer.pop().expect("the last number is the size");
            if round > 0 {
                medians.push(median(&floats(&answer)));
            }
        }
    }
    workers.into_iter().map(|(_, _, medians, bytes)| (medians, bytes)).collect()
}
