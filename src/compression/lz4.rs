//! lz4 frames.

use std::io::{self, Read, Write};

use lz4_flex::frame::{BlockMode, FrameDecoder, FrameEncoder, FrameInfo};

use super::format::{Format, Unreadable};

/// Returns one frame with the size of its content and a checksum.
pub fn compressed(text: &[u8]) -> Vec<u8> {
    let info = FrameInfo::new()
        .block_mode(BlockMode::Independent)
        .content_size(Some(text.len() as u64))
        .content_checksum(true);
    let mut encoder = FrameEncoder::with_frame_info(info, Vec::new());
    encoder.write_all(text).expect("a Vec takes all bytes");
    encoder.finish().expect("a Vec takes all bytes, and the size is that of the text")
}

/// Returns the content of a frame, or of several frames in a row, as the format allows.
pub fn decompressed(frame: &[u8], limit: usize) -> Result<Vec<u8>, Unreadable> {
    let mut decoder = FrameDecoder::new(Input { rest: frame, ended: false });
    let mut text = Vec::new();
    loop {
        // One byte more than the limit shows that there is more.
        let room = (limit + 1 - text.len()) as u64;
        decoder.by_ref().take(room).read_to_end(&mut text).map_err(|error| Format::Lz4.damaged(error))?;
        if text.len() > limit {
            return Err(Unreadable::TooLarge(limit));
        }
        match decoder.get_ref() {
            // The decoder takes an end of input between two blocks for the end of the frame.
            Input { ended: true, .. } => return Err(Format::Lz4.damaged("it ends too early")),
            Input { rest: [], .. } => return Ok(text),
            // The next frame needs a decoder of its own, because this one keeps the block size of
            // its first frame.
            &Input { rest, .. } => decoder = FrameDecoder::new(Input { rest, ended: false }),
        }
    }
}

/// The input, and whether the decoder wanted to read beyond its end.
struct Input<'a> {
    rest: &'a [u8],
    ended: bool,
}

impl Read for Input<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.ended |= self.rest.len() < buffer.len();
        self.rest.read(buffer)
    }
}
