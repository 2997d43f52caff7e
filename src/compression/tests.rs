//! Compression returns every text unchanged, and reports an error for a damaged or too large frame.

use std::io;

use super::*;

const FORMATS: [Option<Format>; 3] = [None, Some(Format::Zstd), Some(Format::Lz4)];

fn settings(format: Option<Format>, min_size: u64) -> Compression {
    Compression { format, level: 0, min_size }
}

fn back(stored: &[u8]) -> Result<Vec<u8>, Unreadable> {
    original(stored.to_vec(), || u64::MAX)
}

/// Numbers without a pattern, the same in each run (xorshift).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, n: usize) -> usize {
        usize::try_from(self.next() % n as u64).unwrap()
    }

    /// Returns bytes with repetitions, after one of the beginnings that have a meaning here.
    fn text(&mut self) -> Vec<u8> {
        let starts: [&[u8]; 8] = [
            b"",
            b"\x28\xb5\x2f\xfd",
            b"\x04\x22\x4d\x18",
            b"a:1:{",
            b"\x00\x00\x00\x02",
            b"\x1f",
            b"\x03",
            b"{\"n\":1}",
        ];
        let mut text = starts[self.below(starts.len())].to_vec();
        let kinds = 1 + self.below(256);
        for _ in 0..self.below(9000) {
            let byte = u8::try_from(self.below(kinds)).unwrap();
            text.push(byte);
        }
        text
    }
}

#[test]
fn every_text_comes_back_and_what_is_stored_is_never_larger_unless_it_must_be_told_apart() {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    for _ in 0..2000 {
        let text = random.text();
        for format in FORMATS {
            for min_size in [0, 4000] {
                let stored = stored(&text, &settings(format, min_size));
                assert_eq!(back(&stored).as_ref(), Ok(&text));
                assert!(stored.len() <= text.len() || Format::of(&text).is_some());
                let is_small = (text.len() as u64) < min_size;
                assert!(!is_small || Format::of(&text).is_some() || *stored == *text);
            }
        }
    }
}

#[test]
fn what_looks_compressed_is_always_framed() {
    let lz4 = [&[crc8_of(7)][..], &[7, 0, 0, 0, 0x70], b"{\"n\":1}"].concat();
    let lzf = b"\x06{\"n\":1}".to_vec();
    let texts: [&[u8]; 4] = [b"\x28\xb5\x2f\xfdname|i:1;", b"\x04\x22\x4d\x18|i:1;", &lz4, &lzf];
    for text in texts {
        for format in FORMATS {
            let stored = stored(text, &settings(format, 1000));
            assert!(Format::of(&stored).is_some());
            assert_eq!(back(&stored).unwrap(), text);
        }
    }
    // This shows the reason: both would be read as compressed.
    assert_eq!((back(&lz4).unwrap(), back(&lzf).unwrap()), (b"{\"n\":1}".to_vec(), b"{\"n\":1}".to_vec()));
}

fn crc8_of(size: u32) -> u8 {
    let is_sum = |sum: &u8| {
        let stored = [&[*sum][..], &size.to_le_bytes(), &[0x70], b"{\"n\":1}"].concat();
        phpredis::decompressed(&stored).is_some()
    };
    (0..=255).find(is_sum).unwrap()
}

#[test]
fn no_text_of_a_serializer_is_taken_for_something_compressed() {
    let texts: [&[u8]; 14] = [
        b"",
        b"n|i:1;",
        b"|i:1;",
        "\u{fd}|i:1;".as_bytes(),
        b"a:0:{}",
        b"a:1:{s:1:\"n\";i:1;}",
        b"{}",
        b"{\"n\":1}",
        b"\x01ni:1;",
        b"\x1faaaaaaaaaaaaaaaaaaaaaaaaaaaaaaas:3:\"abc\";",
        b"\x03abcN;",
        b"\x90",
        b"\x81\xa1n\x01",
        b"\x82\xc0\x01\xa1n\x01",
    ];
    for text in texts {
        assert_eq!(*stored(text, &settings(None, 0)), *text);
        assert_eq!(back(text).unwrap(), text);
    }
    // An igbinary array: empty (0x14 0), or with a length of 8, 16 or 32 bits, and with any
    // content.
    let mut random = Random(1);
    for kind in [0x14, 0x15, 0x16] {
        for _ in 0..2000 {
            let text = [&[0, 0, 0, 2, kind][..], &random.text()].concat();
            assert_eq!(*stored(&text, &settings(None, 0)), *text);
        }
    }
}

#[test]
fn a_damaged_frame_is_an_error_wherever_it_is_cut_or_changed() {
    let mut random = Random(7);
    let words: [&[u8]; 4] = [b"name", b"price", b"a:3:{", b"s:11:\""];
    let text: Vec<u8> = (0..600).flat_map(|_| words[random.below(4)]).copied().collect();
    for format in [Format::Zstd, Format::Lz4] {
        let frame = stored(&text, &settings(Some(format), 0)).into_owned();
        assert_eq!(Format::of(&frame), Some(format));
        let is_damaged =
            |bytes: &[u8]| matches!(back(bytes), Err(Unreadable::Damaged { format: of, .. }) if of == format);
        for end in 4..frame.len() {
            assert!(is_damaged(&frame[..end]), "{format} cut at {end}");
        }
        for at in 4..frame.len() {
            let mut changed = frame.clone();
            changed[at] ^= 1 << random.below(8);
            // Some bits mean nothing (padding), so a changed frame may still give the text.
            assert!(!matches!(back(&changed), Ok(other) if other != text), "{format} changed at {at}");
        }
        assert!(is_damaged(&[&frame[..], b"more"].concat()));
        assert_eq!(back(&[&frame[..], &frame].concat()).unwrap(), [&text[..], &text].concat());
    }
}

#[test]
fn lz4_cut_between_two_blocks_is_damaged() {
    let text: Vec<u8> = (0..200_000_u32).map(|n| (n / 7).to_le_bytes()[0]).collect();
    let mut encoder = lz4_flex::frame::FrameEncoder::new(Vec::new());
    for piece in text.chunks(50_000) {
        io::Write::write_all(&mut encoder, piece).unwrap();
    }
    let frame = encoder.finish().unwrap();
    assert_eq!(back(&frame).unwrap(), text);
    // Only the end mark is missing.
    assert!(matches!(back(&frame[..frame.len() - 4]), Err(Unreadable::Damaged { .. })));
}

#[test]
fn a_frame_that_others_wrote_piece_by_piece_has_no_size_and_is_read() {
    let text = vec![b'x'; 300_000];
    let mut context = zstd_safe::CCtx::create();
    let mut frame = Vec::with_capacity(400_000);
    let mut output = zstd_safe::OutBuffer::around(&mut frame);
    for piece in text.chunks(1000) {
        context.compress_stream(&mut output, &mut zstd_safe::InBuffer::around(piece)).unwrap();
    }
    while context.end_stream(&mut output).unwrap() > 0 {}
    assert!(matches!(zstd_safe::get_frame_content_size(&frame), Ok(None)));
    assert_eq!(back(&frame).unwrap(), text);
    assert_eq!(original(frame, || 299_999), Err(Unreadable::TooLarge(299_999)));
}

#[test]
fn no_more_than_the_limit_is_decompressed() {
    let text = vec![b'x'; 1 << 20];
    for format in [Format::Zstd, Format::Lz4] {
        let frame = stored(&text, &settings(Some(format), 0)).into_owned();
        assert_eq!(original(frame.clone(), || 1 << 20).unwrap(), text);
        assert_eq!(original(frame.clone(), || (1 << 20) - 1), Err(Unreadable::TooLarge((1 << 20) - 1)));
    }
    // 64 frames of 16 MB, each of a few hundred bytes: a gigabyte.
    let frame = stored(&vec![0; 16 << 20], &settings(Some(Format::Zstd), 0)).into_owned();
    assert!(frame.len() < 2000);
    assert_eq!(original(frame.repeat(64), || 1000), Err(Unreadable::TooLarge(1000)));
    assert_eq!(original(frame.repeat(64), || u64::MAX), Err(Unreadable::TooLarge(MAX_SIZE)));
    // A header that promises 2^60 bytes.
    let header = [b"\x28\xb5\x2f\xfd\xe0".as_slice(), &(1_u64 << 60).to_le_bytes(), &[1, 0, 0]].concat();
    assert_eq!(original(header, || u64::MAX), Err(Unreadable::TooLarge(MAX_SIZE)));
}
