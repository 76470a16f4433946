//! What a service's packages are, learned for the Deps tab: one question at a time, the last one counts.

use std::sync::Arc;

use tokio::{
    sync::watch,
    task::{AbortHandle, spawn_blocking},
};

use super::{Effects, Sender};
use crate::{
    app::{deps::Question, message::Message},
    engine::Engine,
    manifest::{Reader, discover},
    model::{Diagnostic, Observed, Project},
    runtime::dependencies::{self, Subject},
    settings::{Folders, Texts},
};

/// The question that is being asked.
#[derive(Debug, Default)]
pub(super) struct Comparing(Option<AbortHandle>);

impl Effects {
    /// Asks; what was being asked before is given up.
    pub(super) fn compare(&mut self, question: Question) {
        if let Some(before) = self.comparing.0.take() {
            before.abort();
        }
        let (sender, folders) = (self.sender.clone(), self.session.folders.clone());
        let (project, observed) = (Arc::clone(&self.session.project), self.connection.observed());
        let engine = self.engine();
        let asking = learn(sender, question, project, observed, engine, folders);
        self.comparing.0 = Some(self.spawn("a look at packages", asking));
    }
}

async fn learn(
    sender: Sender,
    question: Question,
    project: Arc<Project>,
    observed: watch::Receiver<Arc<Observed>>,
    engine: Option<Engine>,
    folders: Option<Folders>,
) {
    let Some(service) = project.services.get(&question.service) else { return };
    let Some(build) = service.build.clone() else { return };
    let Ok(discovered) = spawn_blocking(move || discover(&build, &mut Reader::new())).await else { return };
    let observed = Arc::clone(&observed.borrow());
    let texts = folders.as_ref().map(Texts::of);
    let subject = Subject {
        discovered: &discovered,
        services: std::slice::from_ref(&question.service),
        image: &service.image_name(&project.name),
        engine: engine.as_ref().filter(|_| question.engine),
        observed: &observed,
        texts: texts.as_ref(),
    };
    let answer = dependencies::compare(subject).await;
    let answer = answer.map(Arc::new).map_err(|error| Arc::new(Diagnostic::from(error)));
    sender.send(Message::Compared(Box::new(question), answer)).await;
}
