//! Objects in a text.

/// `rustredis.json_objects`
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Objects {
    /// Refuses a text that holds an object: unserialize() on data that others can write is how
    /// gadget chains begin.
    Refuse,
    /// Hands objects over in PHP's serialization.
    Serialize,
}
