//! Answers that come bit by bit: JSON values one a line, and the frames in which two outputs share one stream.

use std::collections::VecDeque;

use bytes::{Buf, Bytes, BytesMut};
use futures_util::Stream;
use http::Response;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use serde::de::DeserializeOwned;

use super::{error::EngineError, http::Client};

/// A longer line is refused: statistics have about 5 kB.
const LINE_BYTES: usize = 4 << 20;
/// A frame's header: the stream's number, three zeros, the length.
const HEADER: usize = 8;
/// A frame that is longer is handed on in pieces. Engines' log drivers make frames of about 16 KiB.
const FRAME_BYTES: usize = 1 << 20;

/// The JSON values of an answer. Ends with `None` where the engine ends the answer, with `Err` where the connection breaks.
pub(super) fn json_lines<T: DeserializeOwned + Send + 'static>(
    client: Client,
    response: Response<Incoming>,
    what: &'static str,
) -> impl Stream<Item = Result<T, EngineError>> + Send + 'static {
    async_stream::try_stream! {
        let mut body = response.into_body();
        let mut buffer = BytesMut::new();
        let mut seen = 0;
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| client.lost(super::http::describe(&error)))?;
            let Ok(data) = frame.into_data() else { continue };
            buffer.extend_from_slice(&data);
            while let Some(at) = memchr::memchr(b'\n', &buffer[seen..]) {
                let line = buffer.split_to(seen + at + 1);
                seen = 0;
                if let Some(value) = value(&line, what)? {
                    yield value;
                }
            }
            seen = buffer.len();
            if seen > LINE_BYTES {
                Err(EngineError::Protocol { what: what.into(), why: "a line has no end".into() })?;
            }
        }
        if let Some(value) = value(&buffer, what)? {
            yield value;
        }
    }
}

fn value<T: DeserializeOwned>(line: &[u8], what: &'static str) -> Result<Option<T>, EngineError> {
    let line = line.trim_ascii();
    if line.is_empty() {
        return Ok(None);
    }
    serde_json::from_slice(line)
        .map(Some)
        .map_err(|error| EngineError::Protocol { what: what.into(), why: error.to_string() })
}

/// Which output a frame belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OutputStream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
    /// The one stream of a terminal.
    Console,
}

/// Takes a multiplexed stream apart. A frame comes out as a whole, except where it is longer than a megabyte.
#[derive(Debug, Default)]
pub(super) struct Demux {
    buffer: BytesMut,
    /// The rest of a frame that comes in pieces.
    rest: Option<(OutputStream, usize)>,
    ready: VecDeque<(OutputStream, Bytes)>,
}

impl Demux {
    /// Takes the next bytes.
    ///
    /// # Errors
    ///
    /// What is wrong, when they are no frames.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Result<(), &'static str> {
        self.buffer.extend_from_slice(bytes);
        loop {
            if let Some((stream, left)) = self.rest {
                if self.buffer.is_empty() {
                    return Ok(());
                }
                let taken = left.min(self.buffer.len());
                self.ready.push_back((stream, self.buffer.split_to(taken).freeze()));
                self.rest = Some((stream, left - taken)).filter(|(_, left)| *left > 0);
                continue;
            }
            let Some(header) = self.buffer.get(..HEADER) else { return Ok(()) };
            let stream = match header[0] {
                // 0 is an echo of standard input; 3 is a message of the engine's own.
                0 | 1 => OutputStream::Stdout,
                2 | 3 => OutputStream::Stderr,
                _ => return Err("it has no frames"),
            };
            let length = u32::from_be_bytes([header[4], header[5], header[6], header[7]]) as usize;
            if length > FRAME_BYTES {
                self.buffer.advance(HEADER);
                self.rest = Some((stream, length));
            } else if self.buffer.len() >= HEADER + length {
                self.buffer.advance(HEADER);
                self.ready.push_back((stream, self.buffer.split_to(length).freeze()));
            } else {
                return Ok(());
            }
        }
    }

    /// The next frame.
    pub(super) fn pop(&mut self) -> Option<(OutputStream, Bytes)> {
        self.ready.pop_front()
    }

    /// Nothing of a frame is left over.
    pub(super) fn is_at_boundary(&self) -> bool {
        self.buffer.is_empty() && self.rest.is_none()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn frame(stream: u8, text: &[u8]) -> Vec<u8> {
        let mut frame = vec![stream, 0, 0, 0];
        frame.extend(u32::try_from(text.len()).unwrap().to_be_bytes());
        frame.extend(text);
        frame
    }

    #[test]
    fn what_has_no_frames_is_refused() {
        assert_eq!(Demux::default().push(b"hello world"), Err("it has no frames"));
    }

    #[test]
    fn a_huge_frame_comes_in_pieces() {
        let mut demux = Demux::default();
        let bytes = frame(2, &vec![b'x'; FRAME_BYTES + 10]);
        demux.push(&bytes[..100]).unwrap();
        assert_eq!(demux.pop().unwrap().1.len(), 92);
        demux.push(&bytes[100..]).unwrap();
        assert_eq!(demux.pop().unwrap(), (OutputStream::Stderr, vec![b'x'; FRAME_BYTES + 10 - 92].into()));
        assert!(demux.is_at_boundary());
    }

    proptest! {
        #[test]
        fn any_chunking_gives_the_same_frames(
            frames in proptest::collection::vec((1u8..3, proptest::collection::vec(any::<u8>(), 0..40)), 0..8),
            cuts in proptest::collection::vec(1usize..20, 1..60),
        ) {
            let bytes: Vec<u8> = frames.iter().flat_map(|(stream, text)| frame(*stream, text)).collect();
            let mut demux = Demux::default();
            let (mut rest, mut cuts) = (&bytes[..], cuts.iter().cycle());
            while !rest.is_empty() {
                let (piece, after) = rest.split_at(rest.len().min(*cuts.next().unwrap()));
                demux.push(piece).unwrap();
                rest = after;
            }
            let got: Vec<_> = std::iter::from_fn(|| demux.pop()).collect();
            let expected: Vec<_> = frames
                .into_iter()
                .map(|(stream, text)| (if stream == 1 { OutputStream::Stdout } else { OutputStream::Stderr }, Bytes::from(text)))
                .collect();
            prop_assert_eq!(got, expected);
            prop_assert!(demux.is_at_boundary());
        }
    }
}
