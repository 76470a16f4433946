//! The terminal while the dashboard has it: entering and leaving the alternate screen, drawing, giving it away and back.
//!
//! Invariant: whoever ends devbox in whatever way (a return, a panic on the loop's thread, a signal), [`restore`] has run
//! before the process is gone. Nothing asks the terminal a question while the keys' stream lives: `Terminal::clear` does, so a
//! full repaint goes through `resize`.

use std::{
    io::{self, BufWriter, Stdout, Write},
    sync::atomic::{AtomicBool, Ordering},
};

use crossterm::{
    clipboard::CopyToClipboard,
    cursor,
    event::{DisableBracketedPaste, DisableMouseCapture, EnableBracketedPaste, EnableMouseCapture},
    execute, queue,
    terminal::{self, EnterAlternateScreen, LeaveAlternateScreen, SetTitle},
};
use ratatui::{Terminal, backend::CrosstermBackend, layout::Rect};

use crate::{app::state::State, ui};

/// Whether the terminal is in the dashboard's hands; the panic hook and [`Screen`] both read it.
static TAKEN: AtomicBool = AtomicBool::new(false);

/// A frame of a large terminal, so that it is written at once.
const FRAME: usize = 64 * 1024;

/// The terminal, in the dashboard's hands until dropped.
pub struct Screen {
    terminal: Terminal<CrosstermBackend<BufWriter<Stdout>>>,
    mouse: bool,
}

impl Screen {
    /// Takes the terminal.
    ///
    /// # Errors
    /// The system's, when there is none or it refuses.
    pub fn enter(title: &str, mouse: bool) -> io::Result<Self> {
        take(mouse)?;
        let entered = || {
            execute!(io::stdout(), SetTitle(title))?;
            Terminal::new(CrosstermBackend::new(BufWriter::with_capacity(FRAME, io::stdout())))
        };
        match entered() {
            Ok(terminal) => Ok(Self { terminal, mouse }),
            Err(error) => {
                restore();
                Err(error)
            }
        }
    }

    /// Columns and rows.
    ///
    /// # Errors
    /// The system's.
    pub fn size(&self) -> io::Result<(u16, u16)> {
        terminal::size()
    }

    /// Draws a frame; only cells that changed are written.
    ///
    /// # Errors
    /// The terminal is gone.
    pub fn draw(&mut self, state: &State) -> io::Result<()> {
        self.terminal.draw(|frame| ui::draw(state, frame))?;
        self.terminal.backend_mut().flush()
    }

    /// The next frame is written whole.
    ///
    /// # Errors
    /// The terminal is gone.
    pub fn repaint(&mut self) -> io::Result<()> {
        let (columns, rows) = terminal::size()?;
        self.terminal.resize(Rect::new(0, 0, columns, rows))
    }

    /// Gives the mouse to the dashboard or to the terminal's own selection.
    ///
    /// # Errors
    /// The terminal is gone.
    pub fn set_mouse(&mut self, mouse: bool) -> io::Result<()> {
        self.mouse = mouse;
        if mouse { execute!(io::stdout(), EnableMouseCapture) } else { execute!(io::stdout(), DisableMouseCapture) }
    }

    /// Puts text on the clipboard of the user's terminal, also over ssh (OSC 52).
    ///
    /// # Errors
    /// The terminal is gone.
    pub fn copy(&mut self, text: &str) -> io::Result<()> {
        execute!(io::stdout(), CopyToClipboard::to_clipboard_from(text))
    }

    /// Gives the terminal to somebody else, in the state in which shells have it.
    pub fn give(&mut self) {
        restore();
    }

    /// Takes it back; the next frame is written whole.
    ///
    /// # Errors
    /// The terminal is gone.
    pub fn take_back(&mut self) -> io::Result<()> {
        take(self.mouse)?;
        self.repaint()
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        restore();
    }
}

fn take(mouse: bool) -> io::Result<()> {
    TAKEN.store(true, Ordering::SeqCst);
    terminal::enable_raw_mode()?;
    let mut out = io::stdout();
    queue!(out, EnterAlternateScreen, cursor::Hide, EnableBracketedPaste)?;
    if mouse {
        queue!(out, EnableMouseCapture)?;
    }
    out.flush()
}

/// Gives the terminal back as it was. Doing it twice is harmless; a terminal that is gone is no error.
pub fn restore() {
    if !TAKEN.swap(false, Ordering::SeqCst) {
        return;
    }
    let _ = execute!(io::stdout(), DisableMouseCapture, DisableBracketedPaste, LeaveAlternateScreen, cursor::Show);
    let _ = terminal::disable_raw_mode();
}

/// A panic on this thread restores the terminal before its message is printed. Panics of tasks on other threads are
/// contained and told in the dashboard, so they leave the terminal alone.
pub fn restore_on_panic() {
    let thread = std::thread::current().id();
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        if std::thread::current().id() == thread {
            restore();
            before(info);
        } else if TAKEN.load(Ordering::SeqCst) {
            tracing::error!("{info}");
        } else {
            before(info);
        }
    }));
}
