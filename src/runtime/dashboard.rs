//! The dashboard's loop: keys, signals, messages, frames, lines, in that order.
//!
//! Invariants: what a key did is drawn at once; everything else at most every 33 ms; nothing is drawn when nothing changed.
//! Each turn takes a bounded number of each kind, so that no flood starves the keys. The loop waits for nothing but its
//! sources, except while a shell has the terminal, and then messages are still taken in.

use std::{
    collections::{BTreeMap, BTreeSet},
    future::poll_fn,
    io,
    path::PathBuf,
    sync::Arc,
    task::Poll,
    time::{Duration, SystemTime},
};

use crossterm::event::{Event, EventStream, KeyEventKind};
use futures_util::StreamExt;
use tokio::time::{Instant, sleep_until};

use super::{
    effects::{Effects, Received, Session, now},
    own_log, shell,
    signals::{self, Signal, Signals},
    terminal::{self, Screen},
};
use crate::{
    app::{
        effect::{self, Effect, Quit},
        keymap::Keymap,
        message::{self, Input, Message},
        overlay::Overlay,
        state::{Appearance, Colours, State},
        update::update,
    },
    compose,
    engine::{ConnectOptions, Engine},
    model::{Diagnostic, OnChange, Place, Project, ServiceName},
    plan::Goal,
    settings::{Folders, Memory, Settings},
    ui::theme::THEMES,
};

/// Between two frames that no key asked for.
const FRAME: Duration = Duration::from_millis(33);
/// Keys, messages and batches of lines that one turn takes.
const KEYS: usize = 64;
const MESSAGES: usize = 64;
const BATCHES: usize = 8;

/// What the dashboard is opened with.
#[derive(Debug)]
pub struct DashboardRequest {
    /// What should exist.
    pub project: Project,
    /// Where the compose file publishes each service's ports.
    pub published: Arc<BTreeMap<ServiceName, Place>>,
    /// What the loader warned of.
    pub warnings: Vec<Diagnostic>,
    /// What the loader read or looked for, absolute.
    pub files: BTreeSet<PathBuf>,
    /// When reading them began.
    pub read_at: SystemTime,
    /// How the files were read, to read them again when they change.
    pub load: compose::Request,
    /// How to find the engine.
    pub connect: ConnectOptions,
    /// What to do as soon as the engine answers; `None` opens it and starts nothing.
    pub goal: Option<Goal>,
    /// `--on-change`.
    pub on_change: Option<OnChange>,
    /// The user's settings.
    pub settings: Settings,
    /// What was wrong with them.
    pub settings_warnings: Vec<Diagnostic>,
    /// The user's folders, where they are known.
    pub folders: Option<Folders>,
    /// The terminal may show colours (`NO_COLOR`, `--ansi`).
    pub colour: bool,
}

/// How the dashboard ended, and the line to leave behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// How.
    pub quit: Quit,
    /// What goes on, in a sentence for the shell; empty where there is nobody to read it.
    pub words: String,
}

/// Opens the dashboard and stays until the user leaves it.
///
/// # Errors
/// There is no terminal, or it is gone.
pub fn run(request: DashboardRequest) -> Result<Ended, Box<Diagnostic>> {
    terminal::restore_on_panic();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("devbox")
        .enable_all()
        .build()
        .map_err(|error| Box::new(Diagnostic::error(format!("no thread can be started: {error}"))))?;
    let ended = runtime.block_on(open(request));
    // What still blocks is a file or a browser; nobody waits for it.
    runtime.shutdown_background();
    ended
}

fn no_terminal(error: io::Error) -> Box<Diagnostic> {
    let what = format!("the terminal can't be used: {error}");
    let help = "run devbox in a terminal, or use `devbox up -d`, `devbox ps` and `devbox logs`";
    Box::new(Diagnostic::error(what).help(help))
}

async fn open(request: DashboardRequest) -> Result<Ended, Box<Diagnostic>> {
    let mut screen =
        Screen::enter(&format!("devbox {}", request.project.name), request.settings.mouse).map_err(no_terminal)?;
    let signals = Signals::new().map_err(no_terminal)?;
    let session = Session {
        connect: request.connect.clone(),
        load: request.load.clone(),
        project: Arc::new(request.project.clone()),
        published: Arc::clone(&request.published),
        read_at: request.read_at,
        folders: request.folders.clone(),
    };
    let state = first_state(request, &session);
    let mut first = Frames { state, drawn: Instant::now() };
    let size = screen.size().map_err(no_terminal)?;
    update(&mut first.state, Message::Input(Input::Resized(size.0, size.1)), now());
    // The services are on the screen before anything is asked of the engine.
    first.draw(&mut screen).map_err(no_terminal)?;
    let (effects, received) = Effects::start(session.clone());
    let mut dashboard =
        Dashboard { frames: first, screen, signals, effects, received, keys: Some(EventStream::new()), quit: None };
    let files = Arc::clone(&dashboard.frames.state.files.watched);
    let watch = Effect::Watch { project: session.project, files };
    dashboard.carry_out(vec![watch]).await.map_err(no_terminal)?;
    let result = dashboard.turns().await;
    dashboard.close(result).await
}

/// The state before anything is heard: all that is known without asking anybody.
fn first_state(request: DashboardRequest, session: &Session) -> State {
    let mut state = State::new(Arc::clone(&session.project), now());
    let settings = &request.settings;
    let (keymap, warnings) = Keymap::with(&settings.keys);
    state.keymap = keymap;
    let mut all = request.settings_warnings;
    all.extend(warnings);
    if !THEMES.contains(&settings.theme.as_str()) {
        let what = format!("no theme is called {:?}", settings.theme);
        all.push(Diagnostic::warning(what).help(format!("there are {}", THEMES.join(", "))));
    }
    state.files.warnings = request.warnings.into_iter().map(Arc::new).collect();
    state.files.watched = Arc::new(request.files);
    state.warnings = all.into_iter().map(Arc::new).collect();
    state.appearance = Appearance { theme: settings.theme.clone(), colours: colours(request.colour) };
    state.on_change = request.on_change;
    state.on_change_default = settings.on_change;
    state.image_age_days = settings.image_age_days;
    state.logs.set_limit(settings.log_size);
    state.view.mouse = settings.mouse;
    state.zone = jiff::tz::TimeZone::system();
    state.log_view.set_zone(state.zone.clone());
    state.pending = request.goal;
    if let Some(folders) = &session.folders {
        let memory = Memory::of(folders, &session.project.name, &session.project.directory);
        match memory.load() {
            Ok(remembered) => state.remember(remembered),
            Err(error) => state.warnings.push(Arc::new((&error).into())),
        }
    }
    state
}

/// What the terminal says of itself; terminals that have true colour set COLORTERM.
fn colours(wanted: bool) -> Colours {
    let is = |name: &str, values: &[&str]| std::env::var(name).is_ok_and(|value| values.contains(&value.as_str()));
    if !wanted || is("TERM", &["dumb"]) {
        Colours::None
    } else if is("COLORTERM", &["truecolor", "24bit"]) {
        Colours::True
    } else {
        Colours::Sixteen
    }
}

/// The state, and when it was drawn last.
struct Frames {
    state: State,
    drawn: Instant,
}

impl Frames {
    fn draw(&mut self, screen: &mut Screen) -> io::Result<()> {
        self.state.dirty = false;
        self.drawn = Instant::now();
        screen.draw(&self.state)
    }

    /// When the next frame may be drawn that no key asked for.
    fn due(&self) -> Instant {
        self.drawn + FRAME
    }
}

struct Dashboard {
    frames: Frames,
    screen: Screen,
    signals: Signals,
    effects: Effects,
    received: Received,
    /// `None` while somebody else has the terminal.
    keys: Option<EventStream>,
    quit: Option<Quit>,
}

/// Which source woke the loop.
enum Woken {
    Key(Event),
    KeysEnded,
    Signal(Signal),
    Message(Message),
    Lines(crate::logs::Batch),
    Frame,
    Time,
    OwnLog,
}

impl Dashboard {
    async fn turns(&mut self) -> io::Result<Quit> {
        loop {
            let woken = self.wait().await;
            self.turn(woken).await?;
            if let Some(quit) = self.quit {
                return Ok(quit);
            }
        }
    }

    /// Waits for the next thing to do; keys come first.
    async fn wait(&mut self) -> Woken {
        let frames = &self.frames;
        let wake = frames.state.wake_at().map(|at| Instant::now() + at.since(now()));
        let Some(keys) = &mut self.keys else { return Woken::KeysEnded };
        tokio::select! {
            biased;
            event = keys.next() => match event {
                Some(Ok(event)) => Woken::Key(event),
                Some(Err(_)) | None => Woken::KeysEnded,
            },
            signal = self.signals.next() => Woken::Signal(signal),
            Some(message) = self.received.messages.recv() => Woken::Message(message),
            () = sleep_until(frames.due()), if frames.state.dirty => Woken::Frame,
            Some(batch) = self.received.lines.recv() => Woken::Lines(batch),
            () = sleep_until(wake.unwrap_or_else(Instant::now)), if wake.is_some() => Woken::Time,
            () = own_log::written(), if frames.state.overlay == Some(Overlay::OwnLog) => Woken::OwnLog,
        }
    }

    /// One turn: what woke the loop, what else is there already, then a frame if one is due.
    async fn turn(&mut self, woken: Woken) -> io::Result<()> {
        let mut pressed = false;
        match woken {
            Woken::Key(event) => pressed |= self.event(event).await?,
            // The terminal is gone without a word.
            Woken::KeysEnded => self.quit = Some(Quit::Signalled),
            Woken::Signal(signal) => self.signal(signal).await?,
            Woken::Message(message) => self.message(message).await?,
            Woken::Lines(batch) => self.lines(batch).await?,
            Woken::Frame => {}
            Woken::OwnLog => self.frames.state.dirty = true,
            Woken::Time => self.message(Message::Wake).await?,
        }
        pressed |= self.drain().await?;
        if self.quit.is_none() && self.frames.state.dirty && (pressed || self.frames.due() <= Instant::now()) {
            self.frames.draw(&mut self.screen)?;
        }
        Ok(())
    }

    /// Takes what is there already, a bounded number of each; says whether a key was among it.
    async fn drain(&mut self) -> io::Result<bool> {
        let mut pressed = false;
        for _ in 0..KEYS {
            let Some(keys) = &mut self.keys else { break };
            // With this task's own waker: the stream keeps the one it was last asked with, and a key wakes nobody else.
            let next = poll_fn(|context| Poll::Ready(keys.poll_next_unpin(context))).await;
            let Poll::Ready(Some(Ok(event))) = next else { break };
            pressed |= self.event(event).await?;
        }
        for _ in 0..MESSAGES {
            let Ok(message) = self.received.messages.try_recv() else { break };
            self.message(message).await?;
        }
        if let Ok(batch) = self.received.lines.try_recv() {
            self.lines(batch).await?;
        }
        Ok(pressed)
    }

    /// Takes an event of the terminal; says whether it is one that is answered at once.
    async fn event(&mut self, event: Event) -> io::Result<bool> {
        let input = match event {
            Event::Key(key) if key.kind != KeyEventKind::Release => Input::Key(key.into()),
            Event::Paste(text) => Input::Paste(text),
            Event::Mouse(mouse) => Input::Mouse(mouse),
            Event::Resize(columns, rows) => Input::Resized(columns, rows),
            Event::Key(_) | Event::FocusGained | Event::FocusLost => return Ok(false),
        };
        self.message(Message::Input(input)).await?;
        Ok(true)
    }

    async fn signal(&mut self, signal: Signal) -> io::Result<()> {
        match signal {
            Signal::Leave(signal) => self.message(Message::Signal(signal)).await,
            Signal::Stop => self.background(),
            // After a stop of ours this repaints once more, which is harmless.
            Signal::Continue => self.screen.take_back().map(|()| self.frames.state.dirty = true),
        }
    }

    async fn message(&mut self, message: Message) -> io::Result<()> {
        let effects = update(&mut self.frames.state, message, now());
        self.carry_out(effects).await
    }

    /// Takes a batch and those that wait behind it, as one message.
    async fn lines(&mut self, first: crate::logs::Batch) -> io::Result<()> {
        let mut batches = vec![first];
        while batches.len() < BATCHES {
            let Ok(batch) = self.received.lines.try_recv() else { break };
            batches.push(batch);
        }
        self.message(Message::Lines(batches)).await
    }

    /// Carries effects out: those of the terminal here, the others as tasks.
    async fn carry_out(&mut self, effects: Vec<Effect>) -> io::Result<()> {
        for effect in effects {
            match effect {
                Effect::Quit(quit) => self.quit = Some(quit),
                Effect::Copy(text) => self.screen.copy(&text)?,
                Effect::Mouse(mouse) => self.screen.set_mouse(mouse)?,
                Effect::Redraw => self.screen.repaint()?,
                Effect::Background => self.background()?,
                Effect::Suspend(session) => self.suspend(session).await?,
                other => self.effects.run(other),
            }
        }
        Ok(())
    }

    /// Gives the terminal back, stops, and takes it again when somebody continues devbox.
    fn background(&mut self) -> io::Result<()> {
        self.keys = None;
        self.screen.give();
        signals::stop_self();
        self.resume()
    }

    fn resume(&mut self) -> io::Result<()> {
        self.screen.take_back()?;
        self.keys = Some(EventStream::new());
        let (columns, rows) = self.screen.size()?;
        update(&mut self.frames.state, Message::Input(Input::Resized(columns, rows)), now());
        self.frames.state.dirty = true;
        Ok(())
    }

    /// Gives the terminal to a process in a container until that ends. Messages are taken in meanwhile, so that nothing
    /// waits for the user to come back; nothing is drawn.
    async fn suspend(&mut self, session: effect::Session) -> io::Result<()> {
        let Some(engine) = self.effects.engine() else { return Ok(()) };
        self.keys = None;
        self.screen.give();
        // What nobody sees is not measured.
        self.effects.run(Effect::Stats(BTreeSet::new()));
        let result = self.beside(engine, session).await;
        self.resume()?;
        self.effects.run(Effect::Stats(self.frames.state.measured.clone()));
        let effects = update(&mut self.frames.state, Message::Returned(result), now());
        Box::pin(self.carry_out(effects)).await
    }

    async fn beside(&mut self, engine: Engine, session: effect::Session) -> Result<(), Arc<Diagnostic>> {
        let project = Arc::clone(&self.frames.state.project);
        let mut shell = tokio::spawn(async move { shell::run(&engine, session, &project).await });
        loop {
            tokio::select! {
                ended = &mut shell => return match ended {
                    Ok(result) => result.map_err(Arc::new),
                    // The user's Ctrl-C, or a signal that ends devbox.
                    Err(error) if error.is_cancelled() => Ok(()),
                    Err(error) => Err(Arc::new(Diagnostic::error(format!("a bug in devbox ended the shell: {error}")))),
                },
                signal = self.signals.next() => match signal {
                    // Without a terminal of its own the process leaves Ctrl-C to us: it ends the conversation.
                    Signal::Leave(message::Signal::Interrupt) => shell.abort(),
                    Signal::Leave(_) => {
                        shell.abort();
                        self.quit = Some(Quit::Signalled);
                    }
                    Signal::Stop => signals::stop_self(),
                    Signal::Continue => {}
                },
                Some(message) = self.received.messages.recv() => self.aside(message),
                Some(batch) = self.received.lines.recv() => self.aside(Message::Lines(vec![batch])),
            }
        }
    }

    /// Takes a message in while the terminal is somebody else's: what would need it is left out.
    fn aside(&mut self, message: Message) {
        for effect in update(&mut self.frames.state, message, now()) {
            match effect {
                Effect::Quit(quit) => self.quit = Some(quit),
                Effect::Stats(_) => {}
                other => self.effects.run(other),
            }
        }
    }

    /// Gives the terminal back first, then ends every task.
    async fn close(self, result: io::Result<Quit>) -> Result<Ended, Box<Diagnostic>> {
        let words = self.farewell();
        drop(self.keys);
        drop(self.screen);
        self.effects.shut_down().await;
        match result {
            Ok(quit @ Quit::Signalled) => Ok(Ended { quit, words: String::new() }),
            Ok(quit @ Quit::Left) => Ok(Ended { quit, words }),
            Ok(quit @ Quit::Stopped) => Ok(Ended { quit, words: "everything is stopped".to_owned() }),
            // A terminal that is gone takes devbox with it, as SIGHUP would have.
            Err(_) => Ok(Ended { quit: Quit::Signalled, words: String::new() }),
        }
    }

    fn farewell(&self) -> String {
        let state = &self.frames.state;
        let running = state.project.services.keys().filter(|name| state.running_container(name).is_some()).count();
        match running {
            0 => String::new(),
            1 => format!("{}: 1 service goes on running. `devbox stop` stops it.", state.project.name),
            count => format!("{}: {count} services go on running. `devbox stop` stops them.", state.project.name),
        }
    }
}
