//! Tags: objects with one member that stand for a PHP value JSON has no word for.

use base64::{Engine, engine::general_purpose::STANDARD};

use super::{
    objects::Objects,
    problem::Problem,
    tape::{Op, Position, Tape},
};

/// Replaces the object at `map`, which has one member, by the value that it stands for. An object
/// that is no known tag stays an array.
pub(super) fn replace(tape: &mut Tape, json: &[u8], objects: Objects, map: Position) -> Result<(), Problem> {
    let value = map + 2;
    match tape.string(map + 1, json) {
        Some(b"$bytes") => bytes(tape, json, map, value)?,
        Some(b"$float") => float(tape, json, map, value),
        Some(b"$map") => pairs(tape, map, value),
        Some(b"$object") => object(tape, json, objects, map, value)?,
        _ => {}
    }
    Ok(())
}

fn bytes(tape: &mut Tape, json: &[u8], map: Position, value: Position) -> Result<(), Problem> {
    if let Some(Ok(bytes)) = tape.string(value, json).map(|text| STANDARD.decode(text)) {
        tape.truncate(map);
        tape.bytes_of(Op::Bytes, &bytes)?;
    }
    Ok(())
}

fn float(tape: &mut Tape, json: &[u8], map: Position, value: Position) {
    let float = match tape.string(value, json) {
        Some(b"NAN") => f64::NAN,
        Some(b"INF") => f64::INFINITY,
        Some(b"-INF") => f64::NEG_INFINITY,
        _ => return,
    };
    tape.truncate(map);
    tape.float(float);
}

/// A list of pairs becomes a map. Of the heads of the map, the list and the pairs, only the first
/// stays.
fn pairs(tape: &mut Tape, map: Position, value: Position) {
    if tape.op(value) != Some(Op::List) {
        return;
    }
    let count = tape.count(value);
    let mut members = Vec::new();
    let mut position = value + 1;
    for _ in 0..count {
        let is_pair = tape.op(position) == Some(Op::List) && tape.count(position) == 2;
        let is_key = matches!(tape.op(position + 1), Some(Op::Int | Op::WideInt | Op::Text | Op::Bytes));
        if !is_pair || !is_key {
            return;
        }
        let end = tape.after(position);
        members.extend_from_slice(&tape.words()[position + 1..end]);
        position = end;
    }
    tape.truncate(map);
    tape.open(Op::Map);
    tape.close(map, count);
    tape.append(&members);
}

fn object(
    tape: &mut Tape,
    json: &[u8],
    objects: Objects,
    map: Position,
    value: Position,
) -> Result<(), Problem> {
    let Some(serialized) = tape.string(value, json).map(<[u8]>::to_vec) else { return Ok(()) };
    if objects == Objects::Refuse {
        return Err(Problem("it holds an object, which only rustredis.json_objects=serialize reads"));
    }
    tape.truncate(map);
    tape.bytes_of(Op::Object, &serialized)?;
    Ok(())
}
