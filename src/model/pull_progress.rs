//! What a pull reports. Plain data: `engine::pull` makes these, the screen and the headless verbs show them.

/// One thing that a running pull reports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PullEvent {
    /// A layer, by its short digest, is in this state now.
    Layer {
        /// The first twelve digits of its digest.
        id: String,
        /// What it does.
        state: LayerState,
    },
    /// The image is there. The last event.
    Done {
        /// Nothing had to be fetched.
        up_to_date: bool,
        /// `sha256:…` of the manifest, where the registry said it.
        digest: Option<String>,
    },
}

/// What a layer of a pull does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LayerState {
    /// It is known, and waits.
    Waiting,
    /// It comes in.
    Downloading {
        /// Bytes so far.
        current: u64,
        /// Bytes in all; 0 where that isn't known.
        total: u64,
    },
    /// It came in, and is compared with its digest or waits to be unpacked.
    Downloaded,
    /// It is unpacked.
    Extracting {
        /// Bytes so far.
        current: u64,
        /// Bytes in all; 0 where that isn't known.
        total: u64,
    },
    /// It is there.
    Done,
    /// It was there before.
    AlreadyThere,
    /// The registry failed; the engine tries again.
    Retrying,
}
