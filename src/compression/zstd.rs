//! zstd frames. Each thread keeps its contexts: a context has some hundred kilobytes, which no
//! request should allocate anew.

use std::cell::RefCell;

use zstd_safe::{CCtx, CParameter, DCtx, InBuffer, OutBuffer, ResetDirective};

use super::format::{Format, Unreadable};

thread_local! {
    static COMPRESSOR: RefCell<Option<CCtx<'static>>> = const { RefCell::new(None) };
    static DECOMPRESSOR: RefCell<Option<DCtx<'static>>> = const { RefCell::new(None) };
}

/// The first buffer for a text of unknown size, as a multiple of its frame's size.
const FIRST_GUESS: usize = 4;

/// Returns one frame with a checksum and with the size of its content, which phpredis needs; `None`
/// if there is no memory for it.
pub fn compressed(text: &[u8], level: i32) -> Option<Vec<u8>> {
    COMPRESSOR.with_borrow_mut(|slot| {
        let context = match slot {
            Some(context) => context,
            None => slot.insert(CCtx::try_create()?),
        };
        // An earlier failure may have left data in the context.
        context.reset(ResetDirective::SessionOnly).ok()?;
        context.set_parameter(CParameter::CompressionLevel(level)).ok()?;
        context.set_parameter(CParameter::ChecksumFlag(true)).ok()?;
        let mut frame = Vec::with_capacity(zstd_safe::compress_bound(text.len()));
        context.compress2(&mut frame, text).ok()?;
        frame.shrink_to_fit();
        Some(frame)
    })
}

/// Returns the content of a frame, or of several frames in a row, as the format allows.
pub fn decompressed(frame: &[u8], limit: usize) -> Result<Vec<u8>, Unreadable> {
    let size = match zstd_safe::get_frame_content_size(frame) {
        Ok(Some(size)) if size > limit as u64 => return Err(Unreadable::TooLarge(limit)),
        Ok(Some(size)) => usize::try_from(size).unwrap_or(limit),
        // A library of another language has written the frame piece by piece.
        Ok(None) => frame.len().saturating_mul(FIRST_GUESS).min(limit),
        Err(_) => return Err(Format::Zstd.damaged("its header makes no sense")),
    };
    let no_memory = || Unreadable::NoMemory(Format::Zstd);
    DECOMPRESSOR.with_borrow_mut(|slot| {
        let context = match slot {
            Some(context) => context,
            None => slot.insert(DCtx::try_create().ok_or_else(no_memory)?),
        };
        let damaged = |code| Format::Zstd.damaged(zstd_safe::get_error_name(code));
        context.reset(ResetDirective::SessionOnly).map_err(damaged)?;
        let mut text = Vec::new();
        // The buffer has a byte to spare, because a full buffer does not show whether the text
        // fits.
        text.try_reserve_exact(size + 1).map_err(|_| no_memory())?;
        let mut input = InBuffer::around(frame);
        loop {
            let filled = text.len();
            let left = context
                .decompress_stream(&mut OutBuffer::around_pos(&mut text, filled), &mut input)
                .map_err(damaged)?;
            if text.len() > limit {
                return Err(Unreadable::TooLarge(limit));
            }
            if input.pos() == frame.len() {
                match left {
                    0 => return Ok(text),
                    _ if text.len() < text.capacity() => {
                        return Err(Format::Zstd.damaged("it ends too early"));
                    }
                    _ => {}
                }
            }
            if text.len() == text.capacity() {
                text.try_reserve(text.len()).map_err(|_| no_memory())?;
            }
        }
    })
}
