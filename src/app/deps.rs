//! What the Deps tab knows: each service's packages as declared, built and installed, and what was asked to learn them.
//!
//! Asked only for the service whose packages are looked at. An answer holds while its [`Question`] stays the same, so that nothing
//! is asked twice and nothing is shown that another image or another start made untrue.

use std::{collections::BTreeMap, sync::Arc};

use super::{
    state::State,
    view::{Pane, Tab},
};
use crate::{
    manifest::comparison::Comparison,
    model::{ContainerId, Diagnostic, Digest, ImageId, ServiceName, Timestamp},
};

/// Everything that an answer depends on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// Whose packages.
    pub service: ServiceName,
    /// The manifests on disk.
    pub digests: Vec<(String, Option<Digest>)>,
    /// The image, where there is one.
    pub image: Option<ImageId>,
    /// The start of a container, where one runs.
    pub container: Option<(ContainerId, Option<Timestamp>)>,
    /// An engine can be asked.
    pub engine: bool,
}

/// What came of a question.
pub type Answer = Result<Arc<Comparison>, Arc<Diagnostic>>;

/// Questions and answers, the last ones of each service.
#[derive(Debug, Clone, Default)]
pub struct Deps {
    /// What is being asked.
    asked: Option<Question>,
    /// Without its question an answer is shown and asked for again.
    answers: BTreeMap<ServiceName, (Option<Question>, Answer)>,
}

impl Deps {
    /// The last answer for a service, perhaps one that is being asked for again.
    pub fn answer(&self, service: &ServiceName) -> Option<&Answer> {
        self.answers.get(service).map(|(_, answer)| answer)
    }

    /// Whether an answer for a service is on its way.
    pub fn is_asking(&self, service: &ServiceName) -> bool {
        self.asked.as_ref().is_some_and(|asked| asked.service == *service)
    }

    /// Takes note that this is asked now. `false` when it is already, or was answered.
    pub(super) fn ask(&mut self, question: &Question) -> bool {
        let answered = self.answers.get(&question.service).is_some_and(|(known, _)| known.as_ref() == Some(question));
        if answered || self.asked.as_ref() == Some(question) {
            return false;
        }
        self.asked = Some(question.clone());
        true
    }

    /// Takes an answer. One to an earlier question is better than none.
    pub(super) fn take(&mut self, question: Question, answer: Answer) {
        if self.asked.as_ref() == Some(&question) {
            self.asked = None;
        }
        self.answers.insert(question.service.clone(), (Some(question), answer));
    }

    /// Everything is asked again when it is looked at next: somebody may have installed something by hand.
    pub(super) fn doubt(&mut self) {
        self.answers.values_mut().for_each(|(question, _)| *question = None);
    }

    /// Forgets services that are gone.
    pub(super) fn retain(&mut self, is_there: impl Fn(&ServiceName) -> bool) {
        self.answers.retain(|name, _| is_there(name));
    }
}

/// What is to be known for what is on the screen: `None` while the tab isn't shown, or nothing can be learned.
pub(super) fn wanted(state: &State) -> Option<Question> {
    let shown = state.view.tab == Tab::Deps && !state.geometry().content(Pane::Main).is_empty();
    let service = state.view.cursor.as_ref().filter(|_| shown && state.sources_read)?;
    let sources = state.sources.services.get(service)?;
    let engine = state.engine.is_connected() && state.observed.is_some();
    // What an engine said before it was lost is worth more than what can be known without one.
    if !engine && (!state.engine.is_lost() || state.deps.answer(service).is_some()) {
        return None;
    }
    let digests = sources.manifests.iter().map(|manifest| (manifest.name.clone(), manifest.digest)).collect();
    let container = state.running_container(service).map(|container| (container.id.clone(), container.started));
    let image = state.image(service).map(|image| image.id.clone());
    Some(Question { service: service.clone(), digests, image, container, engine })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        app::{
            effect::Effect,
            engine_status::EngineName,
            fixture::{answered, press, send, steady, with_observed},
            message::{EngineReport, Message},
        },
        model::ContainerState,
    };

    fn asked(effects: Vec<Effect>) -> Vec<Question> {
        let question = |effect| if let Effect::Compare(question) = effect { Some(*question) } else { None };
        effects.into_iter().filter_map(question).collect()
    }

    #[test]
    fn what_is_looked_at_is_asked_for_once_and_again_when_it_may_have_changed() {
        let mut state = steady(160, 48);
        let first = asked(press(&mut state, "3"));
        assert_eq!(first.len(), 1);
        assert_eq!(asked(press(&mut state, "j k")), [], "scrolling asks for nothing");
        send(&mut state, Message::Compared(Box::new(first[0].clone()), Ok(Arc::default())));
        assert_eq!(asked(press(&mut state, "Tab S-Tab")), [], "it was answered");
        assert_eq!(asked(press(&mut state, "1 3")).len(), 1, "whoever comes back wants to see it as it is");
        let stopped = |observed: &mut crate::model::Observed| {
            for container in observed.containers.iter_mut().filter(|container| container.service == *"web") {
                container.state = ContainerState::Exited;
            }
        };
        let second = asked(with_observed(&mut state, stopped));
        assert_eq!(second.iter().map(|question| question.container.is_some()).collect::<Vec<_>>(), [false]);
        press(&mut state, "1");
        assert_eq!(asked(with_observed(&mut state, |_| {})), [], "a hidden tab costs nothing");
    }

    #[test]
    fn what_an_engine_that_went_away_did_not_say_is_asked_again() {
        let mut state = steady(160, 48);
        let lost = Arc::new(Diagnostic::error("the connection broke"));
        answered(&mut state, Err(Arc::clone(&lost)));
        let retry_at = state.now;
        assert_eq!(asked(send(&mut state, Message::Engine(EngineReport::Lost { why: lost, retry_at }))), []);
        let name = EngineName { product: "docker 28.5".into(), place: "unix".into() };
        assert_eq!(asked(send(&mut state, Message::Engine(EngineReport::Connected(name)))).len(), 1);
    }

    #[test]
    fn a_service_that_is_not_built_is_not_asked_about() {
        let mut state = steady(160, 48);
        state.view.cursor = Some(crate::app::fixture::name("db"));
        assert_eq!(asked(press(&mut state, "3")), []);
    }
}
