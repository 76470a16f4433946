//! Escape sequences (ECMA-48), told apart but not carried out.

/// Movements past this column are cut short, so that a number in a log cannot ask for memory.
pub(super) const FARTHEST: usize = 4096;

/// A movement or an erasure within the line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Motion {
    /// To the first column.
    Start,
    /// To this column, from 0.
    Column(usize),
    /// So many columns back.
    Left(usize),
    /// So many columns on.
    Right(usize),
    /// From here to the end.
    EraseRight,
    /// From the beginning to here.
    EraseLeft,
    /// The whole line.
    EraseAll,
}

/// What follows an ESC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Escape<'a> {
    /// SGR with these parameters.
    Style(&'a str),
    /// Moves or erases within the line.
    Motion(Motion),
    /// Well-formed, and means nothing in a log.
    Ignored,
    /// Not a sequence, or without an end.
    Broken,
}

/// Reads the sequence whose ESC stood right before `rest`, and says how many bytes of `rest` belong to it.
pub(super) fn read(rest: &str) -> (Escape<'_>, usize) {
    let bytes = rest.as_bytes();
    match bytes.first() {
        Some(b'[') => control(rest),
        Some(b']' | b'P' | b'X' | b'^' | b'_') => string(bytes),
        Some(0x20..=0x7e) => {
            let intermediates = bytes.iter().take_while(|byte| (0x20..0x30).contains(*byte)).count();
            match bytes.get(intermediates) {
                Some(0x30..=0x7e) => (Escape::Ignored, intermediates + 1),
                _ => (Escape::Broken, 0),
            }
        }
        _ => (Escape::Broken, 0),
    }
}

/// CSI: `[`, parameters, intermediates, one final byte.
fn control(rest: &str) -> (Escape<'_>, usize) {
    let bytes = rest.as_bytes();
    let parameters_end = 1 + bytes[1..].iter().take_while(|byte| (0x30..0x40).contains(*byte)).count();
    let end = parameters_end + bytes[parameters_end..].iter().take_while(|byte| (0x20..0x30).contains(*byte)).count();
    let Some(last @ 0x40..=0x7e) = bytes.get(end) else { return (Escape::Broken, 0) };
    let parameters = &rest[1..parameters_end];
    let private = parameters.starts_with(['<', '=', '>', '?']) || end > parameters_end;
    let number = |default: usize| match parameters.split([';', ':']).next() {
        Some("") | None => default,
        Some(digits) => digits.parse().unwrap_or(FARTHEST).min(FARTHEST),
    };
    let escape = match last {
        _ if private => Escape::Ignored,
        b'm' => Escape::Style(parameters),
        b'K' => match number(0) {
            0 => Escape::Motion(Motion::EraseRight),
            1 => Escape::Motion(Motion::EraseLeft),
            _ => Escape::Motion(Motion::EraseAll),
        },
        b'G' | b'`' => Escape::Motion(Motion::Column(number(1).saturating_sub(1))),
        b'C' | b'a' => Escape::Motion(Motion::Right(number(1).max(1))),
        b'D' => Escape::Motion(Motion::Left(number(1).max(1))),
        _ => Escape::Ignored,
    };
    (escape, end + 1)
}

/// OSC, DCS, SOS, PM, APC: anything up to ESC \, or up to BEL for OSC.
fn string(bytes: &[u8]) -> (Escape<'static>, usize) {
    let osc = bytes[0] == b']';
    let mut at = 1;
    while let Some(found) = memchr::memchr2(0x1b, 0x07, &bytes[at..]) {
        at += found;
        match (bytes[at], bytes.get(at + 1)) {
            (0x07, _) if osc => return (Escape::Ignored, at + 1),
            (0x1b, Some(b'\\')) => return (Escape::Ignored, at + 2),
            // Another sequence begins: this one was never ended.
            (0x1b, _) => return (Escape::Broken, 0),
            _ => at += 1,
        }
    }
    (Escape::Broken, 0)
}
